//! TLS handshakes that no certificate can make fail: what was presented is kept, to be judged afterwards.
//!
//! Never decides whether a server is good enough; see `spec::{pkix, tlsa, sender}`.

use crate::base::{Domain, Timestamp, Tls};
use crate::spec::pkix::{self, Pkix, Trust};
use crate::spec::sender::{Demand, Secured};
use crate::spec::tlsa::{self, Mismatch, TlsaResult};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
};
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A completed handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Version and suite.
    pub tls: Tls,
    /// The key exchange group, such as `X25519`; every suite that we offer has forward secrecy.
    pub group: String,
    /// The certificates presented, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why the server's proof that it holds the leaf's key could not be checked: a key that we cannot verify with
    /// (RSA below 2048 bits, P-521, X.509 v1), or a wrong signature. `None`: it was checked and is good.
    pub unproven: Option<String>,
}

impl Handshake {
    /// The chain against roots, for `host`.
    #[must_use]
    pub fn pkix(&self, roots: &[TrustAnchor<'_>], host: &Domain, now: Timestamp) -> Pkix {
        let mut pkix = pkix::judge(&self.chain, roots, host, now);
        if let Some(why) = &self.unproven {
            pkix.trust = Trust::Untrusted;
            pkix.why = TlsaResult::NoMatch(Mismatch::Unproven(why.clone())).to_string();
        }
        pkix
    }

    /// The chain against a demand's TLSA records.
    #[must_use]
    pub fn tlsa(&self, demand: &Demand, now: Timestamp) -> TlsaResult {
        match tlsa::matches(&demand.tlsa, &self.chain, &demand.names, now) {
            TlsaResult::Match(record) => match &self.unproven {
                None => TlsaResult::Match(record),
                Some(why) => TlsaResult::NoMatch(Mismatch::Unproven(why.clone())),
            },
            other => other,
        }
    }

    /// Both, as a fact for a sender's walk.
    #[must_use]
    pub fn secured(
        &self,
        roots: &[TrustAnchor<'_>],
        host: &Domain,
        demand: &Demand,
        now: Timestamp,
    ) -> Secured {
        Secured {
            tls: self.tls.clone(),
            pkix: self.pkix(roots, host, now),
            tlsa: self.tlsa(demand, now),
        }
    }
}

/// A handshake that broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// How.
    pub how: BrokenBy,
    /// The certificates presented before that, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// How a handshake broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokenBy {
    /// The server sent a fatal alert of this number (RFC 8446 6.2).
    Alert(u8),
    /// The server speaks no TLS that we do, or not correctly.
    Protocol(String),
    /// The server closed the connection.
    Closed,
    /// The server fell silent.
    Timeout,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            BrokenBy::Alert(number) => {
                write!(f, "TLS alert {:?}", AlertDescription::from(*number))
            }
            BrokenBy::Protocol(why) => write!(f, "TLS handshake failed: {why}"),
            BrokenBy::Closed => f.write_str("connection closed during the TLS handshake"),
            BrokenBy::Timeout => f.write_str("TLS handshake timed out"),
        }
    }
}

/// The versions that a handshake offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 and 1.3, as senders do.
    #[default]
    All,
    /// TLS 1.2 alone, to see whether a server that prefers 1.3 has it too.
    Only12,
}

/// Makes a handshake as a client, TLS 1.2 or 1.3, never resumed; `sni` is sent when given.
///
/// # Errors
/// When it broke, or took longer than `wait`.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    sni: Option<&Domain>,
    wait: Duration,
) -> Result<(TlsStream<S>, Handshake), Broken> {
    handshake_offering(stream, sni, Versions::All, wait).await
}

/// As [`handshake`], with the versions offered.
///
/// # Errors
/// As [`handshake`].
pub async fn handshake_offering<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    sni: Option<&Domain>,
    versions: Versions,
    wait: Duration,
) -> Result<(TlsStream<S>, Handshake), Broken> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder {
        provider: provider.clone(),
        seen: Mutex::default(),
    });
    let broken = |how| Broken {
        how,
        chain: recorder.seen(|seen| seen.chain.clone()),
    };
    let name = match sni {
        Some(name) => ServerName::try_from(name.as_str().to_owned())
            .map_err(|error| broken(BrokenBy::Protocol(error.to_string())))?,
        // Something must be named; an address is never sent (RFC 6066 3).
        None => ServerName::from(Ipv4Addr::UNSPECIFIED),
    };
    let config = config(provider, recorder.clone(), versions, sni.is_some())
        .map_err(|error| broken(BrokenBy::Protocol(error.to_string())))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(wait, connecting).await {
        Err(_) => Err(broken(BrokenBy::Timeout)),
        Ok(Err(error)) => Err(broken(broken_by(&error))),
        Ok(Ok(stream)) => {
            let handshake = summary(stream.get_ref().1, &recorder);
            Ok((stream, handshake))
        }
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    recorder: Arc<Recorder>,
    versions: Versions,
    sni: bool,
) -> Result<ClientConfig, Error> {
    let offered: &[_] = match versions {
        Versions::All => &[&rustls::version::TLS13, &rustls::version::TLS12],
        Versions::Only12 => &[&rustls::version::TLS12],
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(offered)?
        .dangerous()
        .with_custom_certificate_verifier(recorder)
        .with_no_client_auth();
    config.enable_sni = sni;
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn summary(connection: &ClientConnection, recorder: &Recorder) -> Handshake {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_"));
    let group = connection
        .negotiated_key_exchange_group()
        .map(|group| format!("{:?}", group.name()));
    Handshake {
        tls: Tls {
            version,
            cipher: cipher.unwrap_or_default(),
        },
        group: group.unwrap_or_default(),
        chain: recorder.seen(|seen| seen.chain.clone()),
        unproven: recorder.seen(|seen| seen.unproven.clone()),
    }
}

fn broken_by(error: &io::Error) -> BrokenBy {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        Some(Error::AlertReceived(alert)) => BrokenBy::Alert(u8::from(*alert)),
        Some(other) => BrokenBy::Protocol(other.to_string()),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => BrokenBy::Closed,
            _ => BrokenBy::Protocol(error.to_string()),
        },
    }
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    unproven: Option<String>,
}

