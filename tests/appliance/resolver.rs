//! A recursive resolver on loopback that knows a few names and denies all others.

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, PTR, TXT};
use hickory_proto::rr::{Name, RData, Record};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr as _;
use std::thread;

/// What it knows.
#[derive(Clone)]
pub enum Known {
    /// An address, and the name that is confirmed for it.
    Host(&'static str, [u8; 4]),
    /// A text at a name.
    Text(&'static str, String),
    /// A name for which it fails.
    Broken(&'static str),
}

/// Starts one; it lasts as long as the tests.
pub fn start(ip: IpAddr, known: Vec<Known>) -> SocketAddr {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut octets = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut octets) {
            let Ok(question) = Message::from_vec(&octets[..length]) else {
                continue;
            };
            let answer = answer(&question, &known).to_vec().unwrap();
            socket.send_to(&answer, client).unwrap();
        }
    });
    address
}

fn answer(question: &Message, known: &[Known]) -> Message {
    let mut answer = Message::query();
    answer.metadata.id = question.metadata.id;
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    let query = question.queries[0].clone();
    let is_broken =
        |known: &Known| matches!(known, Known::Broken(broken) if name(broken) == *query.name());
    let found: Vec<_> = (known.iter().flat_map(records))
        .filter(|record| record.name == *query.name())
        .collect();
    answer.metadata.response_code = match found.is_empty() {
        _ if known.iter().any(is_broken) => ResponseCode::ServFail,
        true => ResponseCode::NXDomain,
        false => ResponseCode::NoError,
    };
    let wanted = |record: &Record| record.record_type() == query.query_type();
    found.into_iter().filter(wanted).for_each(|record| {
        answer.add_answer(record);
    });
    answer.add_query(query);
    answer
}

fn name(text: &str) -> Name {
    Name::from_str(&format!("{text}.")).unwrap()
}

fn records(known: &Known) -> Vec<Record> {
    let record = |at: &str, data| Record::from_rdata(name(at), 60, data);
    match known {
        Known::Host(host, [a, b, c, d]) => vec![
            record(host, RData::A(A::new(*a, *b, *c, *d))),
            record(
                &format!("{d}.{c}.{b}.{a}.in-addr.arpa"),
                RData::PTR(PTR(name(host))),
            ),
        ],
        Known::Text(at, text) => vec![record(at, RData::TXT(TXT::new(vec![text.clone()])))],
        Known::Broken(_) => Vec::new(),
    }
}
