//! Certificates by what is to be presented, and the handshake with all that can be seen of it.
//!
//! TLS 1.2 and 1.3 by ring; no session is ever resumed, for a resumed one shows no certificate and so proves nothing
//! of whether it was verified.

use super::hello;
use super::session::{Offer, Session};
use super::wire::Tee;
use crate::base::{Certificate, Close, Tls, limits};
use rustls::server::{Acceptor, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ProtocolVersion, ServerConfig};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Why there are no certificates to serve with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSetError(String);

impl fmt::Display for TlsSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS cannot be set up: {}", self.0)
    }
}

impl std::error::Error for TlsSetError {}

/// What is presented for which certificate.
#[derive(Clone, Debug, Default)]
pub struct TlsSet {
    configs: HashMap<Certificate, Arc<ServerConfig>>,
}

impl TlsSet {
    /// A set of these certificates with their chains and keys. With an empty set no client is let in.
    ///
    /// # Errors
    /// When rustls refuses the protocol versions, which it does only if it was built without them.
    pub fn new(
        pairs: impl IntoIterator<Item = (Certificate, Arc<CertifiedKey>)>,
    ) -> Result<Self, TlsSetError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut configs = HashMap::new();
        for (certificate, key) in pairs {
            let mut config = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
                .map_err(|error| TlsSetError(error.to_string()))?
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            configs.insert(certificate, Arc::new(config));
        }
        Ok(Self { configs })
    }

    /// Whether there is no certificate at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.configs.is_empty()
    }

    /// The certificate wanted; when it does not exist yet, the self-signed one, else any, for a handshake is never
    /// refused. Returns which one it is. `None` when the set is empty.
    #[must_use]
    pub fn choose(&self, wanted: Certificate) -> Option<(Certificate, Arc<ServerConfig>)> {
        [wanted, Certificate::SelfSigned]
            .iter()
            .chain(self.configs.keys())
            .find_map(|name| Some((*name, self.configs.get(name)?.clone())))
    }
}

/// A connection inside TLS.
pub(super) type Secured = TlsStream<Tee<TcpStream>>;

/// Shakes hands, each half within its time, and tells the session what is seen on the way.
///
/// # Errors
/// How the connection ended.
pub(super) async fn handshake(
    tcp: TcpStream,
    session: &mut Session,
    set: &TlsSet,
) -> Result<Box<Secured>, Close> {
    let tee = Tee::new(tcp, limits::CLIENT_HELLO);
    let mut acceptor = Box::pin(LazyConfigAcceptor::new(Acceptor::default(), tee));
    let mut start = match timeout(limits::HANDSHAKE_TIMEOUT, acceptor.as_mut()).await {
        Ok(Ok(start)) => start,
        failed => {
            let seen = acceptor
                .take_io()
                .and_then(|mut tee| hello::read(&tee.take()));
            let newest = seen.as_ref().map(|offer| hello::newest(&offer.hello));
            session.hello(seen);
            return Err(match failed {
                Ok(Err(error)) => ending(&error, newest),
                _ => Close::Timeout,
            });
        }
    };
    let offer = hello::read(&start.io.take()).unwrap_or_else(|| Offer {
        sni: start.client_hello().server_name().map(str::to_owned),
        ..Offer::default()
    });
    let newest = hello::newest(&offer.hello);
    let wanted = session.hello(Some(offer));
    let Some((presented, config)) = set.choose(wanted) else {
        return Err(Close::Broken);
    };
    session.presented(Some(presented));
    let accept = Box::pin(start.into_stream(config));
    let stream = match timeout(limits::HANDSHAKE_TIMEOUT, accept).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let close = ending(&error, Some(newest));
            if matches!(close, Close::Incompatible(_)) {
                session.presented(None);
            }
            return Err(close);
        }
        Err(_) => return Err(Close::Timeout),
    };
    session.secured(negotiated(&stream));
    Ok(Box::new(stream))
}

fn negotiated(stream: &Secured) -> Tls {
    let connection = stream.get_ref().1;
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "1.2",
    };
    let suite = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or("unknown");
    Tls {
        version: version.to_owned(),
        cipher: suite.replacen("TLS13_", "TLS_", 1),
    }
}

/// How a connection ended, from the error that reading, writing or the handshake met. `newest` is what the client
/// offers at most, when its ClientHello was read.
pub(super) fn ending(error: &io::Error, newest: Option<String>) -> Close {
    if let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return match tls {
            rustls::Error::AlertReceived(alert) => Close::Alert(u8::from(*alert)),
            rustls::Error::PeerIncompatible(_) => {
                Close::Incompatible(newest.unwrap_or_else(|| "unknown".to_owned()))
            }
            _ => Close::Broken,
        };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Close::Fin,
        io::ErrorKind::TimedOut => Close::Timeout,
        io::ErrorKind::InvalidData => Close::Broken,
        _ => Close::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, Error, PeerIncompatible, PeerMisbehaved};

    #[test]
    fn errors_say_how_a_connection_ended() {
        let tls = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        for (error, close) in [
            (
                tls(Error::AlertReceived(AlertDescription::UnknownCA)),
                "alert:unknown_ca",
            ),
            (
                tls(PeerIncompatible::SignatureAlgorithmsExtensionRequired.into()),
                "incompatible:tls1.1",
            ),
            (
                tls(PeerMisbehaved::IllegalMiddleboxChangeCipherSpec.into()),
                "broken",
            ),
            (io::ErrorKind::UnexpectedEof.into(), "fin"),
            (io::ErrorKind::ConnectionReset.into(), "reset"),
            (io::ErrorKind::BrokenPipe.into(), "reset"),
        ] {
            assert_eq!(ending(&error, Some("tls1.1".to_owned())).to_string(), close);
        }
    }

    #[test]
    fn an_empty_set_presents_nothing() {
        let set = TlsSet::new([]).unwrap();
        assert!(set.is_empty() && set.choose(Certificate::SelfSigned).is_none());
    }
}
