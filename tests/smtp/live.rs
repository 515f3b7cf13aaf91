//! Dialogues over real connections, one line at a time as a client would.

use crate::doubles::{Double, settings};
use crate::script::{self, Script, Step};
use crate::tls::{every_certificate, trusting};
use mailproof::serve::smtp::{self, Settings};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Long enough for a slow machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server on loopback.
pub struct Server {
    pub address: SocketAddr,
    pub double: Arc<Double>,
    pub settings: Arc<Settings>,
    pub stop: watch::Sender<bool>,
    pub task: JoinHandle<()>,
}

impl Server {
    pub fn start(script: &Script) -> Self {
        Self::with(script, |_| {})
    }

    pub fn with(script: &Script, change: impl FnOnce(&mut Settings)) -> Self {
        let double = Double::new(script);
        let listeners = smtp::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let mut settings = settings(script, address.ip(), every_certificate());
        change(Arc::get_mut(&mut settings).unwrap());
        let (stop, shutdown) = watch::channel(false);
        let run = smtp::run(listeners, settings.clone(), double.ports(), shutdown);
        Self {
            address,
            double,
            settings,
            stop,
            task: tokio::spawn(run),
        }
    }

    /// Waits until the desk and the relay were told as many things.
    pub async fn told(&self, count: usize) -> Vec<String> {
        let enough = async {
            loop {
                let told = self.double.told.lock().unwrap().clone();
                if told.len() >= count {
                    return told;
                }
                self.double.news.notified().await;
            }
        };
        match tokio::time::timeout(PATIENCE, enough).await {
            Ok(told) => told,
            Err(_) => self.double.told.lock().unwrap().clone(),
        }
    }

    /// The same under a clock that jumps, which must not jump past a limit of ours.
    pub async fn told_at_any_time(&self, count: usize) -> Vec<String> {
        while self.double.told.lock().unwrap().len() < count {
            self.double.news.notified().await;
        }
        self.double.told.lock().unwrap().clone()
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the listener stops")
            .unwrap();
    }
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A client that sends bytes and expects lines.
pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).await.unwrap())
    }

    /// A client of another address of this machine.
    pub async fn from(source: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        Self::on(socket.connect(address).await.unwrap())
    }

    pub fn on(stream: impl Stream + 'static) -> Self {
        Self {
            stream: BufReader::new(Box::new(stream)),
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next line, without its end; empty at the end of the stream.
    pub async fn line(&mut self) -> String {
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, self.stream.read_line(&mut line))
            .await
            .expect("the server speaks")
            .unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }

    /// The next line under a clock that jumps.
    pub async fn line_of_any_age(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }

    /// Whether the server closes without another word.
    pub async fn ends(&mut self) -> bool {
        let mut rest = Vec::new();
        let end = self.stream.read_to_end(&mut rest);
        tokio::time::timeout(PATIENCE, end).await.is_ok() && rest.is_empty()
    }

    /// Greets in clear text, asks for TLS and gives the stream back.
    pub async fn into_starttls(mut self) -> Box<dyn Stream> {
        self.line().await;
        self.send(b"EHLO mail.example.net\r\n").await;
        while self.line().await.starts_with("250-") {}
        self.send(b"STARTTLS\r\n").await;
        assert_eq!(self.line().await, "220 2.0.0 Ready to start TLS");
        self.stream.into_inner()
    }
}

async fn play(script: &Script) {
    let server = Server::start(script);
    let mut client = Client::connect(server.address).await;
    for step in &script.steps {
        match step {
            Step::Send(bytes) => client.send(bytes).await,
            Step::Expect(line) => assert_eq!(&client.line().await, line, "{}", script.name),
            Step::Tls(sni) => {
                let (config, name) = trusting(sni.as_deref());
                let stream = client.stream.into_inner();
                let name = ServerName::try_from(name).unwrap();
                let connected = TlsConnector::from(config).connect(name, stream).await;
                client = Client::on(connected.unwrap());
            }
            Step::Fin => client.stream.shutdown().await.unwrap(),
        }
    }
    assert!(client.ends().await, "{} goes on", script.name);
    drop(client);
    assert_eq!(
        server.told(script.told.len()).await,
        script.told,
        "{}",
        script.name
    );
    server.stop().await;
}

#[tokio::test]
async fn dialogues_go_as_written_over_a_real_connection() {
    for script in script::all() {
        play(&script).await;
    }
}
