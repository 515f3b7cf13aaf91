//! The client's side of SMTP: one line said, one reply read, nothing else than expected taken.

use super::trusting;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Octets of a reply; none of the receivers says more.
const REPLY: usize = 4096;

/// What a client met instead of what it expected.
#[derive(Debug)]
pub struct Unexpected(pub String);

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unexpected {}

/// A client: whom it connects to, and how it shakes hands.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    tls: TlsConnector,
    server: ServerName<'static>,
}

impl Client {
    /// A client that sends `server` as SNI and takes any certificate.
    pub fn new(address: SocketAddr, server: ServerName<'static>) -> Result<Self, Unexpected> {
        // What a receiver's work costs does not depend on what its clients check.
        let mut config = trusting::client(true).map_err(|error| Unexpected(error.to_string()))?;
        config.resumption = Resumption::disabled();
        Ok(Self {
            address,
            tls: TlsConnector::from(Arc::new(config)),
            server,
        })
    }

    /// A connection from this address.
    pub async fn connect(&self, from: Ipv4Addr) -> Result<Dialogue<TcpStream>, Unexpected> {
        let connected = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_nodelay(true)?;
            socket.bind(SocketAddrV4::new(from, 0).into())?;
            socket.connect(self.address).await
        };
        let stream = connected.await.map_err(|error| met("connect", &error))?;
        Ok(Dialogue::new(stream))
    }

    /// The same connection, inside TLS.
    pub async fn secure(
        &self,
        clear: Dialogue<TcpStream>,
    ) -> Result<Dialogue<TlsStream<TcpStream>>, Unexpected> {
        let secured = self.tls.connect(self.server.clone(), clear.stream).await;
        let stream = secured.map_err(|error| met("handshake", &error))?;
        Ok(Dialogue::new(stream))
    }
}

/// A connection on which lines are said and replies are read.
pub struct Dialogue<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    const fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Says something, which has to be answered with this code.
    pub async fn say(&mut self, what: &str, code: &str) -> Result<(), Unexpected> {
        self.send(what.as_bytes()).await?;
        let verb = what.split(['\r', ' ']).next().unwrap_or_default();
        self.expect(code, verb).await
    }

    /// Sends octets, at once.
    pub async fn send(&mut self, octets: &[u8]) -> Result<(), Unexpected> {
        let sent = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| met("write", &error))
    }

    /// Reads a whole reply, which has to have this code.
    pub async fn expect(&mut self, code: &str, after: &str) -> Result<(), Unexpected> {
        self.buffer.clear();
        while !is_whole(&self.buffer) {
            let read = self.stream.read_buf(&mut self.buffer).await;
            match read {
                Ok(0) => return Err(Unexpected(format!("{after}: the connection was closed"))),
                Ok(_) if self.buffer.len() > REPLY => {
                    return Err(Unexpected(format!("{after}: a reply without end")));
                }
                Ok(_) => {}
                Err(error) => return Err(met(after, &error)),
            }
        }
        let last = String::from_utf8_lossy(last_line(&self.buffer)).into_owned();
        match last.starts_with(code) {
            true => Ok(()),
            false => Err(Unexpected(format!("{after}: {}", last.trim_end()))),
        }
    }

    /// Closes, and waits until the other side has closed as well.
    pub async fn close(mut self) -> Result<(), Unexpected> {
        let closed = async {
            self.stream.shutdown().await?;
            self.buffer.clear();
            while self.stream.read_buf(&mut self.buffer).await? > 0 {
                self.buffer.clear();
            }
            Ok::<(), io::Error>(())
        };
        match closed.await {
            Ok(()) => Ok(()),
            // Some close at once, without a word of TLS, which is theirs to choose: every reply has come.
            Err(error) if is_end(error.kind()) => Ok(()),
            Err(error) => Err(met("close", &error)),
        }
    }
}

const fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}

fn met(what: &str, error: &io::Error) -> Unexpected {
    Unexpected(format!("{what}: {error}"))
}

fn last_line(reply: &[u8]) -> &[u8] {
    let before = reply.strip_suffix(b"\r\n").unwrap_or(reply);
    let start = before.iter().rposition(|octet| *octet == b'\n');
    &reply[start.map_or(0, |at| at + 1)..]
}

/// Whether the last line of a reply has come: one with a space behind its code (RFC 5321 4.2.1).
fn is_whole(reply: &[u8]) -> bool {
    reply.ends_with(b"\r\n") && last_line(reply).get(3) != Some(&b'-')
}
