//! New keys: who looks a digest up and then connects is always right.

use crate::appliance::wait_for;
use crate::dns;
use crate::presented::by_mail;
use crate::world::{World, row, until};
use hickory_proto::rr::{RData, RecordType};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// How long a resolver may keep the records of these appliances.
const TTL: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(120);

type Digests = BTreeSet<String>;

/// What was seen of one host.
struct Watch {
    host: String,
    /// What the nameserver answered and when it was asked, the latest last.
    answers: Vec<(Instant, Digests)>,
    /// The answers with the keys that were presented then, without repetitions.
    seen: Vec<(Digests, String)>,
}

impl Watch {
    fn new(label: &str) -> Self {
        Self {
            host: format!("{label}.et.example.org"),
            answers: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Asks and connects. Whatever a resolver may still have must hold the key that is presented.
    fn look(&mut self, world: &World) {
        let asked = Instant::now();
        self.answers.push((asked, tlsa(world, &self.host)));
        let Some(leaf) = by_mail(world.appliance.ports.smtp, &self.host) else {
            return;
        };
        // The latest before its time was over, and all since.
        self.answers.retain(|(time, _)| asked - *time < TTL);
        for (time, answer) in &self.answers {
            assert!(
                answer.contains(&leaf.digest),
                "{} presented {}, which was not in {answer:?} {:?} before",
                self.host,
                leaf.digest,
                asked - *time
            );
        }
        let (_, answer) = self.answers.last().unwrap();
        let pair = (answer.clone(), leaf.digest);
        if self.seen.last() != Some(&pair) {
            self.seen.push(pair);
        }
    }
}

/// The digests that the nameserver answers for a host, in hexadecimal.
fn tlsa(world: &World, host: &str) -> Digests {
    let name = format!("_25._tcp.{host}");
    dns::ask(world.appliance.ports.dns, &name, RecordType::TLSA)
        .iter()
        .map(|data| match data {
            RData::TLSA(tlsa) => data_encoding::HEXLOWER.encode(&tlsa.cert_data),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn digest(status: &Value, name: &str) -> String {
    let row = row(status, name);
    row["spki_sha256"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_key_is_published_before_it_is_used_and_the_old_one_until_then() {
    let world = World::ready();
    let smtp = world.appliance.ports.smtp;
    wait_for("STARTTLS", || by_mail(smtp, "mx06.et.example.org"));
    let before = world.status();
    let invalid = tlsa(&world, "mx03.et.example.org");
    let mut watches = ["mx04", "mx06"].map(Watch::new);
    for watch in &mut watches {
        watch.look(&world);
    }

    world.appliance.text(&["certs", "roll"]);
    let after = until("new keys", LIMIT, || {
        for watch in &mut watches {
            watch.look(&world);
        }
        for label in ["mx03", "mx05"] {
            assert_eq!(tlsa(&world, &format!("{label}.et.example.org")), invalid);
        }
        let status = world.status();
        let rows = status["certificates"].as_array().unwrap();
        let rolled = rows.iter().all(|row| {
            assert_eq!(row["fit"], true, "{row}");
            let old = digest(&before, row["name"].as_str().unwrap());
            row["next"].is_null() && row["spki_sha256"] != old.as_str()
        });
        rolled.then_some(status)
    });
    // The zone without the old digest follows the certificate.
    let is_over = |watch: &Watch| {
        watch
            .answers
            .last()
            .is_some_and(|(_, last)| last.len() == 1)
    };
    until("an end of the old digests", LIMIT, || {
        for watch in &mut watches {
            watch.look(&world);
        }
        watches.iter().all(is_over).then_some(())
    });
    for (watch, label) in watches.iter().zip(["mx04", "mx06"]) {
        let (old, new) = (digest(&before, label), digest(&after, label));
        let both = Digests::from([old.clone(), new.clone()]);
        let mut expected = vec![
            (Digests::from([old.clone()]), old.clone()),
            (both.clone(), old),
            (both, new.clone()),
            (Digests::from([new.clone()]), new),
        ];
        // That both are published while the new one is in use may be too short to be seen.
        if watch.seen.len() == expected.len() - 1 {
            expected.remove(2);
        }
        assert_eq!(watch.seen, expected, "{label}");
    }
    digests_are_noted(&world, &invalid);
}

/// Of all keys, old and new, but not the one that belongs to no key.
fn digests_are_noted(world: &World, invalid: &Digests) {
    let path = world.appliance.state.join("acme/digests.txt");
    let noted = fs::read_to_string(path).unwrap();
    assert_eq!(noted.lines().count(), 14, "{noted}");
    let [invalid] = &Vec::from_iter(invalid)[..] else {
        panic!("one invalid digest");
    };
    assert!(!noted.contains(*invalid), "{noted}");
    for label in ["mx03", "mx05"] {
        let tlsa = tlsa(world, &format!("{label}.et.example.org"));
        assert_eq!(tlsa, Digests::from([invalid.to_string()]), "{label}");
    }
}
