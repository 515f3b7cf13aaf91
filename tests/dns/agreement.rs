//! The same zones served by others: answer for answer the same, but for differences that are listed with their reason.

use crate::ask::{Tcp, query, rtype, udp};
use crate::rival::{KNOT, Kind, NSD, Rival};
use crate::server::Server;
use crate::validity::{QUESTIONS, long_names};
use crate::world::World;
use hickory_proto::op::Message;
use hickory_proto::rr::Record;
use std::collections::BTreeSet;

/// What two servers must agree on: code and AA, answer, authority, and additional data where they are glue.
#[derive(Clone, Debug, PartialEq)]
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

/// Types asked of every name: some that names have, some that none has, the unknown, and ANY.
const TYPES: &str = "A AAAA NS MX TXT TLSA DS CNAME SOA DNSKEY NSEC CDS CDNSKEY SRV DNAME HINFO CAA PTR \
                     TYPE65280 TYPE1234 ANY RRSIG";

/// Names of no record and no question of ours: below cuts, and in the mixed case of draft-vixie-dnsext-dns0x20.
const NAMES: &[&str] = &[
    "ns.sub.torture.lab",
    "x.y.sub.torture.lab",
    "x.dsub.torture.lab",
    "x.cut.mixed.torture.lab",
    "Mx05.eT.LAB",
    "NoThing.mX05.et.lAb",
    "FOO.wild.Torture.LAB",
    "X.y.SUB.torture.lab",
    "www.example.net",
    "bet.lab",
];

/// A difference that is as it should be.
struct Difference {
    /// Why, with the section.
    reason: &'static str,
    /// Whether two answers differ in this and in nothing else.
    holds: fn(owner: &str, rtype: &str, ours: &Essence, theirs: &Essence) -> bool,
}

/// Every name that there is, and those that are asked for anywhere.
fn names(world: &World) -> BTreeSet<String> {
    let owned = world.zones.iter().flat_map(|zone| {
        let records = zone.records().unwrap();
        records.into_iter().map(|record| record.name.to_lowercase())
    });
    let mut names: BTreeSet<String> = owned
        .map(|name| name.to_string().trim_end_matches('.').to_owned())
        .collect();
    let others = QUESTIONS.iter().map(|(name, ..)| *name);
    names.extend(others.chain(NAMES.iter().copied()).map(str::to_owned));
    names.extend(long_names());
    names
}

fn compare(kind: &Kind, differences: &[Difference]) {
    let world = World::new();
    let server = Server::of(&world);
    let rival = Rival::start(kind, &world.zones);
    let (mut ours, mut theirs) = (Tcp::connect(server.address), Tcp::connect(rival.address));
    let mut wrong = Vec::new();
    let mut met = vec![0; differences.len()];
    let names = names(&world);
    let questions = names.iter().flat_map(|owner| {
        TYPES
            .split_whitespace()
            .flat_map(move |of_type| [false, true].map(|dnssec_ok| (owner, of_type, dnssec_ok)))
    });
    for (owner, of_type, dnssec_ok) in questions {
        let query = query(owner, rtype(of_type), Some((1232, dnssec_ok)));
        let over_udp = udp(server.address, &query);
        let answer = ours.ask(&query);
        for answer in [&answer, &over_udp] {
            assert_eq!(answer.queries, query.queries);
            let asked = |message: &Message| message.queries[0].name().to_string();
            assert_eq!(asked(answer), asked(&query), "the case is kept");
        }
        let (ours, theirs) = (essence(&answer), essence(&theirs.ask(&query)));
        if over_udp.metadata.truncation {
            assert!(over_udp.answers.is_empty() && answer.to_vec().unwrap().len() > 512);
        } else {
            assert_eq!(ours, essence(&over_udp), "{owner} {of_type}");
        }
        let explained =
            |difference: &Difference| (difference.holds)(owner, of_type, &ours, &theirs);
        if ours == theirs {
            continue;
        }
        if let Some(number) = differences.iter().position(explained) {
            met[number] += 1;
        } else {
            wrong.push(format!(
                "{owner} {of_type} DO={dnssec_ok}\n ours  {ours:?}\n theirs {theirs:?}"
            ));
        }
    }
    server.stop();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    for (difference, met) in differences.iter().zip(met) {
        assert!(
            met > 0,
            "there is no such difference: {}",
            difference.reason
        );
    }
}

/// Each server has its own choice.
const ANY: Difference = Difference {
    reason: "RFC 8482 4.1: to ANY one RRset is enough, and which is the responder's choice; 7 likens RRSIG to it",
    holds: |owner, rtype, ours, theirs| {
        let mut rest = theirs.clone();
        rest.answer.clone_from(&ours.answer);
        let own = format!("{}.", owner.trim_end_matches('.').to_lowercase());
        let of_the_name = |record: &String| record.starts_with(&own);
        matches!(rtype, "ANY" | "RRSIG")
            && *ours == rest
            && !theirs.answer.is_empty()
            && !ours.answer.is_empty()
            && ours.answer.iter().all(of_the_name)
    },
};

#[test]
fn knot_answers_the_same() {
    let proves_less = Difference {
        reason: "RFC 4035 3.1.3.4: Knot proves less where a wildcard is an empty non-terminal, and where NSEC itself \
                 is synthesised",
        holds: |owner, rtype, ours, theirs| {
            let mut rest = theirs.clone();
            rest.authority.clone_from(&ours.authority);
            (owner.contains("foo.star.") || rtype == "NSEC")
                && theirs.authority.is_subset(&ours.authority)
                && *ours == rest
        },
    };
    compare(&KNOT, &[ANY, proves_less]);
}

#[test]
fn nsd_answers_the_same() {
    let other_zones = Difference {
        reason: "RFC 2181 5.4.1: what follows an alias in another zone is no authoritative data of the name asked \
                 for, and resolvers ask again; NSD goes on into the zones that it has (RFC 1034 4.3.2)",
        holds: |owner, _, ours, theirs| {
            let leads_out = ["ccut.", "cfar.", "cother."];
            leads_out.iter().any(|alias| owner.starts_with(alias))
                && !ours.answer.is_empty()
                && ours.answer.is_subset(&theirs.answer)
                && ours.status.1 == theirs.status.1
        },
    };
    compare(&NSD, &[ANY, other_zones]);
}
