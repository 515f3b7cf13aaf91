//! Requests to a host of the configuration.

use crate::host::{Host, host};
use crate::{ready, world};
use mailproof::base::limits;
use mailproof::base::ports::{HttpMethod, HttpReply, HttpRequest};
use mailproof::dial::connect::ConnectError;
use mailproof::dial::https::FetchError;
use mailproof::dial::resolver::Anchors;
use mailproof::dial::{Dial, Settings};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use tokio::net::TcpListener;

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The way out, with resolvers that nobody is at.
fn no_resolver() -> Dial {
    Dial::new(Settings {
        resolvers: vec!["127.0.0.1:1".parse().unwrap()],
        ..Settings::default()
    })
    .unwrap()
}

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: HttpMethod::Get,
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

async fn ask(
    dial: &Dial,
    request: HttpRequest,
    root: &CertificateDer<'static>,
) -> Result<HttpReply, FetchError> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    dial.request(request, &Arc::new(roots)).await
}

/// `status body-length name=value ...`, or why not.
fn show(answered: Result<HttpReply, FetchError>) -> String {
    match answered {
        Ok(reply) => {
            let mut text = format!("{} {}", reply.status, reply.body.len());
            for (name, value) in reply.headers {
                text += &format!(" {name}={value}");
            }
            text
        }
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn answers_come_as_they_are() {
    let closing = |length| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        [head.as_bytes(), &vec![b'x'; length][..]].concat()
    };
    let (most, above) = (limits::ACME_REPLY, limits::ACME_REPLY + 1);
    let many: String = (0..200).map(|number| format!("h{number}: x\r\n")).collect();
    for (method, answer, expected) in [
        (
            HttpMethod::Post,
            b"HTTP/1.1 201 Created\r\nLINK: <a>\r\nLink: <b>\r\nX-Odd: \xff\r\ncontent-length: 5\r\n\r\nhello".to_vec(),
            "201 5 link=<a> link=<b> content-length=5".to_owned(),
        ),
        (
            HttpMethod::Head,
            b"HTTP/1.1 200 OK\r\nReplay-Nonce: n\r\nContent-Length: 5\r\n\r\n".to_vec(),
            "200 0 replay-nonce=n content-length=5".to_owned(),
        ),
        (
            HttpMethod::Get,
            b"HTTP/1.1 302 Found\r\nLocation: https://ca.example/\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "302 0 location=https://ca.example/ content-length=0".to_owned(),
        ),
        (
            HttpMethod::Get,
            b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec(),
            "500 3 transfer-encoding=chunked".to_owned(),
        ),
        (HttpMethod::Get, closing(most), format!("200 {most} connection=close")),
        (HttpMethod::Get, closing(above), "TooLong".to_owned()),
        (HttpMethod::Get, format!("HTTP/1.1 200 OK\r\n{many}\r\n").into(), "Http(".to_owned()),
        (HttpMethod::Get, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".to_vec(), "Http(".to_owned()),
        (HttpMethod::Get, b"220 mx ESMTP\r\n".to_vec(), "Http(".to_owned()),
        (HttpMethod::Get, Vec::new(), "Http(".to_owned()),
    ] {
        let Host { address, root, .. } = host("127.0.0.4", "127.0.0.4", &answer).await;
        let request = HttpRequest {
            method,
            ..get(format!("https://{address}/"))
        };
        let shown = show(ask(&no_resolver(), request, &root).await);
        let start = String::from_utf8_lossy(&answer[..answer.len().min(80)]).into_owned();
        assert!(
            shown == expected || (expected == "Http(" && shown.starts_with("Http(")),
            "{start:?}: {shown}"
        );
    }
}

#[tokio::test]
async fn what_is_asked_arrives_as_it_was_given() {
    let mut ca = host("127.0.0.4", "127.0.0.4", EMPTY).await;
    let url = format!("https://{}/order/1?a=%20", ca.address);
    let agent = ("user-agent".to_owned(), "acme/1".to_owned());
    let kind = (
        "content-type".to_owned(),
        "application/jose+json".to_owned(),
    );
    let post = HttpRequest {
        method: HttpMethod::Post,
        headers: vec![kind, agent, ("host".to_owned(), "elsewhere".to_owned())],
        body: b"{}".to_vec(),
        ..get(url.clone())
    };
    for (request, line, expected, own) in [
        (
            post,
            "POST",
            [
                "content-type: application/jose+json",
                "user-agent: acme/1",
                "content-length: 2",
            ]
            .as_slice(),
            "{}",
        ),
        (
            get(url),
            "GET",
            [concat!("user-agent: mailproof/", env!("CARGO_PKG_VERSION"))].as_slice(),
            "",
        ),
    ] {
        ask(&no_resolver(), request, &ca.root).await.unwrap();
        let asked = ca.requests.recv().await.unwrap();
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.lines().collect();
        assert_eq!(lines.remove(0), format!("{line} /order/1?a=%20 HTTP/1.1"));
        let host = format!("host: {}", ca.address);
        let mut expected = [expected, &[host.as_str()]].concat();
        expected.sort_unstable();
        lines.sort_unstable();
        assert_eq!(lines, expected);
        assert_eq!(body, own);
    }
}

#[tokio::test]
async fn hosts_are_connected_as_they_are_written_and_proven_by_their_certificate() {
    let world = world::world();
    let dial = Dial::new(Settings {
        resolvers: vec![world.server.address],
        trust_anchors: Some(Anchors::parse(&world.anchor).unwrap()),
        ..Settings::default()
    })
    .unwrap();
    ready(&dial).await;
    let refused = format!("{:?}", FetchError::Connect(ConnectError::Refused));
    // Where it listens, the name in its certificate, the one that is asked, and what comes of it.
    for (at, named, asked, expected) in [
        ("127.0.0.4", "four.signed.lab", "Four.Signed.Lab.", "200 0"),
        // The first of its two addresses is closed.
        ("::1", "mx.signed.lab", "mx.signed.lab", "200 0"),
        ("127.0.0.1", "localhost", "localhost", "200 0"),
        ("::1", "ca.localhost", "ca.localhost", "200 0"),
        ("127.0.0.4", "127.0.0.4", "127.0.0.4", "200 0"),
        ("::1", "::1", "[::1]", "200 0"),
        (
            "127.0.0.4",
            "other.signed.lab",
            "four.signed.lab",
            "Certificate(",
        ),
        ("127.0.0.4", "four.signed.lab", "127.0.0.4", "Certificate("),
        ("127.0.0.4", "127.0.0.5", "127.0.0.4", "Certificate("),
        ("127.0.0.3", "four.signed.lab", "four.signed.lab", &refused),
        (
            "127.0.0.4",
            "none.signed.lab",
            "none.signed.lab",
            "NoAddress",
        ),
        ("127.0.0.1", "host.broken.lab", "host.broken.lab", "Dns("),
    ] {
        let ca = host(at, named, EMPTY).await;
        let url = format!("https://{asked}:{}/", ca.address.port());
        let shown = show(ask(&dial, get(url), &ca.root).await);
        assert!(shown.starts_with(expected), "{asked} at {at}: {shown}");
    }
    let ca = host("127.0.0.4", "four.signed.lab", EMPTY).await;
    let stranger = host("127.0.0.4", "four.signed.lab", EMPTY).await;
    let url = format!("https://four.signed.lab:{}/", ca.address.port());
    let shown = show(ask(&dial, get(url), &stranger.root).await);
    assert!(shown.starts_with("Certificate("), "{shown}");
}

#[tokio::test]
async fn what_is_no_request_over_https_is_not_sent() {
    let mut ca = host("127.0.0.4", "127.0.0.4", EMPTY).await;
    let url = format!("https://{}/", ca.address);
    let header = |name: &str, value: &str| HttpRequest {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..get(url.clone())
    };
    for request in [
        get(url.replace("https", "http")),
        get(url.replace("//", "//me@")),
        get(url.clone() + "#top"),
        header("a b", "x"),
        header("a", "x\r\nb: y"),
    ] {
        let answered = ask(&no_resolver(), request.clone(), &ca.root).await;
        assert!(
            matches!(answered, Err(FetchError::Request(_))),
            "{request:?}: {answered:?}"
        );
    }
    assert!(ca.requests.try_recv().is_err(), "something was sent");
}

/// The clock runs ahead while nothing can happen, and here nothing ever does.
#[tokio::test(start_paused = true)]
async fn a_silent_host_is_given_up() {
    let silent = TcpListener::bind("127.0.0.4:0").await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.4".to_owned()]).unwrap();
    let answered = ask(&no_resolver(), get(url), made.cert.der()).await;
    assert_eq!(answered, Err(FetchError::Timeout));
}
