//! Pages fetched by HTTPS from servers of the test's own.

use crate::{ready, world};
use mailproof::base::Domain;
use mailproof::dial::connect::ConnectError;
use mailproof::dial::https::FetchError;
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

#[tokio::test]
async fn pages_are_fetched_from_trusted_hosts_only() {
    let world = world::world();
    let settings = |port: u16, root: Option<CertificateDer<'static>>| Settings {
        resolvers: vec![world.server.address],
        trust_anchors: Some(Anchors::parse(&world.anchor).unwrap()),
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        deny_domains: vec![Domain::parse("broken.lab").unwrap()],
        https_port: port,
        extra_roots: root.into_iter().collect(),
        ..Settings::default()
    };
    let host = Domain::parse("four.signed.lab").unwrap();
    let get = async |settings: Settings, host: &Domain| {
        let dial = Dial::new(settings).unwrap();
        dial.get(host, "/.well-known/mta-sts.txt", 100).await
    };
    let page = "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";
    let (port, root) = server("four.signed.lab", page.to_owned()).await;
    ready(&Dial::new(settings(port, None)).unwrap()).await;

    let fetched = get(settings(port, Some(root.clone())), &host)
        .await
        .unwrap();
    assert_eq!(
        (fetched.status, fetched.body.as_slice()),
        (200, &b"hello"[..])
    );
    assert_eq!(fetched.media_type, "text/plain");
    assert_eq!(fetched.chain, [root.clone()]);

    let untrusted = get(settings(port, None), &host).await;
    assert!(
        matches!(untrusted, Err(FetchError::Certificate(_))),
        "{untrusted:?}"
    );
    let (other, root) = server("other.signed.lab", page.to_owned()).await;
    let strange = get(settings(other, Some(root)), &host).await;
    assert!(
        matches!(strange, Err(FetchError::Certificate(_))),
        "{strange:?}"
    );

    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n";
    let (port, root) = server("four.signed.lab", moved.to_owned()).await;
    let moved = get(settings(port, Some(root)), &host).await.unwrap();
    assert_eq!(moved.status, 301, "not followed");

    let long = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
        "x".repeat(101)
    );
    let (port, root) = server("four.signed.lab", long).await;
    let long = get(settings(port, Some(root)), &host).await;
    assert_eq!(long, Err(FetchError::TooLong));

    let (port, root) = server("four.signed.lab", "SSH-2.0-x\r\n".to_owned()).await;
    let strange = get(settings(port, Some(root.clone())), &host).await;
    assert!(matches!(strange, Err(FetchError::Http(_))), "{strange:?}");

    let refused = get(settings(9, None), &host).await;
    assert_eq!(refused, Err(FetchError::Connect(ConnectError::Refused)));
    let closed = Settings {
        allow: Vec::new(),
        ..settings(port, Some(root))
    };
    let closed = get(closed, &host).await;
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
        let error = get(settings(port, None), &Domain::parse(host).unwrap())
            .await
            .unwrap_err();
        assert!(
            format!("{error:?}").starts_with(expected),
            "{host}: {error:?}"
        );
    }
}
