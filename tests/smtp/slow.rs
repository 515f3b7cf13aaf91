//! Clients that fall silent, dribble, or do not listen. Hours pass at once: the clock of the runtime stands still while
//! there is anything to do, and then jumps to whatever is due.

use crate::live::{Client, Server};
use crate::script::{self, Script};
use mailproof::base::limits;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

fn plain() -> Script {
    let mut script = script::all().remove(0);
    script.setup.clear();
    script
}

const MAIL: &[u8] = b"EHLO a\r\nMAIL FROM:<jim@example.net>\r\nRCPT TO:<en@et.example.org>\r\n";
const DATA: &[u8] =
    b"EHLO a\r\nMAIL FROM:<jim@example.net>\r\nRCPT TO:<abuse@et.example.org>\r\nDATA\r\n";

/// What a client says, what it goes on with after each pause, the server's last word and the ending noted.
type Row = (
    &'static str,
    &'static [u8],
    Option<(&'static [u8], Duration)>,
    &'static str,
    &'static str,
);

const ROWS: [Row; 7] = [
    (
        "silent from the start",
        b"",
        None,
        "421 4.4.2 Nothing came for too long",
        "timeout",
    ),
    (
        "silent in a transaction",
        MAIL,
        None,
        "421 4.4.2 Nothing came for too long",
        "timeout",
    ),
    (
        "silent in a line",
        b"EHLO",
        None,
        "421 4.4.2 Nothing came for too long",
        "timeout",
    ),
    (
        "silent in a message",
        DATA,
        None,
        "421 4.4.2 Nothing came for too long",
        "timeout",
    ),
    (
        "dribbling commands",
        b"EHLO a\r\n",
        Some((b"NOOP\r\n", Duration::from_secs(30))),
        "421 4.7.0 Too much for one session",
        "limit",
    ),
    (
        "dribbling a line",
        b"EHLO a\r\nNOOP ",
        Some((b"x", Duration::from_secs(30))),
        "421 4.7.0 Too much for one session",
        "limit",
    ),
    (
        "dribbling a message",
        DATA,
        Some((b"x", Duration::from_secs(20))),
        "421 4.4.2 Nothing came for too long",
        "timeout",
    ),
];

#[tokio::test(start_paused = true)]
async fn a_session_ends_however_slow_the_client_is() {
    for (name, first, rest, last_word, close) in ROWS {
        let server = Server::start(&plain());
        let began = Instant::now();
        let stream = TcpStream::connect(server.address).await.unwrap();
        // Otherwise each piece waits in real time until the one before it is acknowledged.
        stream.set_nodelay(true).unwrap();
        let (read, mut write) = stream.into_split();
        let mut client = Client::on(tokio::io::join(read, tokio::io::sink()));
        write.write_all(first).await.unwrap();
        let dribble = tokio::spawn(async move {
            while let Some((bytes, pause)) = rest {
                sleep(pause).await;
                if write.write_all(bytes).await.is_err() {
                    break;
                }
            }
            // Until the server has closed.
            sleep(limits::SESSION_TIMEOUT).await;
            drop(write);
        });
        let mut last = String::new();
        loop {
            let line = client.line_of_any_age().await;
            if line.is_empty() {
                break;
            }
            last = line;
        }
        dribble.abort();
        assert_eq!(last, last_word, "{name}");
        assert!(
            began.elapsed() <= limits::SESSION_TIMEOUT + limits::LAST_WORDS,
            "{name}"
        );
        let told = server.told(1).await;
        assert_eq!(told.len(), 1, "{name}");
        assert!(
            told[0].ends_with(&format!("close {close}")),
            "{name}: {told:?}"
        );
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_refuses_nothing() {
    for half in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00", b"\x16"] {
        let server = Server::start(&plain());
        let client = Client::connect(server.address).await;
        let mut stream = client.into_starttls().await;
        stream.write_all(half).await.unwrap();
        let told = server.told_at_any_time(1).await;
        assert_eq!(
            told,
            ["closed c1 None, server 1, offered, plain, ehlo mail.example.net, close timeout"],
            "{half:?}"
        );
        drop(stream);
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_client_that_does_not_listen() {
    let server = Server::start(&plain());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // More replies than all buffers hold: the server stops reading, and then this does not get through any more.
    let deaf = tokio::spawn(async move {
        let help = b"VRFY x\r\n".repeat(4096);
        while stream.write_all(&help).await.is_ok() {}
    });
    let told = server.told_at_any_time(1).await;
    let close = told[0].rsplit(' ').next().unwrap();
    assert!(["timeout", "limit", "reset"].contains(&close), "{told:?}");
    deaf.abort();
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_places_are_scarce_nobody_keeps_one_for_long() {
    let server = Server::with(&plain(), |settings| settings.clients = 4);
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(server.address).await;
        assert!(client.line().await.starts_with("220 "));
        clients.push(client);
    }
    let began = Instant::now();
    let last = clients.last_mut().unwrap();
    assert_eq!(
        last.line_of_any_age().await,
        "421 4.4.2 Nothing came for too long"
    );
    assert!(began.elapsed() < limits::COMMAND_TIMEOUT / 2);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn patience_with_those_who_wait_already_ends_when_places_become_scarce() {
    let server = Server::with(&plain(), |settings| settings.clients = 4);
    let mut silent = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(server.address).await;
        assert!(client.line().await.starts_with("220 "));
        silent.push(client);
    }
    sleep(limits::SCARCE_TIMEOUT * 7 / 2).await;
    let began = Instant::now();
    let mut last = Client::connect(server.address).await;
    assert!(last.line().await.starts_with("220 "));
    let [a, b, c] = &mut silent[..] else {
        panic!("three are silent")
    };
    let word = tokio::select! {
        word = a.line_of_any_age() => word,
        word = b.line_of_any_age() => word,
        word = c.line_of_any_age() => word,
        word = last.line_of_any_age() => panic!("the last comer goes first: {word}"),
    };
    assert_eq!(word, "421 4.4.2 Nothing came for too long");
    assert!(began.elapsed() <= limits::SCARCE_TIMEOUT);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_room_for_messages_is_scarce_nobody_keeps_it_for_long() {
    let server = Server::with(&plain(), |settings| {
        settings.clients = 1000;
        settings.clients_per_network = 1000;
    });
    let began = Instant::now();
    let mut silent = Vec::new();
    for number in 0..=limits::MESSAGES {
        let network = u8::try_from(number / limits::MESSAGES_PER_NETWORK).unwrap();
        let mut client = Client::from([127, 0, network, 1], server.address).await;
        client.send(DATA).await;
        while client.line_of_any_age().await != "250 2.1.5 Recipient ok" {}
        silent.push(client);
    }
    // The last one has waited for its turn.
    let last = silent.last_mut().unwrap();
    assert!(last.line_of_any_age().await.starts_with("354 "));
    assert!(began.elapsed() < limits::DATA_TIMEOUT / 2);
    server.stop().await;
}
