//! Simulated senders: every behaviour, walking the MX list in every way, against an appliance that leads with what it
//! waits for. Nothing may ever be called by another name, and nearly everything must be found out.

use crate::evidence::{at, connection};
use crate::random::Random;
use crate::reader::empty;
use mailproof::base::{Fetch, FetchId, Gap, GapKind, Order, Policy, Seen, Server, Test};
use mailproof::cases::order::{IDLE, led_by};
use mailproof::infer::{coverage, outbound};

/// What a sender does.
#[derive(Clone, Copy, Debug)]
struct Behaviour {
    name: &'static str,
    policy: Policy,
    /// The certificates it takes: DANE, PKIX, both, or any.
    checks: Checks,
    sends_clear: [bool; 2],
    ut: Ut,
    sni: bool,
    avoids_three: bool,
    special: Special,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Checks {
    NoTls,
    Nothing,
    Pkix,
    Chain,
    Dane,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ut {
    TakesAny,
    Verifies,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Special {
    No,
    Weakens,
    Lazy,
    Fetches,
}

const ANY: Behaviour = Behaviour {
    name: "may",
    policy: Policy::May,
    checks: Checks::Nothing,
    sends_clear: [true, true],
    ut: Ut::TakesAny,
    sni: false,
    avoids_three: false,
    special: Special::No,
};
const STRICT: Behaviour = Behaviour {
    name: "verify",
    policy: Policy::Verify,
    checks: Checks::Pkix,
    sends_clear: [false, false],
    ut: Ut::Verifies,
    sni: true,
    ..ANY
};
const STS: Behaviour = Behaviour {
    name: "mta-sts",
    policy: Policy::MtaSts,
    sends_clear: [false, true],
    ut: Ut::TakesAny,
    avoids_three: true,
    ..STRICT
};

#[rustfmt::skip]
const BEHAVIOURS: [Behaviour; 24] = [
    Behaviour { name: "none", policy: Policy::None, checks: Checks::NoTls, ..ANY },
    ANY,
    Behaviour { name: "may, SNI", sni: true, ..ANY },
    Behaviour { name: "may, verifying", sni: true, checks: Checks::Pkix, ut: Ut::Verifies, ..ANY },
    Behaviour { name: "may, weakens", sni: true, checks: Checks::Pkix, ut: Ut::Verifies, special: Special::Weakens, ..ANY },
    Behaviour { name: "encrypt", policy: Policy::Encrypt, sends_clear: [false, false], ..ANY },
    Behaviour { name: "encrypt, SNI", policy: Policy::Encrypt, sends_clear: [false, false], sni: true, ..ANY },
    Behaviour { name: "encrypt, weakens", policy: Policy::Encrypt, special: Special::Weakens, ..STRICT },
    Behaviour { name: "encrypt, weakens, no SNI", policy: Policy::Encrypt, special: Special::Weakens, sni: false, ..STRICT },
    STRICT,
    Behaviour { name: "verify, no SNI", sni: false, ..STRICT },
    Behaviour { name: "chain only", checks: Checks::Chain, sni: false, ..STRICT },
    Behaviour { name: "dane", policy: Policy::Dane, checks: Checks::Dane, avoids_three: false, ..STS },
    Behaviour { name: "dane, ut encrypted", policy: Policy::Dane, checks: Checks::Dane, ..ENCRYPTED },
    Behaviour { name: "dane, ut verified", policy: Policy::Dane, checks: Checks::Dane, ut: Ut::Verifies, ..ENCRYPTED },
    Behaviour { name: "dane-only", policy: Policy::DaneOnly, checks: Checks::Dane, ut: Ut::Never, ..ENCRYPTED },
    STS,
    Behaviour { name: "mta-sts, ut verified", sends_clear: [false, false], ut: Ut::Verifies, ..STS },
    Behaviour { name: "mta-sts, connects", avoids_three: false, ..STS },
    Behaviour { name: "mta-sts, connects, ut verified, fetches", avoids_three: false, sends_clear: [false, false], ut: Ut::Verifies, special: Special::Fetches, ..STS },
    Behaviour { name: "mta-sts, lazy", special: Special::Lazy, ..STS },
    Behaviour { name: "mta-sts, fetches", special: Special::Fetches, ..STS },
    Behaviour { name: "both", policy: Policy::DaneMtaSts, checks: Checks::Both, avoids_three: false, ..STS },
    Behaviour { name: "both, avoids 3", policy: Policy::DaneMtaSts, checks: Checks::Both, ..STS },
];

const ENCRYPTED: Behaviour = Behaviour {
    sends_clear: [false, false],
    avoids_three: false,
    ..STS
};

impl Behaviour {
    /// Whether what it does at servers can be told from what every other one does.
    fn decidable(&self, own_addresses: bool) -> bool {
        match (self.checks, self.sends_clear) {
            // With SNI, verify is mta-sts that connects to 3, unless ut shows a difference or the policy's fetch is seen.
            (Checks::Pkix, [false, false]) if self.sni && !self.avoids_three => {
                self.special == Special::Fetches
            }
            // On a shared address, without SNI, a chain-only check is one that is given up on a retry.
            (Checks::Chain, _) => own_addresses,
            _ if self.special == Special::Weakens && !self.sni => own_addresses,
            _ => true,
        }
    }
}

/// How a sender walks the MX list in one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Walk {
    All,
    FirstOnly,
    UntilOneTakes,
    UntilTwoTake,
    OneAtRandom,
    AllAtRandom,
    SkipsRefused,
}

const WALKS: [Walk; 7] = [
    Walk::All,
    Walk::FirstOnly,
    Walk::UntilOneTakes,
    Walk::UntilTwoTake,
    Walk::OneAtRandom,
    Walk::AllAtRandom,
    Walk::SkipsRefused,
];

/// Seconds between attempts, the last repeated.
const SCHEDULES: [&[i64]; 3] = [&[300], &[900, 900, 1800, 3600], &[400, 1600, 3600, 6400]];

struct World {
    sender: Behaviour,
    own_addresses: bool,
    test: Test,
    now: i64,
    attempt: u32,
    /// Whether the last session at each domain was a refusal.
    failed: [bool; 2],
    /// Whether a certificate was taken only since one had been refused.
    weakened: bool,
    unnamed_refused: bool,
    skipped: Vec<Server>,
}

impl World {
    fn contact(&mut self, what: &str, words: &[&str]) {
        let id = self.test.connections.len() as u64 + 1;
        let second = self.now.to_string();
        self.now += 1;
        let contact = connection(id, self.attempt, &second, what, words).unwrap();
        self.test.connections.push(contact);
    }

    fn clear_attempt(&mut self, kind: &str) {
        for (zone, sends) in ["et", "ut"].into_iter().zip(self.sender.sends_clear) {
            let lazy = self.sender.special == Special::Lazy;
            if sends || (lazy && zone == "et") {
                self.contact(kind, &[zone, "mail"]);
            } else if zone == "et" || self.sender.ut != Ut::Never {
                let seen = if self.own_addresses { zone } else { "?" };
                self.contact(kind, &[seen, "left"]);
            }
        }
    }

    /// Meets a certificate and says whether mail was offered.
    fn meet(&mut self, server: Server) -> bool {
        let ut = server == Server::Seven;
        let named = self.sender.sni && !ut;
        let unnamed = !named && !self.own_addresses;
        let issued = if unnamed {
            self.unnamed_refused
        } else {
            matches!(server, Server::Five | Server::Six | Server::Seven)
        };
        let name_fits = !unnamed || ut;
        let tlsa = matches!(server, Server::Four | Server::Six);
        let checks = match (ut, self.sender.ut) {
            (true, Ut::Verifies) => Checks::Pkix,
            (true, _) => Checks::Nothing,
            _ => self.sender.checks,
        };
        let right = match checks {
            Checks::NoTls | Checks::Nothing => true,
            Checks::Pkix => issued && name_fits,
            Checks::Chain => issued,
            Checks::Dane => tlsa,
            Checks::Both => tlsa && issued,
        };
        let lenient = self.sender.special == Special::Weakens && self.failed[usize::from(ut)];
        let taken = right || lenient;
        self.weakened |= taken && !right;
        let number = if unnamed && !ut { 2 } else { server.number() };
        let mut words = vec![number.to_string()];
        words.push(if taken { "took" } else { "refused" }.to_owned());
        if !named {
            words.push("nosni".to_owned());
        }
        if self.own_addresses {
            words.push("own".to_owned());
        }
        if unnamed && issued {
            words.push("ca".to_owned());
        }
        if unnamed && !taken {
            words[0] = "2".to_owned();
        }
        if unnamed && taken && !ut {
            words.push("et".to_owned());
        }
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.contact("tls", &words);
        self.unnamed_refused |= unnamed && !taken;
        taken
    }

    fn tls_attempt(&mut self, walk: Walk, order: [Server; 4], random: &mut Random) {
        let mut hosts = order.to_vec();
        hosts.retain(|server| !(self.sender.avoids_three && *server == Server::Three));
        match walk {
            Walk::FirstOnly => hosts.truncate(1),
            Walk::OneAtRandom => {
                random.order(&mut hosts);
                hosts.truncate(1);
            }
            Walk::AllAtRandom => random.order(&mut hosts),
            Walk::SkipsRefused => hosts.retain(|server| !self.skipped.contains(server)),
            Walk::All | Walk::UntilOneTakes | Walk::UntilTwoTake => {}
        }
        self.skipped.clear();
        let mut taken = 0;
        let mut refused = false;
        for server in hosts {
            let enough = match walk {
                Walk::UntilOneTakes | Walk::SkipsRefused => 1,
                Walk::UntilTwoTake => 2,
                _ => 4,
            };
            if taken >= enough {
                break;
            }
            let took = self.meet(server);
            if took {
                taken += 1;
            } else {
                self.skipped.push(server);
            }
            refused = !took;
        }
        self.failed[0] = refused;
        if self.sender.ut != Ut::Never {
            self.failed[1] = !self.meet(Server::Seven);
        }
    }

    fn publish(&mut self, turn: usize) {
        let waiting = outbound(&self.test).waiting_for;
        let order = match waiting.first() {
            Some(leader) => led_by(*leader, turn),
            None => IDLE[turn % IDLE.len()],
        };
        self.test.orders.push(Order {
            time: at(&self.now.to_string()),
            order,
            serial: turn as u32,
        });
    }

    /// Whether the message would be acknowledged, but for patience.
    fn enough(&self) -> bool {
        let seen = coverage(&self.test);
        let all = seen.answered.len() == 4 || (seen.answered.len() == 3 && seen.three_passed_over);
        let ut = seen.ut_answered || !seen.ut_addressed || seen.attempts_without_ut >= 4;
        seen.starttls_attempts >= 2
            && (outbound(&self.test).policy.is_some() && seen.refusals_confirmed
                || (all || seen.two_accepted_attempts >= 2) && ut)
    }
}

/// Plays one test and returns the policy named at its end.
fn play(
    sender: Behaviour,
    walk: Walk,
    schedule: &[i64],
    own_addresses: bool,
    random: &mut Random,
) -> Option<Policy> {
    let mut world = World {
        sender,
        own_addresses,
        test: empty(),
        now: 0,
        attempt: 1,
        failed: [false; 2],
        weakened: false,
        unnamed_refused: false,
        skipped: Vec::new(),
    };
    if sender.special == Special::Fetches {
        world.test.fetches.push(Seen {
            shared: false,
            what: Fetch {
                id: FetchId(1),
                time: at("0"),
                client: "198.51.100.7".parse().unwrap(),
                ptr: None,
                agent: String::new(),
            },
        });
    }
    world.clear_attempt("window");
    for turn in 0..24 {
        world.now += 30;
        world.publish(turn);
        world.now += schedule[turn.min(schedule.len() - 1)];
        world.attempt += 1;
        let order = world.test.orders[turn].order;
        if sender.checks == Checks::NoTls {
            world.clear_attempt("clear");
        } else {
            world.tls_attempt(walk, order, random);
        }
        let said = outbound(&world.test).policy;
        let context = format!(
            "{} {walk:?} own {own_addresses} attempt {turn}",
            sender.name
        );
        // Who never had to give up a refusal is, in the attempts seen, one who checks.
        let strict = sender.special == Special::Weakens && !world.weakened;
        let right =
            said.is_none_or(|said| said == sender.policy || (strict && said == Policy::Verify));
        assert!(right, "{context}: called {said:?}\n{}", story(&world.test));
        let possible = outbound(&world.test).candidates.contains(&sender.policy);
        assert!(
            possible || strict,
            "{context}: excluded\n{}",
            story(&world.test)
        );
        if world.enough() {
            break;
        }
    }
    if sender.special != Special::Weakens {
        lose_some(&world.test, sender, random);
    }
    outbound(&world.test).policy
}

/// Evidence that is lost, and known to be, may cost the verdict but never turn it into another one.
fn lose_some(test: &Test, sender: Behaviour, random: &mut Random) {
    for _ in 0..4 {
        let mut test = test.clone();
        test.connections.retain(|_| random.below(3) > 0);
        test.gaps.push(Gap {
            from: at("0"),
            until: at("100000"),
            what: GapKind::Connections,
            network: None,
        });
        let verdict = outbound(&test);
        let right = verdict.policy.is_none_or(|policy| policy == sender.policy);
        let possible = verdict.candidates.contains(&sender.policy);
        let context = format!("{}: {verdict:?}\n{}", sender.name, story(&test));
        assert!(right && possible, "{context}");
    }
}

fn story(test: &Test) -> String {
    let lines = test.connections.iter().map(|contact| {
        let connection = &contact.connection;
        format!(
            "{} {} {:?} {:?} {:?}",
            contact.attempt,
            connection.started,
            connection.server.map(Server::number),
            connection.status,
            connection.certificate
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_sender_is_called_by_another_name_and_nearly_all_are_found_out() {
    let mut random = Random::new(20_261_123);
    let mut missed = Vec::new();
    let mut played = 0;
    for sender in BEHAVIOURS {
        for walk in WALKS {
            for schedule in SCHEDULES {
                for own_addresses in [false, true] {
                    let found = play(sender, walk, schedule, own_addresses, &mut random);
                    if sender.decidable(own_addresses) {
                        played += 1;
                        if found.is_none() {
                            missed.push(format!("{} {walk:?} own {own_addresses}", sender.name));
                        }
                    }
                }
            }
        }
    }
    let list = missed.join("\n");
    assert!(
        missed.len() * 40 < played,
        "{} of {played} undetermined:\n{list}",
        missed.len()
    );
}
