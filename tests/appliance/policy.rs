//! The MTA-STS policy: served, certified and published as RFC 8461 wants it; and what is not HTTPS does no harm.

use crate::appliance::{Appliance, LIMIT, wait_for};
use crate::dns;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

const HOST: &str = "mta-sts.et.example.org";
const PATH: &str = "/.well-known/mta-sts.txt";

#[test]
fn the_policy_is_the_one_whose_id_is_published() {
    let appliance = Appliance::started();
    let reply = fetch(&appliance, HOST, PATH);
    let (head, policy) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert_eq!(
        policy,
        "version: STSv1\r\nmode: enforce\r\nmx: mx04.et.example.org\r\nmx: mx05.et.example.org\r\n\
         mx: mx06.et.example.org\r\nmax_age: 86400\r\n"
    );
    let digest = ring::digest::digest(&ring::digest::SHA256, policy.as_bytes());
    let id = &data_encoding::HEXLOWER.encode(digest.as_ref())[..32];
    let published = dns::text(appliance.ports.dns, "_mta-sts.et.example.org");
    assert_eq!(published, format!("v=STSv1; id={id};"));
    is_seen(&appliance);
    for (host, path) in [
        (HOST, "/"),
        ("mta-sts.ut.example.org", PATH),
        ("et.example.org", PATH),
    ] {
        let reply = fetch_as(&appliance, HOST, host, path);
        assert!(reply.starts_with("HTTP/1.1 4"), "{host}{path}: {reply}");
    }
}

/// What was looked up and fetched is evidence of a test that begins soon after.
fn is_seen(appliance: &Appliance) {
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<jim@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
        ("DATA", "451"),
    ]);
    client.quit();
    let test = wait_for("the fetch", || {
        let test = appliance.test_of("jim@sender.example");
        (test["fetches"] != json!([]) && test["queries"] != json!([])).then_some(test)
    });
    let [fetch] = test["fetches"].as_array().unwrap().as_slice() else {
        panic!("one fetch: {test:#}");
    };
    assert_eq!(fetch["client"], "127.0.0.1");
    assert_eq!(fetch["shared"], false, "it came from the client's network");
    let queries = test["queries"].as_array().unwrap();
    let query = |query: &Value| format!("{} {}", query["name"], query["type"]);
    let queries: Vec<_> = queries.iter().map(query).collect();
    assert_eq!(queries, ["\"_mta-sts.et.example.org\" \"TXT\""]);
}

#[test]
fn what_is_no_https_does_no_harm() {
    let appliance = Appliance::started();
    let (https, http) = (appliance.ports.https, appliance.ports.http);
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let garbage = [0xff; 20_000];
    for bytes in [get.as_bytes(), b"", b"\0", b"EHLO x\r\n", &garbage] {
        let reply = exchange(https, bytes);
        assert!(!reply.windows(4).any(|four| four == b"HTTP"), "{reply:?}");
    }
    let reply = String::from_utf8(exchange(http, get.as_bytes())).unwrap();
    assert!(reply.starts_with("HTTP/1.1 30"), "{reply}");
    let place = format!("location: https://{HOST}:{}{PATH}\r\n", https.port());
    assert!(reply.contains(&place), "{reply}");
    for bytes in [&b"\xff\xfe\r\n\r\n"[..], b"GET\r\n\r\n", &garbage] {
        let reply = exchange(http, bytes);
        assert!(
            reply.is_empty() || reply.starts_with(b"HTTP/1.1 4"),
            "{reply:?}"
        );
    }
    let long = format!("/{}", "x".repeat(20_000));
    let reply = fetch(&appliance, HOST, &long);
    assert!(
        reply.is_empty() || reply.starts_with("HTTP/1.1 4"),
        "{reply}"
    );
    assert!(fetch(&appliance, HOST, PATH).starts_with("HTTP/1.1 200 "));
    assert!(!appliance.log().contains("panicked"), "{}", appliance.log());
}

/// A page as a client gets it that trusts the appliance's own root.
fn fetch(appliance: &Appliance, host: &str, path: &str) -> String {
    fetch_as(appliance, host, host, path)
}

fn fetch_as(appliance: &Appliance, sni: &str, host: &str, path: &str) -> String {
    let name = ServerName::try_from(sni.to_owned()).unwrap();
    let tls = ClientConnection::new(appliance.trust(), name).unwrap();
    let mut stream = StreamOwned::new(tls, connect(appliance.ports.https));
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Sends bytes, says that there are no more, and reads to the end; a reset is an end.
fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // The server may have closed before everything was written.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut reply = Vec::new();
    let end = stream.read_to_end(&mut reply);
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    reply
}
