//! One attempt over loopback, from the queue to a mail server and back.

use crate::scene::at;
use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::rdata::{A, MX};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use mailproof::base::TestId;
use mailproof::base::Timestamp;
use mailproof::base::ports::{Clock, Random};
use mailproof::dial::deliver::StsCache;
use mailproof::dial::{Dial, Settings, Validate};
use mailproof::mail::queue::{Queue, Settled};
use mailproof::mail::send::Sender;
use mailproof::report::ReplyState;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);

/// Answers every question for an MX or an address with the mail server, and has nothing else.
async fn resolver() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            let query = question.queries[0].clone();
            let mut answer = Message::response(question.metadata.id, OpCode::Query);
            answer.metadata.recursion_available = true;
            let data = match query.query_type() {
                RecordType::MX => Some(RData::MX(MX::new(
                    10,
                    Name::from_ascii("mx.d.example").unwrap(),
                ))),
                RecordType::A => Some(RData::A(A(HOST))),
                _ => None,
            };
            if let Some(data) = data {
                answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
            answer.add_query(query);
            let _ = socket.send_to(&answer.to_vec().unwrap(), client).await;
        }
    });
    address
}

/// Plays one connection and returns what it heard; RCPT gets `answer`.
async fn play(stream: TcpStream, answer: &str) -> Vec<String> {
    let mut io = BufReader::new(stream);
    io.write_all(b"220 mx ready\r\n").await.unwrap();
    let mut heard = Vec::new();
    let mut content = false;
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await.unwrap() == 0 {
            return heard;
        }
        let line = line.trim_end().to_owned();
        let reply = match line.as_str() {
            "." if content => "250 taken",
            _ if content => "",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            other if other.starts_with("RCPT") => answer,
            _ => "250 mx",
        };
        content = (content || line == "DATA") && line != ".";
        heard.push(line);
        if !reply.is_empty() {
            io.write_all(format!("{reply}\r\n").as_bytes())
                .await
                .unwrap();
        }
    }
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

impl Random for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Queues a mail, tries it once at a server that answers RCPT so; what became of it, and what the server heard.
async fn attempt(answer: &'static str) -> (Settled, Vec<String>, usize) {
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let dial = Dial::new(Settings {
        resolvers: vec![resolver().await],
        validate: Validate::Upstream,
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        smtp_port: listener.local_addr().unwrap().port(),
        helo: "et.example.org".to_owned(),
        ..Settings::default()
    })
    .unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(stream, answer).await
    });
    let mut queue = Queue::default();
    let test = TestId::from_bits([1; 10]);
    let to = "jim@d.example".parse().unwrap();
    let item = queue.admit(&test, &to, b"Subject: x\r\n\r\n.x\r\n".to_vec(), at(0));
    queue.insert(item.unwrap());
    let item = queue.due(at(0)).remove(0);
    let sender = Sender::new(
        dial,
        StsCache::default(),
        None,
        Arc::new(Fixed),
        Arc::new(Fixed),
    );
    let came = sender.send_one(&item).await;
    let settled = queue.settle(item, came, at(1));
    (settled, server.await.unwrap(), queue.len())
}

#[tokio::test]
async fn a_mail_is_sent_with_a_null_return_path() {
    let (settled, heard, waiting) = attempt("250 ok").await;
    assert_eq!(settled.reply.state, ReplyState::Sent);
    assert_eq!(
        settled.reply.reason,
        "taken by mx.d.example, in clear text, verified: none"
    );
    assert_eq!(heard[0], "EHLO et.example.org");
    assert!(heard[1].starts_with("MAIL FROM:<>"), "{heard:?}");
    assert_eq!(heard[2], "RCPT TO:<jim@d.example>");
    assert_eq!(heard[3..], ["DATA", "Subject: x", "", "..x", ".", "QUIT"]);
    assert_eq!(waiting, 0);
}

#[tokio::test]
async fn a_refusal_ends_it_and_a_451_does_not() {
    let (settled, _, waiting) = attempt("550 no such user").await;
    assert_eq!(settled.reply.state, ReplyState::Failed);
    assert!(settled.reply.reason.contains("550 no such user"));
    assert_eq!(waiting, 0);
    let (settled, _, waiting) = attempt("451 later").await;
    assert_eq!(settled.reply.state, ReplyState::Queued);
    let reason = &settled.reply.reason;
    assert!(
        reason
            .starts_with("attempt 1 failed, the next one is at 2022-08-27T22:48:50Z: mx.d.example")
            && reason.contains("451 later"),
        "{reason}"
    );
    assert_eq!((waiting, settled.batch.puts.len()), (1, 1));
}
