//! Pages fetched by HTTPS from servers of the test's own.

use crate::world::World;
use crate::{name, ready, world};
use mailproof::dial::connect::ConnectError;
use mailproof::dial::https::{FetchError, Fetched};
use mailproof::dial::resolver::Anchors;
use mailproof::dial::{Dial, Settings};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves every connection on 127.0.0.4 with `answer`, under a certificate for `host`; ends with the runtime.
async fn server(host: &str, answer: String) -> (u16, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.4:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            assert!(
                request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"),
                "{request}"
            );
            assert!(request.contains("host: four.signed.lab\r\n"), "{request}");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (port, certificate)
}

const PAGE: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";

fn settings(world: &World, port: u16, root: Option<CertificateDer<'static>>) -> Settings {
    Settings {
        resolvers: vec![world.server.address],
        trust_anchors: Some(Anchors::parse(&world.anchor).unwrap()),
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        deny_domains: vec![name("broken.lab")],
        https_port: port,
        extra_roots: root.into_iter().collect(),
        ..Settings::default()
    }
}

async fn get(settings: Settings, host: &str) -> Result<Fetched, FetchError> {
    let dial = Dial::new(settings).unwrap();
    dial.get(&name(host), "/.well-known/mta-sts.txt", 100).await
}

#[tokio::test]
async fn pages_are_fetched_from_trusted_hosts_only() {
    let world = world::world();
    let (port, root) = server("four.signed.lab", PAGE.to_owned()).await;
    ready(&Dial::new(settings(&world, port, None)).unwrap()).await;

    let trusting = settings(&world, port, Some(root.clone()));
    let fetched = get(trusting.clone(), "four.signed.lab").await.unwrap();
    assert_eq!(
        (fetched.status, fetched.body.as_slice()),
        (200, &b"hello"[..])
    );
    assert_eq!(fetched.media_type, "text/plain");
    assert_eq!(fetched.chain, [root]);

    let untrusted = get(settings(&world, port, None), "four.signed.lab").await;
    assert!(
        matches!(untrusted, Err(FetchError::Certificate(_))),
        "{untrusted:?}"
    );
    let (other, root) = server("other.signed.lab", PAGE.to_owned()).await;
    let strange = get(settings(&world, other, Some(root)), "four.signed.lab").await;
    assert!(
        matches!(strange, Err(FetchError::Certificate(_))),
        "{strange:?}"
    );

    let refused = get(settings(&world, 9, None), "four.signed.lab").await;
    assert_eq!(refused, Err(FetchError::Connect(ConnectError::Refused)));
    let closed = Settings {
        allow: Vec::new(),
        ..trusting.clone()
    };
    let closed = get(closed, "four.signed.lab").await;
    assert!(
        matches!(
            closed,
            Err(FetchError::Connect(ConnectError::NotAllowed(_)))
        ),
        "{closed:?}"
    );
    for (host, expected) in [
        ("host.broken.lab", "Denied"),
        ("none.signed.lab", "NoAddress"),
        ("loop.signed.lab", "Dns"),
    ] {
        let error = get(trusting.clone(), host).await.unwrap_err();
        assert!(
            format!("{error:?}").starts_with(expected),
            "{host}: {error:?}"
        );
    }
}

#[tokio::test]
async fn answers_are_bounded_and_redirects_not_followed() {
    let world = world::world();
    ready(&Dial::new(settings(&world, 443, None)).unwrap()).await;
    let long = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
        "x".repeat(101)
    );
    for (answer, expected) in [
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n",
            "301 https://x/",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "404 ",
        ),
        (&long, "TooLong"),
        ("SSH-2.0-x\r\n", "Http("),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "Http("),
        ("", "Http("),
    ] {
        let (port, root) = server("four.signed.lab", answer.to_owned()).await;
        let found = match get(settings(&world, port, Some(root)), "four.signed.lab").await {
            Ok(fetched) => format!(
                "{} {}",
                fetched.status,
                fetched.location.unwrap_or_default()
            ),
            Err(error) => format!("{error:?}"),
        };
        assert!(found.starts_with(expected), "{answer:?}: {found}");
    }
}
