//! HTTPS GET of one small page, as MTA-STS wants it (RFC 8461 3.3): certificates checked against the WebPKI roots and
//! those of the operator, no redirect, bounded in size and time. The host's addresses come from our own resolver and are
//! checked before they are connected.

use super::Dial;
use super::connect::ConnectError;
use crate::base::{Domain, limits};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, LOCATION, USER_AGENT};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, crypto::ring};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What was fetched, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The HTTP status; 3xx is not followed.
    pub status: u16,
    /// The media type, lower case, without parameters; empty when there is none.
    pub media_type: String,
    /// Where a 3xx points to, as written.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// The certificate chain as presented, the host's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The address it came from.
    pub address: IpAddr,
}

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
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
    /// It took longer than `limits::FETCH_TIMEOUT`.
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
    /// Fetches `https://host/path`, `path` with its first `/`, a body of at most `limit` octets.
    ///
    /// # Errors
    /// At which stage it failed, and why.
    pub async fn get(
        &self,
        host: &Domain,
        path: &str,
        limit: usize,
    ) -> Result<Fetched, FetchError> {
        timeout(limits::FETCH_TIMEOUT, self.get_now(host, path, limit))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn get_now(
        &self,
        host: &Domain,
        path: &str,
        limit: usize,
    ) -> Result<Fetched, FetchError> {
        self.allows_domain(host)
            .map_err(|why| FetchError::Denied(why.0))?;
        let found = self.resolver().addresses(host).await;
        if found.records.is_empty() {
            return Err(found.failed.map_or(FetchError::NoAddress, FetchError::Dns));
        }
        let (stream, address) = self.connect_any(&found.records).await?;
        let stream = self.handshake(stream, host).await?;
        let chain = stream.get_ref().1.peer_certificates();
        let chain = chain.unwrap_or_default().to_vec();
        let http = |error: hyper::Error| FetchError::Http(error.to_string());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(http)?;
        let request = Request::get(path)
            .header(HOST, host.as_str())
            .header(USER_AGENT, concat!("mailproof/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*")
            .body(Empty::<Bytes>::new())
            .map_err(|error| FetchError::Http(error.to_string()))?;
        // The connection must be driven while the answer is read; it ends with this function.
        let exchange = async {
            let response = sender.send_request(request).await.map_err(http)?;
            read(response, limit).await
        };
        let fetched = tokio::select! {
            answer = exchange => answer?,
            never = drive(connection) => match never {},
        };
        Ok(Fetched {
            chain,
            address,
            ..fetched
        })
    }

    /// Connects the first address that can be, at most `limits::FETCH_ADDRESSES` of them.
    async fn connect_any(&self, addresses: &[IpAddr]) -> Result<(TcpStream, IpAddr), FetchError> {
        let mut last = FetchError::NoAddress;
        for address in addresses.iter().take(limits::FETCH_ADDRESSES) {
            let target = SocketAddr::new(*address, self.settings().https_port);
            match timeout(limits::FETCH_TIMEOUT / 3, self.connect(target)).await {
                Ok(Ok(stream)) => return Ok((stream, *address)),
                Ok(Err(error)) => last = FetchError::Connect(error),
                Err(_) => last = FetchError::Connect(ConnectError::Timeout),
            }
        }
        Err(last)
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        host: &Domain,
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        let tls = |why: String| FetchError::Tls(why);
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(error.to_string()))?
            .with_root_certificates(Arc::clone(self.roots()))
            .with_no_client_auth();
        let name = ServerName::try_from(host.as_str().to_owned())
            .map_err(|error| tls(error.to_string()))?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .map_err(|error| refused(&error))
    }
}

/// Tells a bad certificate from other failures of the handshake.
fn refused(error: &io::Error) -> FetchError {
    let inner = error.get_ref().and_then(|it| it.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => FetchError::Certificate(why.to_string()),
        _ => FetchError::Tls(error.to_string()),
    }
}

/// Keeps the connection going; how it ends is seen where the answer is read.
async fn drive(connection: impl Future<Output = hyper::Result<()>>) -> Infallible {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection ended");
    }
    std::future::pending().await
}

/// Reads the answer; chain and address are the caller's to add.
async fn read(response: Response<Incoming>, limit: usize) -> Result<Fetched, FetchError> {
    let status = response.status().as_u16();
    let text = |name: HeaderName| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let media_type = text(CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let location = text(LOCATION);
    let body = Limited::new(response.into_body(), limit)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLong
            } else {
                FetchError::Http(error.to_string())
            }
        })?;
    Ok(Fetched {
        status,
        media_type,
        location,
        body: body.to_bytes().to_vec(),
        chain: Vec::new(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    })
}
