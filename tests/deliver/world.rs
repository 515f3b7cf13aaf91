//! A resolver and mail servers that say what the test wrote down.

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::rdata::tlsa::TLSA;
use hickory_proto::rr::rdata::{A, MX, TXT};
use hickory_proto::rr::{Name, RData, Record};
use mailproof::base::ports::Clock;
use mailproof::base::{Domain, Mailbox, Policy, Timestamp};
use mailproof::dial::deliver::{Delivery, Outcome, Smarthost, StsCache, deliver, submit};
use mailproof::dial::smtp::Timeouts;
use mailproof::dial::{Dial, Settings, Validate};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// What the resolver answers, securely, to a name; other names have nothing.
pub type Zone = HashMap<(String, &'static str), Vec<RData>>;

async fn resolver(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            let query = question.queries[0].clone();
            let mut answer = Message::response(question.metadata.id, OpCode::Query);
            answer.metadata.authentic_data = true;
            answer.metadata.recursion_available = true;
            let name = query.name().to_ascii().trim_end_matches('.').to_owned();
            let kind = query.query_type().to_string();
            let found = zone.iter().find(|(key, _)| key.0 == name && key.1 == kind);
            for data in found.map(|(_, data)| data.clone()).unwrap_or_default() {
                answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
            answer.add_query(query);
            let _ = socket.send_to(&answer.to_vec().unwrap(), client).await;
        }
    });
    address
}

/// A CA of the test's own.
pub struct Ca {
    params: CertificateParams,
    key: KeyPair,
    pub root: CertificateDer<'static>,
}

impl Ca {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { params, key, root }
    }

    /// A server's TLS with a certificate for `host`, issued by this CA, and its `3 1 1` digest.
    pub fn issue(&self, host: &str) -> (Arc<ServerConfig>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let leaf = params.signed_by(&key, &issuer).unwrap().der().clone();
        (server_tls(leaf, &key), digest(&key))
    }
}

/// A server's TLS with a self-signed certificate for `host`, and its `3 1 1` digest.
pub fn self_signed(host: &str) -> (Arc<ServerConfig>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let leaf = params.self_signed(&key).unwrap().der().clone();
    (server_tls(leaf, &key), digest(&key))
}

fn digest(key: &KeyPair) -> Vec<u8> {
    let spki = rcgen::PublicKeyData::subject_public_key_info(key);
    ring::digest::digest(&ring::digest::SHA256, &spki)
        .as_ref()
        .to_vec()
}

fn server_tls(leaf: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .unwrap();
    Arc::new(config)
}

/// How a mail server behaves.
#[derive(Clone)]
pub struct Script {
    /// What it sends at first.
    pub greeting: Greeting,
    /// Its TLS, offered when there.
    pub tls: Option<Arc<ServerConfig>>,
    /// What it sends behind its go-ahead for TLS, in the same segment.
    pub inject: &'static str,
    /// Its answers to commands, by how they begin; others are answered as usual.
    pub answers: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Copy)]
