//! Who is let in, who is sent away, and what remains of those who go too early.

use crate::live::{Client, Server};
use crate::script::{self, Script};
use mailproof::base::{Network, limits};
use mailproof::serve::smtp;

fn plain() -> Script {
    let mut script = script::all().remove(0);
    script.setup.clear();
    script
}

const GREETING: &str = "220 et.example.org ESMTP mailproof";
const FULL: &str = "421 4.3.2 Too many connections, please come again";

#[tokio::test]
async fn clients_beyond_the_limits_come_again_and_leave_no_record() {
    for (all, network) in [(1, 10), (10, 1)] {
        let server = Server::with(&plain(), |settings| {
            settings.clients = all;
            settings.clients_per_network = network;
        });
        let mut first = Client::connect(server.address).await;
        assert_eq!(first.line().await, GREETING);
        let mut second = Client::connect(server.address).await;
        assert_eq!(second.line().await, FULL);
        assert!(second.ends().await);
        first.send(b"QUIT\r\n").await;
        assert_eq!(first.line().await, "221 2.0.0 Bye");
        drop(first);
        server.told(1).await;
        // The place is free once the server has seen the client close.
        loop {
            let mut third = Client::connect(server.address).await;
            match third.line().await.as_str() {
                FULL => tokio::task::yield_now().await,
                line => break assert_eq!(line, GREETING),
            }
        }
        server.told(2).await;
        let told = server.double.told.lock().unwrap().clone();
        assert!(
            told[0].ends_with("close quit") && told[1].ends_with("close fin"),
            "{told:?}"
        );
        server.stop().await;
    }
}

#[tokio::test]
async fn the_desk_hears_whose_limit_turned_a_client_away() {
    for (all, network, expected) in [
        (1, 10, None),
        // A single client has half of its network's places.
        (10, 3, Some("127.0.0.1".parse().unwrap())),
    ] {
        let server = Server::with(&plain(), |settings| {
            settings.clients = all;
            settings.clients_per_network = network;
        });
        let mut inside = Vec::new();
        for _ in 0..all.min(network.div_ceil(2)) {
            let mut client = Client::connect(server.address).await;
            assert_eq!(client.line().await, GREETING);
            inside.push(client);
        }
        let mut client = Client::connect(server.address).await;
        assert_eq!(client.line().await, FULL);
        assert_eq!(*server.double.turned_away.lock().unwrap(), [expected]);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_network_that_comes_too_often_is_turned_away() {
    let server = Server::start(&plain());
    let mut served = 0;
    let client = "127.0.0.1".parse().unwrap();
    while server.double.turned_away.lock().unwrap().is_empty() {
        let mut client = Client::connect(server.address).await;
        served += usize::from(client.line().await == GREETING);
        client.send(b"QUIT\r\n").await;
        assert!(served < 10_000);
        while !client.line().await.is_empty() {}
    }
    let (_, burst) = limits::SMTP_RATE;
    assert!(served >= burst as usize);
    assert_eq!(*server.double.turned_away.lock().unwrap(), [Some(client)]);
    server.stop().await;
}

#[tokio::test]
async fn denied_networks_are_not_served() {
    let server = Server::with(&plain(), |settings| {
        settings.deny = vec!["127.0.0.0/8".parse::<Network>().unwrap()];
    });
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.line().await, "421 4.7.1 This network is not served");
    assert!(client.ends().await);
    assert!(server.double.told.lock().unwrap().is_empty());
    assert!(server.double.turned_away.lock().unwrap().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_stop_ends_every_session_in_words_and_is_evidence_of_nothing() {
    let server = Server::start(&plain());
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.line().await, GREETING);
    server.stop.send_replace(true);
    assert_eq!(client.line().await, "421 4.3.2 Stopping, please send again");
    assert!(client.ends().await);
    drop(client);
    let told = server.told(1).await;
    assert_eq!(told, ["closed c1 None, server 1, plain, close shutdown"]);
    server.stop().await;
}

#[tokio::test]
async fn a_visit_that_is_broken_off_leaves_its_record() {
    let server = Server::start(&plain());
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.line().await, GREETING);
    server.task.abort();
    let told = server.told(1).await;
    assert_eq!(told, ["closed c1 None, server 1, plain, close shutdown"]);
}

#[tokio::test]
async fn a_client_may_go_at_any_point() {
    let whole: &[u8] =
        b"EHLO a\r\nMAIL FROM:<jim@example.net>\r\nRCPT TO:<en@et.example.org>\r\nDATA\r\nx\r\n";
    let mut script = plain();
    script
        .setup
        .push(("decisions".to_owned(), "accept".to_owned()));
    let server = Server::start(&script);
    let mut closed = 0;
    for end in (0..=whole.len()).step_by(5) {
        let mut client = Client::connect(server.address).await;
        assert_eq!(client.line().await, GREETING);
        client.send(&whole[..end]).await;
        drop(client);
        closed += 1;
        while server.double.closed.lock().unwrap().len() < closed {
            server.double.news.notified().await;
        }
    }
    let records = server.double.closed.lock().unwrap().clone();
    assert_eq!(records.len(), closed);
    for record in records {
        let close = record.close.unwrap().to_string();
        assert!(["fin", "reset"].contains(&close.as_str()), "{close}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = smtp::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let address = first[0].local_addr().unwrap();
    let error = smtp::bind(&[address]).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot listen for mail on {address}: ")),
        "{error}"
    );
    assert!(smtp::bind(&["[::1]:0".parse().unwrap()]).is_ok());
}
