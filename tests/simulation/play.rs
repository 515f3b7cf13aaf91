//! One play: a sender, alone or among others, from its first connection to its result.

use crate::appliance::{Addresses, Appliance, moment, second};
use crate::behaviour::{BEHAVIOURS, Behaviour};
use crate::identity::Identity;
use crate::manner::{MANNERS, Manner, SCHEDULES, SLOW, Schedule};
use crate::random::Random;
use crate::sender::Sender;
use jiff::SignedDuration;
use mailproof::base::{Gap, GapKind, Mailbox, Policy, Server, Test};
use mailproof::infer::{Outbound, outbound, policy};
use std::fmt;

/// How long a play lasts at most, in seconds: beyond the expiry of a test.
const LONGEST: i64 = 40 * 3600;
/// How long a sender is watched after its result, in seconds: beyond `quiet`.
const AFTERWARDS: i64 = 4500;
/// Senders beside the one whose play it is.
const OTHERS: usize = 2;

/// The numbers of the cross product.
pub const PLAYS: usize =
    BEHAVIOURS.len() * MANNERS.len() * SCHEDULES.len() * Addresses::ALL.len() * 2 * 2;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    pub number: usize,
    pub behaviour: usize,
    pub manner: usize,
    pub schedule: usize,
    pub addresses: Addresses,
    pub competes: bool,
    /// The least time for which the sender's resolver keeps an answer, in seconds; 0 when it obeys the TTL.
    pub keeps: i64,
    seed: u64,
}

impl Play {
    /// The play of this number, which has its own part of the seed's numbers.
    pub fn of(number: usize, seed: u64) -> Self {
        let mut rest = number;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit
        };
        let (slow, competes) = (digit(2) == 1, digit(2) == 1);
        let addresses = Addresses::ALL[digit(Addresses::ALL.len())];
        let schedule = digit(SCHEDULES.len());
        let manner = digit(MANNERS.len());
        Self {
            number,
            behaviour: digit(BEHAVIOURS.len()),
            manner,
            schedule,
            addresses,
            competes,
            keeps: if slow {
                SLOW[number / 2 % SLOW.len()]
            } else {
                0
            },
            seed: seed.wrapping_add((number as u64).wrapping_mul(0x2545_f491_4f6c_dd1d)),
        }
    }
}

impl fmt::Display for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; {}; {}; {}; keeps {} s; {}",
            BEHAVIOURS[self.behaviour].name,
            MANNERS[self.manner].name,
            SCHEDULES[self.schedule].name,
            self.addresses.name(),
            self.keeps,
            if self.competes {
                "among others"
            } else {
                "alone"
            }
        )
    }
}

/// What came of a play.
pub struct Ending {
    /// What the result calls the sender; `None` for undetermined, and where no test ever was.
    pub policy: Option<Policy>,
    pub right: bool,
    /// Whether the verdict can tell what the sender did from what others do.
    pub told_apart: bool,
    pub attempts: usize,
    /// Seconds from the first connection to the acknowledgement.
    pub time: i64,
    /// What must never be, in words.
    pub faults: Vec<String>,
    pub story: String,
}

/// The world of a play.
struct World {
    appliance: Appliance,
    senders: Vec<Sender>,
    now: i64,
    /// After how many acts the appliance is started anew.
    restart: usize,
    faults: Vec<String>,
}

type Kind = (Behaviour, Manner, Schedule);

/// Plays; tells the story if it is asked for.
pub fn play(play: &Play, told: bool) -> Ending {
    let mut random = Random::new(play.seed);
    let main: Kind = (
        BEHAVIOURS[play.behaviour],
        MANNERS[play.manner].of_one(&mut random),
        SCHEDULES[play.schedule],
    );
    let from = 3600 + random.below(3600) as i64;
    let identity = Identity::new(1, &mut random);
    let mut senders = vec![Sender::new(main, play.keeps, from, identity)];
    for number in (2..).take(if play.competes { OTHERS } else { 0 }) {
        let kind = (
            BEHAVIOURS[random.below(BEHAVIOURS.len())],
            MANNERS[random.below(MANNERS.len())].of_one(&mut random),
            SCHEDULES[random.below(SCHEDULES.len())],
        );
        let sent = from - 1800 + random.below(3600) as i64;
        let keeps = [0, SLOW[random.below(SLOW.len())]][random.below(2)];
        let identity = Identity::new(number, &mut random);
        senders.push(Sender::new(kind, keeps, sent, identity));
    }
    let mut world = World {
        appliance: Appliance::new(play.addresses),
        senders,
        now: 0,
        restart: 1 + random.below(16),
        faults: Vec::new(),
    };
    world.run(from, &mut random);
    world.ending(from, told, &mut random)
}

