//! Pages fetched by HTTPS from servers of the test's own.

use crate::host::{Host, host};
use crate::world::World;
use crate::{name, ready, world};
use mailproof::dial::connect::ConnectError;
use mailproof::dial::https::{FetchError, Fetched};
use mailproof::dial::resolver::Anchors;
use mailproof::dial::{Dial, Settings};
use rustls::pki_types::CertificateDer;

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
    let mut four = host("127.0.0.4", "four.signed.lab", PAGE).await;
    let (port, root) = (four.address.port(), four.root.clone());
    ready(&Dial::new(settings(&world, port, None)).unwrap()).await;

    let trusting = settings(&world, port, Some(root.clone()));
    let fetched = get(trusting.clone(), "four.signed.lab").await.unwrap();
    assert_eq!(
        (fetched.status, fetched.body.as_slice()),
        (200, &b"hello"[..])
    );
    assert_eq!(fetched.media_type, "text/plain");
    assert_eq!(fetched.chain, [root]);
    let request = four.requests.recv().await.unwrap();
    assert!(
        request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("host: four.signed.lab\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n"), "{request}");

    let untrusted = get(settings(&world, port, None), "four.signed.lab").await;
    assert!(
        matches!(untrusted, Err(FetchError::Certificate(_))),
        "{untrusted:?}"
    );
    let other = host("127.0.0.4", "other.signed.lab", PAGE).await;
    let strange = settings(&world, other.address.port(), Some(other.root));
    let strange = get(strange, "four.signed.lab").await;
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
        let Host { address, root, .. } = host("127.0.0.4", "four.signed.lab", answer).await;
        let trusting = settings(&world, address.port(), Some(root));
        let found = match get(trusting, "four.signed.lab").await {
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
