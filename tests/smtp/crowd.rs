//! Many at once: those who hold on to something keep others from nothing that matters.

use crate::live::{Client, Server};
use crate::script::{self, Script};
use crate::tls::trusting;
use mailproof::base::limits;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsConnector;

fn plain() -> Script {
    let mut script = script::all().remove(0);
    script.setup.clear();
    script
}

/// A server with room for this test.
fn roomy() -> Server {
    Server::with(&plain(), |settings| {
        settings.clients = 1000;
        settings.clients_per_network = 1000;
    })
}

const DATA: &[u8] =
    b"EHLO a\r\nMAIL FROM:<jim@example.net>\r\nRCPT TO:<abuse@et.example.org>\r\nDATA\r\n";

/// A client that may send its message now.
async fn in_data(server: &Server) -> Client {
    let mut client = Client::connect(server.address).await;
    client.send(DATA).await;
    while !client.line().await.starts_with("354 ") {}
    client
}

#[tokio::test]
async fn messages_wait_for_room() {
    let server = roomy();
    let mut first = Vec::new();
    for _ in 0..limits::MESSAGES {
        let mut client = in_data(&server).await;
        client.send(b"x\r\n").await;
        first.push(client);
    }
    let mut late = in_data(&server).await;
    late.send(b"y\r\n.\r\nQUIT\r\n").await;
    // Everybody else is answered meanwhile.
    let mut other = Client::connect(server.address).await;
    other.send(b"EHLO a\r\nQUIT\r\n").await;
    while !other.line().await.starts_with("221 ") {}
    assert!(
        server
            .double
            .told
            .lock()
            .unwrap()
            .iter()
            .all(|told| !told.starts_with("relay"))
    );
    for client in &mut first {
        client.send(b".\r\n").await;
        assert_eq!(client.line().await, "250 2.0.0 Ok");
    }
    assert_eq!(late.line().await, "250 2.0.0 Ok");
    drop((first, late));
    server.stop().await;
}

#[tokio::test]
async fn handshakes_that_are_begun_and_left_hinder_no_other() {
    let server = roomy();
    let mut begun = Vec::new();
    for number in 0..200 {
        let mut stream = Client::connect(server.address).await.into_starttls().await;
        // A record that announces more than comes, or nothing at all.
        if number % 2 == 0 {
            stream
                .write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
                .await
                .unwrap();
        }
        begun.push(stream);
    }
    let stream = Client::connect(server.address).await.into_starttls().await;
    let (config, name) = trusting(Some("mx06.et.example.org"));
    let name = ServerName::try_from(name).unwrap();
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .unwrap();
    let mut client = Client::on(stream);
    client.send(b"EHLO a\r\nQUIT\r\n").await;
    while !client.line().await.starts_with("221 ") {}
    drop((begun, client));
    server.stop().await;
}