impl World {
    fn run(&mut self, from: i64, random: &mut Random) {
        let mut over = from + LONGEST;
        let mut acts = 0;
        while self.now < over {
            let next = (self.senders.iter().enumerate())
                .filter_map(|(place, sender)| Some((sender.next()?, place)))
                .min();
            let wakes = self.appliance.next();
            match next {
                Some((at, place)) if at < wakes => {
                    self.now = self.now.max(at);
                    self.senders[place].act(&mut self.appliance, self.now, random);
                    if place == 0 {
                        acts += 1;
                        self.look();
                    }
                    // It is looked at a moment later.
                    self.appliance
                        .pass(moment(self.now) + SignedDuration::from_millis(250));
                    if acts == self.restart {
                        self.start_anew();
                        acts += 1;
                    }
                }
                _ => {
                    self.now = self.now.max(wakes);
                    self.appliance.pass(moment(self.now));
                }
            }
            let main = &self.senders[0];
            if let Some((test, _)) = self.result(&main.identity.mailbox) {
                let ended = test.ended.map_or(self.now, second);
                over = over.min(ended + AFTERWARDS);
                if main.left.is_empty() && self.now > ended + 60 {
                    break;
                }
            }
        }
    }

    fn result(&self, mailbox: &Mailbox) -> Option<&(Test, Outbound)> {
        let results = self.appliance.results.iter();
        results.rev().find(|(test, _)| test.sender == *mailbox)
    }

    /// No policy may be named wrongly at any time.
    fn look(&mut self) {
        let main = &self.senders[0];
        let test = self.appliance.test(&main.identity.mailbox);
        if let Some(named) = test.and_then(|test| policy(&test))
            && !is_right(main, main.weakened, named)
        {
            let fault = format!("at {}: {main} is called {named}", self.now);
            self.faults.push(fault);
        }
    }

    /// Goes on with a desk that knows nothing but what was committed, after it has said the same as the other.
    fn start_anew(&mut self) {
        let mut anew = self.appliance.restarted();
        let before = &mut self.appliance.desk;
        if anew.tests() != before.tests() {
            self.faults
                .push("after a restart there are other tests".to_owned());
        }
        for summary in before.tests() {
            if anew.test(&summary.id) != before.test(&summary.id) {
                self.faults
                    .push(format!("a restart changes the test of {}", summary.sender));
            }
        }
        let (now, order) = (moment(self.now + 60), &self.appliance.order);
        if anew.order(now, order, 1) != before.order(now, order, 1) {
            self.faults.push("a restart changes the order".to_owned());
        }
        *before = anew;
    }

    fn ending(mut self, from: i64, told: bool, random: &mut Random) -> Ending {
        for sender in &self.senders {
            let mailbox = &sender.identity.mailbox;
            let results = (self.appliance.results.iter())
                .filter(|(test, _)| test.sender == *mailbox)
                .collect::<Vec<_>>();
            // Where `et` is never taken, it comes again after the test's end and is a test anew.
            if results.len() > 1 && sender.left.is_empty() {
                let fault = format!("{sender}: {} results", results.len());
                self.faults.push(fault);
            }
            for (test, verdict) in results {
                self.faults.extend(fault(sender, sender.weakened, verdict));
                self.faults.extend(rearranged(test, verdict, random));
                self.faults.extend(lossy(test, sender, random));
            }
        }
        let main = &self.senders[0];
        let result = self.result(&main.identity.mailbox);
        let named = result.and_then(|(_, verdict)| verdict.policy);
        let ended = result.and_then(|(test, _)| test.ended);
        let attempts = result.map_or(main.attempts, |(test, _)| {
            (test.connections.iter())
                .map(|contact| contact.attempt as usize)
                .max()
                .unwrap_or_default()
        });
        let [shared, own] = main.behaviour.told_apart;
        let shown = match self.appliance.addresses {
            Addresses::Shared => shared,
            Addresses::Own | Addresses::Both => own,
        };
        Ending {
            policy: named,
            // With SNI, who refuses and never gives up a refusal may be one who has an MTA-STS policy.
            told_apart: shown && (main.weakened || main.behaviour.is_told_unweakened()),
            right: named.is_some()
                && result.is_some_and(|(_, said)| fault(main, main.weakened, said).is_none()),
            attempts,
            time: ended.map_or(self.now, second) - from,
            story: (result.filter(|_| told))
                .map(|(test, verdict)| story(test, verdict))
                .unwrap_or_default(),
            faults: self.faults,
        }
    }
}

