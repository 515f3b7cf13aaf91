//! Questions to the appliance's nameserver over UDP.

use crate::appliance::LIMIT;
use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::{SocketAddr, UdpSocket};
use std::str::FromStr as _;

/// The data of these records, which must exist.
pub fn ask(server: SocketAddr, name: &str, kind: RecordType) -> Vec<RData> {
    let socket = UdpSocket::bind((server.ip(), 0)).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut question = Message::query();
    let name = Name::from_str(&format!("{name}.")).unwrap();
    question.add_query(Query::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    question.set_edns(edns);
    socket.send_to(&question.to_vec().unwrap(), server).unwrap();
    let mut answer = [0; 4096];
    let length = socket.recv(&mut answer).unwrap();
    let answer = Message::from_vec(&answer[..length]).unwrap();
    assert_eq!(answer.metadata.id, question.metadata.id);
    let data: Vec<_> = answer
        .answers
        .iter()
        .filter(|record| record.record_type() == kind)
        .map(|record| record.data.clone())
        .collect();
    assert!(!data.is_empty(), "{answer:?}");
    data
}

/// The serial of a zone.
pub fn serial(server: SocketAddr, zone: &str) -> u32 {
    match ask(server, zone, RecordType::SOA).as_slice() {
        [RData::SOA(soa)] => soa.serial,
        other => panic!("not one SOA: {other:?}"),
    }
}

/// The text at a name.
pub fn text(server: SocketAddr, name: &str) -> String {
    match ask(server, name, RecordType::TXT).as_slice() {
        [RData::TXT(txt)] => String::from_utf8(txt.txt_data.concat()).unwrap(),
        other => panic!("not one TXT: {other:?}"),
    }
}