pub enum Greeting {
    /// These octets.
    Text(&'static str),
    /// The same line for ever.
    Endless(&'static str),
    /// Nothing.
    Silence,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: Greeting::Text("220 mx ready\r\n"),
            tls: None,
            inject: "",
            answers: Vec::new(),
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

type Log = Arc<Mutex<Vec<String>>>;

/// Plays one connection; every line heard goes into the log.
async fn play(stream: tokio::net::TcpStream, script: Script, log: Log) -> std::io::Result<()> {
    let mut io: Box<dyn Io> = Box::new(stream);
    match script.greeting {
        Greeting::Silence => return io.read(&mut [0]).await.map(|_| ()),
        Greeting::Text(text) => io.write_all(text.as_bytes()).await?,
        Greeting::Endless(line) => loop {
            io.write_all(line.as_bytes()).await?;
        },
    }
    let mut io = BufReader::new(io);
    let mut offer = script.tls.clone();
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await? == 0 {
            log.lock().unwrap().push("(end)".to_owned());
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        log.lock().unwrap().push(line.clone());
        let given = script
            .answers
            .iter()
            .find(|(start, _)| line.starts_with(start));
        let answer = match (given, line.as_str()) {
            (Some((_, answer)), _) => format!("{answer}\r\n"),
            (None, "STARTTLS") => format!("220 go ahead\r\n{}", script.inject),
            (None, "DATA") => "354 go on\r\n".to_owned(),
            (None, "QUIT") => "221 bye\r\n".to_owned(),
            (None, text) if text.starts_with("EHLO") && offer.is_some() => {
                "250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n".to_owned()
            }
            (None, _) => "250-mx\r\n250 SIZE 1000\r\n".to_owned(),
        };
        io.write_all(answer.as_bytes()).await?;
        if line == "DATA" && answer.starts_with("354") {
            message(&mut io, &log).await?;
            let end = script.answers.iter().find(|(start, _)| *start == ".");
            let answer = end.map_or("250 taken".to_owned(), |(_, answer)| (*answer).to_owned());
            io.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        if line == "STARTTLS" && answer.starts_with("220") {
            let config = offer.take().unwrap();
            let tls = TlsAcceptor::from(config).accept(io.into_inner()).await?;
            let sni = tls.get_ref().1.server_name().unwrap_or("-").to_owned();
            log.lock().unwrap().push(format!("(tls {sni})"));
            io = BufReader::new(Box::new(tls));
        }
    }
}

async fn message(io: &mut BufReader<Box<dyn Io>>, log: &Log) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        io.read_line(&mut line).await?;
        log.lock()
            .unwrap()
            .push(format!("| {}", line.escape_debug()));
        if line == ".\r\n" {
            return Ok(());
        }
    }
}

/// Mail servers on 127.0.1.1, 127.0.1.2 ... of `d.example`, in that order of preference.
pub struct World {
    pub ca: Ca,
    pub zone: Zone,
    scripts: Vec<Script>,
    https_port: u16,
}

/// What a delivery came to.
pub struct Seen {
    pub outcome: Outcome,
    /// What each server heard.
    pub heard: Vec<String>,
}

pub fn host(number: usize) -> String {
    format!("mx{number}.d.example")
}

impl World {
    pub fn new(scripts: Vec<Script>) -> Self {
        Self {
            ca: Ca::new(),
            zone: Zone::new(),
            scripts,
            https_port: 443,
        }
    }

    /// Gives TLS to a server.
    pub fn serve_tls(&mut self, number: usize, tls: Arc<ServerConfig>) {
        self.scripts[number - 1].tls = Some(tls);
    }

    /// Publishes `3 1 1` of this digest for a host.
    pub fn tlsa(&mut self, number: usize, digest: Vec<u8>) {
        let data = TLSA::new(3.into(), 1.into(), 1.into(), digest);
        let name = format!("_25._tcp.{}", host(number));
        self.zone.insert((name, "TLSA"), vec![RData::TLSA(data)]);
    }

    /// Publishes an MTA-STS policy, on a host with a certificate of the CA or one of its own.
    pub async fn policy(&mut self, policy: &'static str, trusted: bool) {
        let text = RData::TXT(TXT::new(vec!["v=STSv1; id=1;".to_owned()]));
        let (record, host) = ("_mta-sts.d.example", "mta-sts.d.example");
        self.zone.insert((record.to_owned(), "TXT"), vec![text]);
        let address = Ipv4Addr::new(127, 0, 1, 99);
        self.zone
            .insert((host.to_owned(), "A"), vec![RData::A(A(address))]);
        let (tls, _) = match trusted {
            true => self.ca.issue(host),
            false => self_signed(host),
        };
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        self.https_port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(stream).await else {
                    continue;
                };
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.unwrap();
                let wanted = b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n";
                assert!(request[..read].starts_with(wanted));
                let length = policy.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
                );
                stream
                    .write_all(format!("{head}{policy}").as_bytes())
                    .await
                    .unwrap();
                let _ = stream.shutdown().await;
            }
        });
    }

    /// Hands a message to the first server as a relay.
    pub async fn submit(self, credentials: Option<(&str, &str)>) -> Seen {
        let relay = |port| Smarthost {
            host: name(&host(1)),
            port,
            credentials: credentials.map(|(user, word)| (user.to_owned(), word.to_owned())),
        };
        self.run(async |dial, port| {
            let to = Mailbox::parse("jim@far.example").unwrap();
            let helo = "client.example".to_owned();
            let mut delivery = Delivery::new(Policy::None, to, (*b"x").into(), helo, 1);
            delivery.timeouts = Timeouts::all(Duration::from_secs(20));
            submit(&dial, &relay(port), &delivery, &Now).await
        })
        .await
    }

    /// Delivers `message` to `jim@d.example`; `change` has the last word on how.
    pub async fn deliver(
        self,
        policy: Policy,
        message: &str,
        change: impl FnOnce(&mut Delivery),
    ) -> Seen {
        let to = Mailbox::parse("jim@d.example").unwrap();
        let helo = "client.example".to_owned();
        let mut delivery = Delivery::new(policy, to, message.as_bytes().into(), helo, 1);
        delivery.timeouts = Timeouts::all(Duration::from_secs(20));
        change(&mut delivery);
        self.run(async |dial, _| {
            let cache = StsCache::default();
            deliver(&dial, &delivery, &cache, &Now, &mut |progress| {
                println!("{progress}")
            })
            .await
        })
        .await
    }

    async fn run(mut self, act: impl AsyncFnOnce(Dial, u16) -> Outcome) -> Seen {
        let mut listeners = Vec::new();
        let mut port = 0;
        let mut servers = Vec::new();
        for (number, script) in (1..).zip(self.scripts) {
            let address = Ipv4Addr::new(127, 0, 1, number as u8);
            let listener = TcpListener::bind((address, port)).await.unwrap();
            port = listener.local_addr().unwrap().port();
            let name = Name::from_ascii(host(number)).unwrap();
            let mx = RData::MX(MX::new(number as u16, name));
            let all = self.zone.entry(("d.example".to_owned(), "MX"));
            all.or_default().push(mx);
            self.zone
                .insert((host(number), "A"), vec![RData::A(A(address))]);
            let log = Log::default();
            let busy = Arc::new(tokio::sync::Mutex::new(()));
            servers.push((log.clone(), busy.clone()));
            listeners.push(tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let _busy = busy.lock().await;
                    // A client that goes away in the middle is part of the tests.
                    let _ = play(stream, script.clone(), log.clone()).await;
                }
            }));
        }
        let dial = Dial::new(Settings {
            resolvers: vec![resolver(self.zone).await],
            validate: Validate::Upstream,
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            extra_roots: vec![self.ca.root.clone()],
            smtp_port: port,
            https_port: self.https_port,
            source: Some(IpAddr::from([127, 0, 0, 9])),
            ..Settings::default()
        })
        .unwrap();
        let outcome = act(dial, port).await;
        let mut heard = Vec::new();
        for (log, busy) in servers {
            // The client has closed; a server is done when it has heard that.
            let _done = busy.lock().await;
            heard.push(log.lock().unwrap().join(", "));
        }
        for listener in listeners {
            listener.abort();
        }
        Seen { outcome, heard }
    }
}

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub fn name(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}
