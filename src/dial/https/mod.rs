//! HTTPS, one request a connection (HTTP/1.1): certificates always checked, no redirect followed, bounded in size and time.
//!
//! Pages of others are fetched by [`Dial::get`], which checks the very address it connects; the host that the
//! configuration names is asked by [`Dial::request`].

mod page;
mod request;

pub use page::Fetched;

use super::Dial;
use super::connect::ConnectError;
use crate::base::{Domain, limits};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How we name ourselves.
const USER_AGENT_OF_OURS: &str = concat!("mailproof/", env!("CARGO_PKG_VERSION"));

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// What was to be asked is no request over HTTPS; why.
    Request(String),
    /// The host asked to be left alone.
    Denied(String),
    /// The addresses could not be found out, or are bogus.
    Dns(String),
    /// The host has no address.
    NoAddress,
    /// No address could be connected; the error of the last one.
    Connect(ConnectError),
    /// The certificate does not verify for this host; why.
    Certificate(String),
    /// The TLS handshake failed otherwise.
    Tls(String),
    /// The host speaks no proper HTTP.
    Http(String),
    /// The body is longer than allowed.
    TooLong,
    /// It took longer than `limits::FETCH_TIMEOUT`, or `limits::ACME_REQUEST`.
    Timeout,
}

impl FetchError {
    /// Whether another try later may go better: no statement of the host's own.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Dns(_) | Self::Connect(_) | Self::Timeout)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(why) | Self::Dns(why) => f.write_str(why),
            Self::Request(why) => write!(f, "cannot be asked for: {why}"),
            Self::NoAddress => f.write_str("the host has no address"),
            Self::Connect(error) => write!(f, "{error}"),
            Self::Certificate(why) => write!(f, "certificate not trusted: {why}"),
            Self::Tls(why) => write!(f, "TLS handshake failed: {why}"),
            Self::Http(why) => write!(f, "HTTP: {why}"),
            Self::TooLong => f.write_str("the answer is too long"),
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for FetchError {}

impl Dial {
    /// The addresses of a host; at least one.
    async fn found(&self, host: &Domain) -> Result<Vec<IpAddr>, FetchError> {
        let found = self.resolver().addresses(host).await;
        if found.records.is_empty() {
            return Err(found.failed.map_or(FetchError::NoAddress, FetchError::Dns));
        }
        Ok(found.records)
    }
}

/// Connects the first address that can be, at most `limits::FETCH_ADDRESSES` of them.
async fn connect_any<C>(
    addresses: &[IpAddr],
    port: u16,
    connect: impl Fn(SocketAddr) -> C,
) -> Result<(TcpStream, IpAddr), FetchError>
where
    C: Future<Output = Result<TcpStream, ConnectError>>,
{
    let mut last = FetchError::NoAddress;
    for address in addresses.iter().take(limits::FETCH_ADDRESSES) {
        let target = SocketAddr::new(*address, port);
        match timeout(limits::FETCH_TIMEOUT / 3, connect(target)).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => last = FetchError::Connect(error),
            Err(_) => last = FetchError::Connect(ConnectError::Timeout),
        }
    }
    Err(last)
}

/// TLS 1.2 or 1.3 with a server whose certificate leads to one of these roots and is for this name.
async fn handshake(
    stream: TcpStream,
    name: ServerName<'static>,
    roots: &Arc<RootCertStore>,
) -> Result<TlsStream<TcpStream>, FetchError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::Tls(error.to_string()))?
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| refused(&error))
}

/// Tells a bad certificate from other failures of the handshake.
fn refused(error: &io::Error) -> FetchError {
    let inner = error.get_ref().and_then(|it| it.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => FetchError::Certificate(why.to_string()),
        _ => FetchError::Tls(error.to_string()),
    }
}

/// The certificates that the server presented, its own first.
fn certificates(stream: &TlsStream<TcpStream>) -> Vec<CertificateDer<'static>> {
    let chain = stream.get_ref().1.peer_certificates();
    chain.unwrap_or_default().to_vec()
}

/// An answer, whatever its status.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends one request, and reads the answer with a body of at most `limit` octets. The connection ends with that.
async fn exchange(
    stream: TlsStream<TcpStream>,
    request: Request<Bytes>,
    limit: usize,
) -> Result<Answered, FetchError> {
    let http = |error: hyper::Error| FetchError::Http(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(http)?;
    // The connection must be driven while the answer is read; it ends with this function.
    let answer = async {
        let response = sender.send_request(request.map(Full::new)).await;
        read(response.map_err(http)?, limit).await
    };
    tokio::select! {
        answer = answer => answer,
        never = drive(connection) => match never {},
    }
}

/// Keeps the connection going; how it ends is seen where the answer is read.
async fn drive(connection: impl Future<Output = hyper::Result<()>>) -> Infallible {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection ended");
    }
    std::future::pending().await
}

async fn read(response: Response<Incoming>, limit: usize) -> Result<Answered, FetchError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchError::TooLong
        } else {
            FetchError::Http(error.to_string())
        }
    })?;
    Ok(Answered {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes().to_vec(),
    })
}
