//! The same zones served by Knot DNS: answer for answer the same.

use crate::ask::{PATIENCE, Tcp, query};
use crate::master::master;
use crate::server::Server;
use crate::validity::QUESTIONS;
use crate::world::World;
use hickory_proto::op::Message;
use hickory_proto::rr::{Record, RecordType};
use mailproof::sign::SignedZone;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Knot {
    process: Child,
    address: SocketAddr,
}

impl Knot {
    fn start(directory: &Path, zones: &[Arc<SignedZone>]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let home = directory.display();
        let port = address.port();
        let mut config = format!(
            "server:\n  rundir: \"{home}\"\n  listen: 127.0.0.1@{port}\n\
             database:\n  storage: \"{home}\"\n\
             template:\n  - id: default\n    storage: \"{home}\"\n    zonefile-load: whole\n    journal-content: none\n\
             zone:\n"
        );
        for (number, zone) in zones.iter().enumerate() {
            let file = directory.join(format!("zone{number}"));
            std::fs::write(&file, master(zone)).unwrap();
            let (origin, file) = (zone.origin(), file.display());
            config += &format!("  - domain: \"{origin}\"\n    file: \"{file}\"\n");
        }
        let file = directory.join("knot.conf");
        std::fs::write(&file, config).unwrap();
        let process = Command::new("knotd")
            .arg("-c")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("knotd does not start ({error}); it is in the Debian package knot")
            });
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < PATIENCE, "knotd does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, address }
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What two servers must agree on: code and AA, answer, authority, and additional data where they are glue.
#[derive(Debug, PartialEq)]
struct Essence {
    status: (String, bool),
    answer: BTreeSet<String>,
    authority: BTreeSet<String>,
    glue: BTreeSet<String>,
}

fn essence(message: &Message) -> Essence {
    let section = |records: &[Record]| {
        records
            .iter()
            .map(|record| {
                let owner = record.name.to_lowercase();
                format!("{owner} {} {:?}", record.ttl, record.data).to_lowercase()
            })
            .collect()
    };
    let meta = &message.metadata;
    let glue = if meta.authoritative {
        BTreeSet::new()
    } else {
        section(&message.additionals)
    };
    Essence {
        status: (meta.response_code.to_string(), meta.authoritative),
        answer: section(&message.answers),
        authority: section(&message.authorities),
        glue,
    }
}

/// Where Knot proves less than RFC 4035 3.1.3 asks for: a wildcard that is an empty non-terminal, and NSEC itself
/// synthesised from a wildcard.
fn proves_more(owner: &str, rtype: RecordType) -> bool {
    owner.contains("foo.star.") || rtype == RecordType::NSEC
}

#[test]
fn knot_answers_the_same() {
    let world = World::new();
    let server = Server::of(&world);
    let directory = tempfile::tempdir().unwrap();
    let knot = Knot::start(directory.path(), &world.zones);
    let owned = world.zones.iter().flat_map(|zone| {
        let records = zone.records().unwrap();
        records.into_iter().map(|record| record.name.to_lowercase())
    });
    let mut names: BTreeSet<String> = owned.map(|name| name.to_string()).collect();
    names.extend(QUESTIONS.iter().map(|(name, ..)| (*name).to_owned()));
    names.extend(
        [
            "ns.sub.torture.lab",
            "x.y.sub.torture.lab",
            "x.dsub.torture.lab",
        ]
        .map(str::to_owned),
    );
    let types = "A AAAA NS MX TXT TLSA DS CNAME SOA DNSKEY NSEC CDS SRV";
    let (mut ours, mut theirs) = (Tcp::connect(server.address), Tcp::connect(knot.address));
    let mut wrong = Vec::new();
    for owner in &names {
        for rtype in types.split(' ') {
            for dnssec_ok in [false, true] {
                let rtype: RecordType = rtype.parse().unwrap();
                let query = query(owner, rtype, Some((4096, dnssec_ok)));
                let (ours, mut theirs) = (essence(&ours.ask(&query)), essence(&theirs.ask(&query)));
                if proves_more(owner, rtype) && theirs.authority.is_subset(&ours.authority) {
                    theirs.authority.clone_from(&ours.authority);
                }
                if ours != theirs {
                    wrong.push(format!(
                        "{owner} {rtype} DO={dnssec_ok}\n ours  {ours:?}\n theirs {theirs:?}"
                    ));
                }
            }
        }
    }
    server.stop();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
