//! While the MX records change, every answer is whole and its signature right.

use crate::ask::{query, udp};
use crate::server::Server;
use crate::world::{World, add};
use hickory_proto::dnssec::Verifier;
use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, RecordType, RrKey};
use mailproof::sign::Snapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const ROTATIONS: usize = 300;

fn signature(message: &Message) -> Option<RRSIG> {
    message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig.clone()),
            _ => None,
        })
}

#[test]
fn no_answer_is_unsigned_or_wrongly_signed() {
    let mut world = World::new();
    let server = Server::of(&world);
    let (address, snapshot) = (server.address, Arc::clone(&server.snapshot));
    let zsk = world.et.keys.zsk[0].dnskey().clone();
    let done = Arc::new(AtomicBool::new(false));
    let finished = Arc::clone(&done);
    let rotating = std::thread::spawn(move || {
        let apex = Name::from_ascii("et.lab.").unwrap();
        let key = RrKey::new((&apex).into(), RecordType::MX);
        for turn in 0..ROTATIONS {
            world.et.zone.rrsets.remove(&key);
            for host in 0..4 {
                let preference = (host + turn) % 4;
                add(
                    &mut world.et.zone,
                    &format!("@ MX {preference} mx0{}.et.lab.", host + 3),
                );
            }
            let signed = world.et.sign();
            assert!(
                signed.signatures_made() <= 1,
                "the MX alone is signed again"
            );
            world.zones[World::ET] = signed;
            snapshot.store(Arc::new(Snapshot::new(world.zones.clone())));
        }
        finished.store(true, Ordering::Release);
    });
    let question = query("et.lab", RecordType::MX, Some((1232, true)));
    let mut orders = std::collections::BTreeSet::new();
    while !done.load(Ordering::Acquire) {
        let answer = udp(address, &question);
        let rrsig = signature(&answer).expect("a signature");
        let records = answer.answers.iter();
        let apex = Name::from_ascii("et.lab.").unwrap();
        zsk.verify_rrsig(&apex, DNSClass::IN, &rrsig, records)
            .expect("a right signature");
        let hosts = answer.answers.iter().map(|record| record.data.to_string());
        let hosts: Vec<_> = hosts.filter(|text| text.contains(" mx0")).collect();
        assert_eq!(hosts.len(), 4);
        orders.insert(hosts);
    }
    rotating.join().unwrap();
    assert!(orders.len() > 1, "no rotation was seen");
    server.stop();
}
