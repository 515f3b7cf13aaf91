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

/// A client of this network that wants to send a message.
async fn before_data(server: &Server, network: u8) -> Client {
    let mut client = Client::from([127, 0, network, 1], server.address).await;
    client.send(DATA).await;
    while client.line().await != "250 2.1.5 Recipient ok" {}
    client
}

/// A client that may send its message now.
async fn in_data(server: &Server, network: u8) -> Client {
    let mut client = before_data(server, network).await;
    assert!(client.line().await.starts_with("354 "));
    client
}

/// As many clients as there is room for messages.
async fn full(server: &Server) -> Vec<Client> {
    let mut clients = Vec::new();
    while clients.len() < limits::MESSAGES {
        let network = clients.len() / limits::MESSAGES_PER_NETWORK;
        let mut client = in_data(server, u8::try_from(network).unwrap()).await;
        client.send(b"x\r\n").await;
        clients.push(client);
    }
    clients
}

const FULL: &str = "452 4.3.2 Too many messages at once, please send again";

#[tokio::test]
async fn messages_wait_for_room() {
    let server = roomy();
    let mut first = full(&server).await;
    let mut late = before_data(&server, 200).await;
    // Everybody else is answered meanwhile.
    let mut other = Client::connect(server.address).await;
    other.send(b"EHLO a\r\nQUIT\r\n").await;
    while !other.line().await.starts_with("221 ") {}
    for client in &mut first {
        client.send(b".\r\n").await;
        assert_eq!(client.line().await, "250 2.0.0 Ok");
    }
    assert!(late.line().await.starts_with("354 "));
    late.send(b"y\r\n.\r\n").await;
    assert_eq!(late.line().await, "250 2.0.0 Ok");
    drop((first, late));
    server.stop().await;
}

#[tokio::test]
async fn who_goes_while_waiting_for_room_is_seen_to_go() {
    let server = roomy();
    let first = full(&server).await;
    drop(before_data(&server, 200).await);
    let told = server.told(1).await;
    assert!(told[0].ends_with("close fin"), "{told:?}");
    let mut late = secured(&server).await;
    late.send(DATA).await;
    while late.line().await != "250 2.1.5 Recipient ok" {}
    drop(late);
    let told = server.told(2).await;
    assert!(told[1].ends_with("close fin"), "{told:?}");
    drop(first);
    server.stop().await;
}

/// Greets in TLS.
async fn secured(server: &Server) -> Client {
    let stream = Client::connect(server.address).await.into_starttls().await;
    let (config, name) = trusting(Some("mx06.et.example.org"));
    let name = ServerName::try_from(name).unwrap();
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .unwrap();
    Client::on(stream)
}

#[tokio::test]
async fn a_network_with_many_messages_under_way_is_put_off_and_keeps_no_other_waiting() {
    let mut script = plain();
    script
        .setup
        .push(("decisions".to_owned(), "accept".to_owned()));
    let server = Server::with(&script, |settings| {
        settings.clients = 1000;
        settings.clients_per_network = 1000;
    });
    let mut first = Vec::new();
    for _ in 0..limits::MESSAGES_PER_NETWORK {
        first.push(in_data(&server, 0).await);
    }
    drop(in_data(&server, 1).await);
    server.told(1).await;
    let mut operator = before_data(&server, 0).await;
    assert_eq!(operator.line().await, FULL);
    operator.send(b"DATA\r\nQUIT\r\n").await;
    assert_eq!(operator.line().await, "503 5.5.1 MAIL first");
    assert_eq!(operator.line().await, "221 2.0.0 Bye");
    server.told(2).await;
    // MAIL and RCPT were seen, and are evidence.
    const TEST: &[u8] =
        b"EHLO a\r\nMAIL FROM:<jim@example.net>\r\nRCPT TO:<en@et.example.org>\r\nDATA\r\nQUIT\r\n";
    for (client, how) in [
        (Client::connect(server.address).await, "plain"),
        (secured(&server).await, "encrypted"),
    ] {
        let before = server.double.told.lock().unwrap().len();
        let mut client = client;
        client.send(TEST).await;
        while client.line().await != "250 2.1.5 Recipient ok" {}
        assert_eq!(client.line().await, FULL);
        assert_eq!(client.line().await, "221 2.0.0 Bye");
        drop(client);
        let told = server.told(before + 2).await;
        let ends = [
            ("commit c", "to en@et.example.org"),
            ("closed c", "close quit"),
        ];
        assert_eq!(told.len(), before + 2, "{told:?}");
        for (entry, (start, end)) in told[before..].iter().zip(ends) {
            assert!(entry.starts_with(start) && entry.ends_with(end), "{entry}");
            assert!(entry.contains(how), "{entry}");
        }
    }
    drop(first);
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
    let mut client = secured(&server).await;
    client.send(b"EHLO a\r\nQUIT\r\n").await;
    while !client.line().await.starts_with("221 ") {}
    drop((begun, client));
    server.stop().await;
}
