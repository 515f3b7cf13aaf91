//! TLS clients of every temper: what the server notes of them.

use crate::doubles::line;
use crate::live::{Client, Server};
use crate::script::{self, Script};
use crate::trusting;
use mailproof::base::{Certificate, Server as Case};
use mailproof::cases;
use mailproof::serve::smtp::TlsSet;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A self-signed certificate.
pub fn key(name: &str) -> Arc<CertifiedKey> {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    let private = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
    let key = ring::sign::any_supported_type(&private).unwrap();
    Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// A certificate for every host, and the one for connections that name none.
pub fn every_certificate() -> TlsSet {
    let hosts = cases::hosts().map(|case| {
        let name = cases::relative_name(case.server).unwrap();
        (
            Certificate::Host(case.server),
            key(&format!("{name}.example.org")),
        )
    });
    let unnamed = (Certificate::SelfSigned, key("et.example.org"));
    TlsSet::new(hosts.chain([unnamed])).unwrap()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A client that takes any certificate, and the name to connect to; `None` sends no SNI.
pub fn trusting(sni: Option<&str>) -> (Arc<ClientConfig>, String) {
    let config = trusting::client(sni.is_some()).unwrap();
    (Arc::new(config), sni.unwrap_or("none.example").to_owned())
}

/// A client that trusts another root than the server's.
fn verifying(version: &'static rustls::SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(key("elsewhere.example").cert[0].clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn plain() -> Script {
    let mut script = script::all().remove(0);
    script.setup.clear();
    script
}

async fn shaken(server: &Server, sni: Option<&str>) -> Client {
    let stream = Client::connect(server.address).await.into_starttls().await;
    let (config, name) = trusting(sni);
    let name = ServerName::try_from(name).unwrap();
    Client::on(
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .unwrap(),
    )
}

/// The last thing told, without the head that all have in common.
async fn end(server: &Server) -> String {
    let told = server.told(1).await;
    told[0]
        .replace("offered, ", "")
        .replace("ehlo mail.example.net, ", "")
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_is_seen_to_refuse_it() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Server::start(&plain());
        let stream = Client::connect(server.address).await.into_starttls().await;
        let name = ServerName::try_from("mx05.et.example.org").unwrap();
        let refused = TlsConnector::from(verifying(version))
            .connect(name, stream)
            .await;
        assert!(refused.is_err());
        assert_eq!(
            end(&server).await,
            "closed c1 SniSeen, server 5, et, via sni, plain, sni mx05.et.example.org, cert 5, \
             close alert:unknown_ca"
        );
        assert!(server.double.closed.lock().unwrap()[0].refused());
        server.stop().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_after_the_handshake_is_seen_to_refuse_it() {
    for (how, close) in [
        ("notify", "close_notify"),
        ("fin", "fin"),
        ("reset", "reset"),
    ] {
        let server = Server::start(&plain());
        let tcp = TcpStream::connect(server.address).await.unwrap();
        let spare = socket2::SockRef::from(&tcp).try_clone().unwrap();
        let stream = Client::on(tcp).into_starttls().await;
        let (config, name) = trusting(Some("mx03.et.example.org"));
        let name = ServerName::try_from(name).unwrap();
        let mut stream = TlsConnector::from(config)
            .connect(name, stream)
            .await
            .unwrap();
        match how {
            "notify" => stream.shutdown().await.unwrap(),
            "fin" => spare.shutdown(std::net::Shutdown::Write).unwrap(),
            _ => {
                // The reset must not overtake the handshake's last flight.
                stream.write_all(b"NOOP\r\n").await.unwrap();
                assert!(stream.read_u8().await.is_ok());
                spare.set_linger(Some(std::time::Duration::ZERO)).unwrap();
            }
        }
        drop((stream, spare));
        assert_eq!(
            end(&server).await,
            format!(
                "closed c1 TlsStarted, server 3, et, via sni, encrypted, sni mx03.et.example.org, \
                 cert 3, close {close}"
            )
        );
        let record = server.double.closed.lock().unwrap()[0].clone();
        assert!(record.refused());
        assert_eq!(record.tls.unwrap().version, "1.3");
        assert!(record.hello.unwrap().versions.contains(&0x0304));
        server.stop().await;
    }
}

#[tokio::test]
async fn the_name_or_the_address_chooses_server_and_certificate() {
    for (own, without_sni, sni, record) in [
        (None, None, None, "server 2, encrypted, cert self-signed"),
        (None, Some("ut"), None, "server 2, encrypted, cert 7"),
        (
            None,
            None,
            Some("www.example.net"),
            "server 2, encrypted, sni www.example.net, cert self-signed",
        ),
        (
            None,
            None,
            Some("ut.example.org"),
            "server 7, ut, via sni, encrypted, sni ut.example.org, cert 7",
        ),
        (
            Some("mx04"),
            None,
            None,
            "server 4, et, via address, encrypted, cert 4",
        ),
        (
            Some("mx04"),
            None,
            Some("x.example"),
            "server 4, et, via address, encrypted, sni x.example, cert 4",
        ),
        (
            Some("mx04"),
            None,
            Some("mx03.et.example.org"),
            "no server, encrypted, sni mx03.et.example.org, cert 4",
        ),
    ] {
        let mut script = plain();
        let mut set = |key: &str, value: Option<&str>| {
            let value = value.map(|value| (key.to_owned(), value.to_owned()));
            script.setup.extend(value);
        };
        set("own", own);
        set("without-sni", without_sni);
        let server = Server::start(&script);
        let mut client = shaken(&server, sni).await;
        client.send(b"QUIT\r\n").await;
        assert_eq!(client.line().await, "221 2.0.0 Bye");
        drop(client);
        let expected = format!("closed c1 TlsStarted, {record}, close quit");
        assert_eq!(end(&server).await, expected);
        server.stop().await;
    }
}

/// A ClientHello as an old library sends it: TLS 1.0, two suites, SNI, no list of signature schemes.
fn old_hello() -> Vec<u8> {
    let name = b"mx06.et.example.org";
    let length = |extra: usize| u8::try_from(name.len() + extra).unwrap();
    let mut body = vec![3, 1];
    body.extend([9; 32]);
    body.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
    body.extend([
        0,
        length(9),
        0,
        0,
        0,
        length(5),
        0,
        length(3),
        0,
        0,
        length(0),
    ]);
    body.extend(name);
    let size = |extra: usize| u8::try_from(body.len() + extra).unwrap();
    [&[22, 3, 1, 0, size(4), 1, 0, 0, size(0)], body.as_slice()].concat()
}

#[tokio::test]
async fn a_client_without_a_version_in_common_is_not_said_to_refuse() {
    let server = Server::start(&plain());
    let mut stream = Client::connect(server.address).await.into_starttls().await;
    stream.write_all(&old_hello()).await.unwrap();
    let mut alert = Vec::new();
    let _ = stream.read_to_end(&mut alert).await;
    assert_eq!(alert.first(), Some(&21), "an alert");
    assert_eq!(
        end(&server).await,
        "closed c1 SniSeen, server 6, et, via sni, plain, sni mx06.et.example.org, \
         close incompatible:tls1.0"
    );
    assert!(!server.double.closed.lock().unwrap()[0].refused());
    server.stop().await;
}

#[tokio::test]
async fn garbage_and_half_a_hello_are_recorded() {
    let hello = old_hello();
    for (bytes, close) in [
        (&b"NOOP NOOP NOOP\r\n"[..], "broken"),
        (&hello[..20], "fin"),
    ] {
        let server = Server::start(&plain());
        let mut stream = Client::connect(server.address).await.into_starttls().await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let expected = format!("closed c1 None, server 1, plain, close {close}");
        assert_eq!(end(&server).await, expected);
        server.stop().await;
    }
}

#[tokio::test]
async fn renewed_certificates_serve_the_next_client_and_disturb_nobody() {
    let server = Server::with(&plain(), |settings| {
        settings.tls = arc_swap::ArcSwap::from_pointee(TlsSet::default())
    });
    // Before there is any certificate nobody is let in, and evidence is missing then.
    let mut first = Client::connect(server.address).await;
    let sorry = "421 4.3.2 Certificates are on their way, please come again";
    assert_eq!(first.line().await, sorry);
    assert_eq!(*server.double.turned_away.lock().unwrap(), [None]);
    server.settings.tls.store(Arc::new(every_certificate()));
    let mut early = Client::connect(server.address).await;
    early.line().await;
    early.send(b"EHLO mail.example.net\r\n").await;
    while early.line().await.starts_with("250-") {}
    server.settings.tls.store(Arc::new(TlsSet::default()));
    early.send(b"STARTTLS\r\n").await;
    assert_eq!(early.line().await, "454 4.7.0 TLS is not available now");
    let only = TlsSet::new([(Certificate::Host(Case::Seven), key("ut.example.org"))]).unwrap();
    server.settings.tls.store(Arc::new(only));
    let mut client = shaken(&server, None).await;
    server.settings.tls.store(Arc::new(every_certificate()));
    client.send(b"QUIT\r\n").await;
    assert_eq!(client.line().await, "221 2.0.0 Bye");
    assert!(end(&server).await.contains("cert 7"));
    early.send(b"QUIT\r\n").await;
    assert_eq!(early.line().await, "221 2.0.0 Bye");
    drop((client, early));
    server.told(2).await;
    assert!(!line(&server.double.closed.lock().unwrap()[1]).contains("cert"));
    server.stop().await;
}
