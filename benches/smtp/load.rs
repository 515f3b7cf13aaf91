//! The load: so many deliveries, handshakes or idle connections, by clients that come from many networks.

use super::dialogue::{Client, Dialogue, Unexpected};
use super::progress::Progress;
use rustls::pki_types::ServerName;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Networks of the clients, so that no limit for one network is met, and an origin has a few tests only.
pub const NETWORKS: usize = 1000;
/// Octets of a message, its header included.
pub const MESSAGE: usize = 2048;
/// A little longer than the plaintext window of our receiver, for all receivers alike.
const WINDOW: Duration = Duration::from_millis(1300);
/// How long one of all the things that clients do may take; only a broken receiver needs it.
const LIMIT: Duration = Duration::from_secs(30);
/// Host of the receiver under test, as SNI and in the recipient's domain.
const HOST: &str = "mx05.et.example.org";
const RECIPIENT: &str = "en@et.example.org";

/// What the clients do, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A complete delivery: EHLO, STARTTLS, a full handshake, EHLO, MAIL, RCPT, DATA, the message, `451`, QUIT.
    Deliver(Senders),
    /// TCP, a full handshake, and the end of both.
    Shake,
}

/// The envelope senders, of which none ever comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// Each in a domain of its own, as it is in a test of mail protection.
    Apart,
    /// All in one domain, whose SPF and DMARC records need to be looked up only once.
    Together,
}

/// The clients of one receiver.
#[derive(Clone)]
pub struct Load {
    client: Client,
    /// Clients at one time.
    clients: usize,
    /// When the messages are written; evidence older than a message would not count for its test.
    date: Arc<str>,
}

impl Load {
    /// So many clients, at one time, of the receiver at this address.
    ///
    /// # Errors
    /// When there are no such clients to be had.
    pub fn new(receiver: SocketAddr, clients: usize) -> Result<Self, Unexpected> {
        let host = ServerName::try_from(HOST).map_err(|error| Unexpected(error.to_string()))?;
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
        Ok(Self {
            client: Client::new(receiver, host)?,
            clients,
            date: date.to_string().into(),
        })
    }

    /// Whether the receiver greets.
    ///
    /// # Errors
    /// What it did instead.
    pub async fn greeted(&self) -> Result<(), Unexpected> {
        let mut dialogue = self.client.connect(Ipv4Addr::LOCALHOST).await?;
        dialogue.expect("220", "greeting").await
    }

    /// Whether the receiver shakes hands.
    ///
    /// # Errors
    /// What it did instead.
    pub async fn shaken(&self) -> Result<(), Unexpected> {
        self.shake(0).await
    }

    /// Lets every network greet once and waits until our receiver's plaintext window is over for all of them.
    ///
    /// # Errors
    /// What a client met instead of what it expected.
    pub async fn warm_up(&self) -> Result<(), Unexpected> {
        let silent = Progress::silent();
        let load = self.clone();
        self.run(NETWORKS, &silent, move |number| {
            let load = load.clone();
            async move { load.greet(number).await?.say("QUIT\r\n", "221").await }
        })
        .await?;
        tokio::time::sleep(WINDOW).await;
        Ok(())
    }

    /// Does the work so many times, and says how long it took.
    ///
    /// # Errors
    /// How many times something else than expected was met, and what it was first.
    pub async fn work(
        &self,
        work: Work,
        times: usize,
        progress: &Progress,
    ) -> Result<Duration, Unexpected> {
        let load = self.clone();
        let start = Instant::now();
        self.run(times, progress, move |number| {
            let load = load.clone();
            async move {
                match work {
                    Work::Deliver(senders) => load.deliver(number, senders).await,
                    Work::Shake => load.shake(number).await,
                }
            }
        })
        .await?;
        Ok(start.elapsed())
    }