/// Whether the sender may be called this. Who never had to give up a refusal is, in the attempts seen, one who
/// verifies.
fn is_right(sender: &Sender, weakened: bool, policy: Policy) -> bool {
    let strict = sender.behaviour.weakens && !weakened;
    policy == sender.behaviour.policy || (strict && policy == Policy::Verify)
}

/// What is wrong with a verdict.
fn fault(sender: &Sender, weakened: bool, verdict: &Outbound) -> Option<String> {
    let is = |policy: &Policy| is_right(sender, weakened, *policy);
    let wrong = match &verdict.policy {
        Some(policy) => !is(policy),
        None => !verdict.candidates.iter().any(is),
    };
    let (policy, candidates) = (verdict.policy, &verdict.candidates);
    wrong.then(|| format!("{sender} is called {policy:?} of {candidates:?}"))
}

/// Neither the order nor the repetition of evidence changes a verdict.
fn rearranged(test: &Test, verdict: &Outbound, random: &mut Random) -> Option<String> {
    let mut test = test.clone();
    random.shuffle(&mut test.connections);
    random.shuffle(&mut test.orders);
    random.shuffle(&mut test.queries);
    random.shuffle(&mut test.fetches);
    random.shuffle(&mut test.gaps);
    (outbound(&test) != *verdict).then(|| format!("{}: order matters", test.sender))
}

/// Evidence that is lost, and known to be, may cost the verdict but never turns it into another one.
fn lossy(test: &Test, sender: &Sender, random: &mut Random) -> Option<String> {
    let mut test = test.clone();
    let share = 2 + random.below(6);
    test.connections.retain(|_| random.below(share) > 0);
    test.gaps.push(Gap {
        from: test.started,
        until: test.ended.unwrap_or(test.started),
        what: GapKind::Connections,
        network: None,
    });
    let verdict = outbound(&test);
    // What it weakened to may be what was lost.
    let fault = fault(sender, false, &verdict)?;
    Some(format!("after a loss {fault}\n{}", story(&test, &verdict)))
}

/// What happened, a line a connection.
fn story(test: &Test, verdict: &Outbound) -> String {
    let began = second(test.started);
    let number = |server: Option<Server>| server.map_or(0, Server::number);
    let lines = test.connections.iter().map(|contact| {
        let connection = &contact.connection;
        let mut order = test.orders.iter();
        let order = order.rfind(|order| order.time <= connection.started);
        let order = order.map(|order| order.order.map(Server::number));
        format!(
            "{} {:>6} {} {:?}{} {:?} {:?} {:?}{} order {order:?}",
            contact.attempt,
            second(connection.started) - began,
            number(connection.server),
            connection.transport,
            if connection.starttls_offered {
                ""
            } else {
                " (window)"
            },
            connection.status,
            connection.certificate,
            connection.close,
            if contact.shared { " shared" } else { "" },
        )
    });
    let lines: Vec<_> = lines.collect();
    let Outbound {
        policy,
        candidates,
        waiting_for,
        servers,
        ..
    } = verdict;
    format!(
        "{}\n{:?}: {policy:?} of {candidates:?}, waiting for {waiting_for:?}, {servers:?}",
        lines.join("\n"),
        test.state
    )
}