/// A verifier that writes down instead of judging.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Seen>,
}

impl Recorder {
    fn seen<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(
        &self,
        signature: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if let Err(error) = signature {
            self.seen(|seen| seen.unproven = Some(error.to_string()));
        }
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = std::iter::once(end_entity).chain(intermediates);
        let chain = presented.map(|one| one.clone().into_owned()).collect();
        self.seen(|seen| seen.chain = chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.note(verify_tls12_signature(message, cert, dss, algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.note(verify_tls13_signature(message, cert, dss, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self
            .provider
            .signature_verification_algorithms
            .supported_schemes();
        // Cannot be verified here, but a server with such a key can be met and is then noted as unproven.
        schemes.push(SignatureScheme::ECDSA_NISTP521_SHA512);
        schemes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Tlsa;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use rustls::crypto::ring::{default_provider, sign::any_supported_type};
    use rustls::pki_types::PrivateKeyDer;
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use tokio::io::AsyncWriteExt;

    /// Presents the certificate whatever the key, and writes down the name asked for.
    #[derive(Debug)]
    struct Presents(Arc<CertifiedKey>, Mutex<Option<String>>);

    impl ResolvesServerCert for Presents {
        fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            *self.1.lock().unwrap() = hello.server_name().map(str::to_owned);
            Some(self.0.clone())
        }
    }

    /// A certificate, and a server that holds its key, or another one.
    fn server(own_key: bool) -> (CertificateDer<'static>, Arc<Presents>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["mx.example".to_owned()]).unwrap();
        let leaf = params.self_signed(&key).unwrap().der().clone();
        let held = if own_key {
            key
        } else {
            KeyPair::generate().unwrap()
        };
        let held = PrivateKeyDer::try_from(held.serialize_der()).unwrap();
        let signer = any_supported_type(&held).unwrap();
        let certified = CertifiedKey::new(vec![leaf.clone()], signer);
        (
            leaf,
            Arc::new(Presents(Arc::new(certified), Mutex::default())),
        )
    }

    async fn meet(
        presents: Arc<Presents>,
        version: &'static rustls::SupportedProtocolVersion,
        sni: Option<&Domain>,
    ) -> Handshake {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(presents);
        let (near, far) = tokio::io::duplex(64 * 1024);
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let server = tokio::spawn(async move { acceptor.accept(far).await.map(|_| ()) });
        let (_open, handshake) = handshake(near, sni, Duration::from_secs(20)).await.unwrap();
        server.await.unwrap().unwrap();
        handshake
    }

    #[tokio::test]
    async fn what_was_presented_is_kept_whatever_it_is_worth() {
        let host = Domain::parse("mx.example").unwrap();
        let now = Timestamp::now();
        for (version, shown, own_key, sni) in [
            (&rustls::version::TLS13, "1.3", true, Some(&host)),
            (&rustls::version::TLS12, "1.2", true, None),
            (&rustls::version::TLS13, "1.3", false, None),
            (&rustls::version::TLS12, "1.2", false, Some(&host)),
        ] {
            let (leaf, presents) = server(own_key);
            let met = meet(presents.clone(), version, sni).await;
            assert_eq!(
                (met.tls.version.as_str(), &met.chain),
                (shown, &vec![leaf.clone()])
            );
            assert!(
                met.tls.cipher.starts_with("TLS_") && !met.group.is_empty(),
                "{met:?}"
            );
            let named = presents.1.lock().unwrap().clone();
            assert_eq!(named.as_deref(), sni.map(Domain::as_str));
            // A copied certificate proves nothing without its key.
            let demand = Demand {
                tlsa: vec![Tlsa {
                    usage: 3,
                    selector: 0,
                    matching: 0,
                    data: leaf.to_vec(),
                }],
                ..Demand::default()
            };
            assert_eq!(met.unproven.is_none(), own_key);
            assert_eq!(met.tlsa(&demand, now).is_match(), own_key);
            let anchor = webpki::anchor_from_trusted_cert(&leaf).unwrap();
            assert_eq!(met.pkix(&[anchor], &host, now).is_trusted(), own_key);
        }
    }

    #[tokio::test]
    async fn a_handshake_breaks_in_ways_that_can_be_told_apart() {
        for (octets, how) in [
            (&b""[..], BrokenBy::Closed),
            // alert(21), TLS 1.2, two octets: fatal(2), handshake_failure(40)
            (&[21, 3, 3, 0, 2, 2, 40], BrokenBy::Alert(40)),
            (
                b"500 what?\r\n",
                BrokenBy::Protocol(
                    "received corrupt message of type InvalidContentType".to_owned(),
                ),
            ),
        ] {
            let (near, mut far) = tokio::io::duplex(64 * 1024);
            far.write_all(octets).await.unwrap();
            if octets.is_empty() {
                drop(far);
            }
            let broken = handshake(near, None, Duration::from_secs(20))
                .await
                .err()
                .unwrap();
            assert_eq!(broken.how, how);
        }
        let (near, _far) = tokio::io::duplex(64 * 1024);
        let silent = handshake(near, None, Duration::from_millis(20)).await;
        assert_eq!(silent.err().unwrap().how, BrokenBy::Timeout);
    }
}