    /// Opens so many connections that say nothing more after EHLO, inside TLS or in clear text, and holds them.
    ///
    /// # Errors
    /// As for [`Load::work`].
    pub async fn idle(
        &self,
        tls: bool,
        connections: usize,
        progress: &Progress,
    ) -> Result<Vec<Idle>, Unexpected> {
        let held = Arc::new(Mutex::new(Vec::with_capacity(connections)));
        let (load, into) = (self.clone(), Arc::clone(&held));
        self.run(connections, progress, move |number| {
            let (load, into) = (load.clone(), Arc::clone(&into));
            async move {
                let clear = load.greet(number).await?;
                let idle = match tls {
                    true => Idle::Tls(Box::new(load.secure(number, clear).await?)),
                    false => Idle::Clear(clear),
                };
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(idle);
                Ok(())
            }
        })
        .await?;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *held))
    }

    async fn greet(&self, number: usize) -> Result<Dialogue<TcpStream>, Unexpected> {
        let mut dialogue = self.client.connect(source(number)).await?;
        dialogue.expect("220", "greeting").await?;
        dialogue.say(&ehlo(number), "250").await?;
        Ok(dialogue)
    }

    async fn secure(
        &self,
        number: usize,
        mut clear: Dialogue<TcpStream>,
    ) -> Result<Secured, Unexpected> {
        clear.say("STARTTLS\r\n", "220").await?;
        let mut secured = self.client.secure(clear).await?;
        secured.say(&ehlo(number), "250").await?;
        Ok(secured)
    }

    async fn deliver(&self, number: usize, senders: Senders) -> Result<(), Unexpected> {
        let sender = match senders {
            Senders::Apart => format!("jim@s{number}.example"),
            Senders::Together => format!("s{number}@sender.example"),
        };
        let clear = self.greet(number).await?;
        let mut dialogue = self.secure(number, clear).await?;
        dialogue
            .say(&format!("MAIL FROM:<{sender}>\r\n"), "250")
            .await?;
        dialogue
            .say(&format!("RCPT TO:<{RECIPIENT}>\r\n"), "250")
            .await?;
        dialogue.say("DATA\r\n", "354").await?;
        let message = message(&sender, &self.date);
        dialogue.send(message.as_bytes()).await?;
        dialogue.expect("451", "message").await?;
        dialogue.say("QUIT\r\n", "221").await?;
        dialogue.close().await
    }

    async fn shake(&self, number: usize) -> Result<(), Unexpected> {
        let clear = self.client.connect(source(number)).await?;
        self.client.secure(clear).await?.close().await
    }

    /// Does something so many times.
    async fn run<F>(
        &self,
        times: usize,
        progress: &Progress,
        work: impl Fn(usize) -> F + Send + Sync + 'static,
    ) -> Result<(), Unexpected>
    where
        F: Future<Output = Result<(), Unexpected>> + Send,
    {
        let (next, work) = (Arc::new(AtomicUsize::new(0)), Arc::new(work));
        let mut clients = JoinSet::new();
        for _ in 0..self.clients {
            let (next, work, progress) = (Arc::clone(&next), Arc::clone(&work), progress.clone());
            clients.spawn(async move {
                let mut met = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= times {
                        return met;
                    }
                    match tokio::time::timeout(LIMIT, work(number)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(unexpected)) => met.push(unexpected),
                        Err(_) => met.push(Unexpected(format!("nothing within {LIMIT:?}"))),
                    }
                    progress.step(times);
                }
            });
        }
        let met: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
        match met.first() {
            None => Ok(()),
            Some(first) => Err(Unexpected(format!(
                "{} of {times} went wrong, the first so: {first}",
                met.len()
            ))),
        }
    }
}

type Secured = Dialogue<tokio_rustls::client::TlsStream<TcpStream>>;

/// A connection that is held.
pub enum Idle {
    Clear(#[expect(dead_code, reason = "held")] Dialogue<TcpStream>),
    Tls(#[expect(dead_code, reason = "held")] Box<Secured>),
}

/// The address that the client with this number comes from: each network in its turn, in it each host in its turn.
fn source(number: usize) -> Ipv4Addr {
    let [.., high, low] = (number % NETWORKS).to_be_bytes();
    let [.., host] = (1 + number / NETWORKS % 250).to_be_bytes();
    Ipv4Addr::new(127, 64 + high, low, host)
}

/// How that client greets: each network is another provider's.
fn ehlo(number: usize) -> String {
    format!("EHLO mail.provider{}.example\r\n", number % NETWORKS)
}

/// A message of [`MESSAGE`] octets, and the end of data behind it.
fn message(sender: &str, date: &str) -> String {
    let mut message = format!(
        "From: {sender}\r\nTo: {RECIPIENT}\r\nSubject: How well is my mail protected?\r\n\
         Date: {date}\r\nMessage-ID: <{sender}>\r\n\r\n"
    );
    const LINE: &str = "Please tell me, for I should like to know it, and so would my boss.\r\n";
    while message.len() + LINE.len() + 2 < MESSAGE {
        message.push_str(LINE);
    }
    let rest = MESSAGE.saturating_sub(message.len() + 2);
    message.push_str(&"x".repeat(rest));
    message.push_str("\r\n.\r\n");
    message
}
