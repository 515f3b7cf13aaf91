//! One small page of somebody else's host, as MTA-STS wants it (RFC 8461 3.3): certificates checked against the WebPKI
//! roots and those of the operator. The host's addresses come from our own resolver and are checked before they are
//! connected.

use super::{Answered, FetchError, USER_AGENT_OF_OURS, certificates, exchange};
use crate::base::{Domain, limits};
use crate::dial::Dial;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::IpAddr;
use tokio::time::timeout;

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

impl Dial {
    /// Fetches `https://host/path`, `path` with its first `/`, a body of at most `limit` octets, within
    /// `limits::FETCH_TIMEOUT`.
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
        let request = Request::get(path)
            .header(HOST, host.as_str())
            .header(USER_AGENT, USER_AGENT_OF_OURS)
            .header(ACCEPT, "*/*")
            .body(Bytes::new())
            .map_err(|error| FetchError::Http(error.to_string()))?;
        let name = ServerName::try_from(host.as_str().to_owned())
            .map_err(|error| FetchError::Tls(error.to_string()))?;
        let addresses = self.found(host).await?;
        let port = self.settings().https_port;
        let connect = |target| self.connect(target);
        let (stream, address) = super::connect_any(&addresses, port, connect).await?;
        let stream = super::handshake(stream, name, self.roots()).await?;
        let chain = certificates(&stream);
        let answered = exchange(stream, request, limit).await?;
        Ok(fetched(answered, chain, address))
    }
}

fn fetched(answered: Answered, chain: Vec<CertificateDer<'static>>, address: IpAddr) -> Fetched {
    let text = |name| {
        let value = answered.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let media_type = text(CONTENT_TYPE).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default();
    Fetched {
        status: answered.status,
        media_type: media_type.trim().to_ascii_lowercase(),
        location: text(LOCATION),
        body: answered.body,
        chain,
        address,
    }
}
