//! Questions to the nameserver: whatever comes, silence, a special or a readable answer that fits; what is denied is
//! proven, and nothing that should be signed is not.
//!
//! Input: an octet whose lowest bit says by a connection, not in a datagram, and the next that the server has a name and
//! makes cookies; then the query.

#![no_main]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/dns/world.rs"]
mod world;

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use libfuzzer_sys::fuzz_target;
use mailproof::serve::dns::{
    Circumstances, CookieSecret, Cookies, Outcome, Scratch, Transport, answer,
};
use mailproof::sign::Snapshot;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| Snapshot::new(world::World::new().zones));

const SECRET: CookieSecret = CookieSecret([7; 16]);

const HEADER: usize = 12;
const QR: u8 = 0x80;
/// Opcode and RD: what a response repeats of the third octet.
const REPEATED: u8 = 0x79;

fuzz_target!(|input: &[u8]| {
    let [how, query @ ..] = input else {
        return;
    };
    let transport = match how % 2 {
        0 => Transport::Udp,
        _ => Transport::Tcp,
    };
    let mut circumstances = Circumstances::from(transport);
    if how & 2 != 0 {
        circumstances.identity = "ns.lab";
        circumstances.cookies = Some(Cookies {
            secret: &SECRET,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            now: 1_800_000_000,
        });
    }
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let outcome = answer(&SNAPSHOT, query, &mut out, &mut scratch, circumstances);
    // With buffers that hold what was before, it is the same.
    let mut again = b"what was before".to_vec();
    let repeated = answer(&SNAPSHOT, query, &mut again, &mut scratch, circumstances);
    assert_eq!((&repeated, &again), (&outcome, &out));
    let silent = query.len() < HEADER || query[2] & QR != 0;
    assert_eq!(outcome == Outcome::Silence, silent);
    match outcome {
        Outcome::Silence | Outcome::Special => assert!(out.is_empty()),
        Outcome::Answered(_) => check(query, &out, transport),
    }
});

fn check(query: &[u8], out: &[u8], transport: Transport) {
    assert_eq!(out[..2], query[..2], "the id");
    assert_eq!(out[2] & (REPEATED | QR), query[2] & REPEATED | QR);
    let message = Message::from_vec(out).unwrap();
    if out[5] == 1 {
        let end = question_end(query);
        assert_eq!(out[HEADER..end], query[HEADER..end], "the question");
    }
    let most = match (transport, Message::from_vec(query)) {
        (Transport::Tcp, _) => usize::from(u16::MAX),
        (Transport::Udp, Ok(asked)) => {
            let payload = asked.edns.map_or(0, |edns| edns.max_payload());
            usize::from(payload).clamp(512, 1232)
        }
        (Transport::Udp, Err(_)) => 1232,
    };
    assert!(out.len() <= most, "{} octets of {most}", out.len());
    let negative =
        message.metadata.response_code == ResponseCode::NXDomain || message.answers.is_empty();
    if message.metadata.truncation {
        assert!(message.answers.is_empty() && message.authorities.is_empty());
        assert!(message.additionals.is_empty());
    } else if message.metadata.authoritative {
        let dnssec_ok = message
            .edns
            .as_ref()
            .is_some_and(|edns| edns.flags().dnssec_ok);
        let has = |rtype| {
            message
                .authorities
                .iter()
                .any(|record| record.record_type() == rtype)
        };
        if negative {
            assert!(has(RecordType::SOA), "{message}");
            assert_eq!(has(RecordType::NSEC), dnssec_ok, "{message}");
        }
        let signed = |records: &[Record], record: &Record| {
            let rtype = Some(record.record_type());
            records
                .iter()
                .any(|other| other.name == record.name && covered(other) == rtype)
        };
        for record in message
            .answers
            .iter()
            .filter(|record| covered(record).is_none())
        {
            assert_eq!(
                signed(&message.answers, record),
                dnssec_ok,
                "{record} of {message}"
            );
        }
        // The NS records of a referral behind an alias are not signed.
        let authorities = message
            .authorities
            .iter()
            .filter(|record| covered(record).is_none() && record.record_type() != RecordType::NS);
        for record in authorities {
            assert_eq!(
                signed(&message.authorities, record),
                dnssec_ok,
                "{record} of {message}"
            );
        }
    }
}

/// Where the question ends that begins behind the header and is not compressed.
fn question_end(query: &[u8]) -> usize {
    let mut at = HEADER;
    while query[at] != 0 {
        at += usize::from(query[at]) + 1;
    }
    at + 5
}

/// The type that a signature is for.
fn covered(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig.input().type_covered),
        _ => None,
    }
}
