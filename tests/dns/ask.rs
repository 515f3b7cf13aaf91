//! Questions put by hand.

use crate::world::name;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::RecordType;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// How long an answer may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A question, with OPT of this size and DO bit if given.
pub fn query(owner: &str, rtype: RecordType, edns: Option<(u16, bool)>) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(name(owner), rtype));
    if let Some((payload, dnssec_ok)) = edns {
        let mut edns = Edns::new();
        edns.set_max_payload(payload).set_dnssec_ok(dnssec_ok);
        message.set_edns(edns);
    }
    message
}

/// The same question with an OPT record of these options, code and data.
pub fn with_options(question: &Message, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut query = question.to_vec().unwrap();
    query[11] += 1;
    let number = |octets: usize| u16::try_from(octets).unwrap().to_be_bytes();
    let mut data = Vec::new();
    for (code, value) in options {
        data.extend(code.to_be_bytes());
        data.extend(number(value.len()));
        data.extend_from_slice(value);
    }
    query.extend([0, 0, 41, 4, 208, 0, 0, 0, 0]);
    query.extend(number(data.len()));
    query.extend(data);
    query
}

/// The options of an answer, code and data.
pub fn options(answer: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let message = Message::from_vec(answer).unwrap();
    let edns = message.edns.expect("an answer with OPT");
    let options = edns.options().options.iter();
    options
        .map(|(code, option)| (u16::from(*code), Vec::try_from(option).unwrap()))
        .collect()
}

/// A socket of a client, whose address is of the loopback interface.
pub fn client(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends these datagrams from one socket and returns the first answer.
pub fn udp_octets(server: SocketAddr, datagrams: &[Vec<u8>]) -> Vec<u8> {
    let socket = client(if server.is_ipv6() { "::1" } else { "127.0.0.1" });
    for datagram in datagrams {
        socket.send_to(datagram, server).unwrap();
    }
    let mut buffer = vec![0; 65535];
    let length = socket.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

pub fn udp(server: SocketAddr, query: &Message) -> Message {
    Message::from_vec(&udp_octets(server, &[query.to_vec().unwrap()])).unwrap()
}

/// A connection for questions.
pub struct Tcp(pub TcpStream);

impl Tcp {
    pub fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub fn send(&mut self, query: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(query.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length, query].concat())
    }

    pub fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }

    pub fn ask(&mut self, query: &Message) -> Message {
        self.send(&query.to_vec().unwrap()).unwrap();
        Message::from_vec(&self.receive().unwrap()).unwrap()
    }
}

/// A type by its mnemonic or as `TYPE123`.
pub fn rtype(text: &str) -> RecordType {
    match text.strip_prefix("TYPE") {
        Some(number) => number.parse::<u16>().unwrap().into(),
        None => text.parse().unwrap(),
    }
}
