//! One request to the host that the configuration names, such as a certificate authority, or that this host named in turn.

use super::{FetchError, USER_AGENT_OF_OURS, connect_any, exchange, handshake};
use crate::base::ports::{HttpMethod, HttpReply, HttpRequest};
use crate::base::{Host, HttpsUrl, limits};
use crate::dial::Dial;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use tokio::time::timeout;

impl Dial {
    /// Asks once, and trusts these roots alone. The host is connected as it is written: whatever address it has. The
    /// answer's body has `limits::ACME_REPLY` octets at most, and is there within `limits::ACME_REQUEST`.
    ///
    /// # Errors
    /// When the URL is not HTTPS or a header is none; else at which stage it failed, and why.
    pub async fn request(
        &self,
        request: HttpRequest,
        roots: &Arc<RootCertStore>,
    ) -> Result<HttpReply, FetchError> {
        timeout(limits::ACME_REQUEST, self.request_now(request, roots))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn request_now(
        &self,
        request: HttpRequest,
        roots: &Arc<RootCertStore>,
    ) -> Result<HttpReply, FetchError> {
        let url = HttpsUrl::parse(&request.url)
            .map_err(|error| FetchError::Request(error.to_string()))?;
        let message = message(request, &url).map_err(FetchError::Request)?;
        let name = name(&url.host).map_err(FetchError::Request)?;
        let addresses = self.addresses_of(&url.host).await?;
        let connect = |target| self.connect_configured(target);
        let (stream, _) = connect_any(&addresses, url.port, connect).await?;
        let stream = handshake(stream, name, roots).await?;
        let answered = exchange(stream, message, limits::ACME_REPLY).await?;
        Ok(HttpReply {
            status: answered.status,
            headers: texts(&answered.headers),
            body: answered.body,
        })
    }

    /// Where the host is. Names of this machine itself are looked up nowhere (RFC 6761 6.3).
    async fn addresses_of(&self, host: &Host) -> Result<Vec<IpAddr>, FetchError> {
        match host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) if name.as_str().rsplit('.').next() == Some("localhost") => Ok(vec![
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ]),
            Host::Name(name) => self.found(name).await,
        }
    }
}

/// What the server's certificate must name.
fn name(host: &Host) -> Result<ServerName<'static>, String> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.as_str().to_owned())
            .map_err(|error| format!("{name}: {error}")),
    }
}

/// The request as it is sent: `Host` is ours, `User-Agent` too unless the caller has one.
fn message(request: HttpRequest, url: &HttpsUrl) -> Result<Request<Bytes>, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        let (Ok(header), Ok(text)) = (name.parse::<HeaderName>(), HeaderValue::try_from(value))
        else {
            return Err(format!("the header {name:?} is none"));
        };
        headers
            .try_append(header, text)
            .map_err(|error| error.to_string())?;
    }
    let host = HeaderValue::try_from(url.authority()).map_err(|error| error.to_string())?;
    headers.insert(HOST, host);
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(USER_AGENT_OF_OURS));
    let mut message = Request::builder()
        .method(match request.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Head => Method::HEAD,
            HttpMethod::Post => Method::POST,
        })
        .uri(url.target.as_str())
        .body(Bytes::from(request.body))
        .map_err(|error| error.to_string())?;
    *message.headers_mut() = headers;
    Ok(message)
}

/// The headers that are text; names in lower case.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}
