//! A sender: two walks of one message, to `et` and to `ut`, repeated until somebody takes it.
//!
//! What the policy does is decided by the product's own walk; here are the facts that it is told, and its memory.

use crate::appliance::{Addresses, Appliance, Session, TTL, base_domain, moment};
use crate::behaviour::Behaviour;
use crate::hosts::{matched, name, server, tlsa, trust};
use crate::identity::Identity;
use crate::manner::{Manner, Schedule};
use crate::random::Random;
use mailproof::base::{
    Authentication, Close, Domain, Fetch, FetchId, Lookup, Mailbox, MessageFacts, Mx,
    Order as MxOrder, Query, QueryId, Security, Server, Status, Tls, Verdict, Zone,
};
use mailproof::cases;
use mailproof::spec::mta_sts;
use mailproof::spec::pkix::{Pkix, Trust};
use mailproof::spec::sender::{Demand, Fact, Order, Outcome, Reply, Secured, Stage, Step, Walk};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// An address that failed, as Exim remembers it.
struct Failed {
    first: i64,
    until: i64,
}

/// One sender with one message.
pub struct Sender {
    pub behaviour: Behaviour,
    pub manner: Manner,
    pub schedule: Schedule,
    pub identity: Identity,
    /// The least time for which its resolver keeps an answer.
    keeps: i64,
    cached: Option<MxOrder>,
    cached_at: i64,
    /// When the message was sent.
    sent: i64,
    pub attempts: usize,
    next: i64,
    pub left: Vec<Zone>,
    jobs: Vec<Job>,
    /// Whether the last attempt at each domain ended with a refusal.
    refused: [bool; 2],
    /// Whether it ever took a certificate only since one had been refused before.
    pub weakened: bool,
    failed: BTreeMap<(Domain, IpAddr), Failed>,
    /// The address that its last connection came from.
    comes_from: IpAddr,
}

/// A walk under way.
struct Job {
    zone: Zone,
    walk: Walk,
    step: Step,
    at: i64,
    session: Option<Session>,
    host: Option<Domain>,
    /// The addresses of hosts that came before.
    known: BTreeSet<IpAddr>,
    refused: bool,
    /// Whether it was put off in the session.
    put_off: bool,
}

impl Sender {
    pub fn new(
        (behaviour, manner, schedule): (Behaviour, Manner, Schedule),
        keeps: i64,
        sent: i64,
        identity: Identity,
    ) -> Self {
        let [comes_from, _] = identity.clients;
        Self {
            behaviour,
            manner,
            schedule,
            identity,
            keeps: keeps.max(TTL.into()),
            cached: None,
            cached_at: 0,
            sent,
            attempts: 0,
            next: sent,
            left: Zone::ALL.to_vec(),
            jobs: Vec::new(),
            refused: [false; 2],
            weakened: false,
            failed: BTreeMap::new(),
            comes_from,
        }
    }

    /// When it does something next; `None` once its message is taken.
    pub fn next(&self) -> Option<i64> {
        match self.jobs.iter().map(|job| job.at).min() {
            Some(at) => Some(at),
            None => (!self.left.is_empty()).then_some(self.next),
        }
    }

    /// Begins an attempt, or goes on with one until a session is over.
    pub fn act(&mut self, appliance: &mut Appliance, now: i64, random: &mut Random) {
        if self.jobs.is_empty() {
            self.attempts += 1;
            self.look_around(appliance, now);
            let zones = self.left.clone();
            self.jobs = (zones.into_iter())
                .map(|zone| self.begin(zone, now, random))
                .collect();
            self.next = self.schedule.after(self.attempts, now, random);
        }
        let first = self.jobs.iter().map(|job| job.at).min();
        let place = self.jobs.iter().position(|job| Some(job.at) == first);
        let mut job = self.jobs.remove(place.unwrap());
        if self.go_on(&mut job, appliance, now, random) {
            self.refused[job.zone as usize] = job.refused;
            self.next = self.next.max(now + 1);
        } else {
            job.at = now + 1 + i64::try_from(random.below(3)).unwrap();
            self.jobs.push(job);
        }
    }

    fn begin(&self, zone: Zone, now: i64, random: &mut Random) -> Job {
        let domain = base_domain().below(zone.label()).unwrap();
        let policy = self.behaviour.walks[zone as usize];
        let order = Order {
            sni: self.behaviour.sni,
            clear_after_failure: self.behaviour.clear_after_failure,
            reach: self.manner.reach,
            ..Order::new(domain, policy, random.below(1 << 30) as u64)
        };
        let (walk, step) = Walk::begin(order);
        Job {
            zone,
            walk,
            step,
            at: now,
            session: None,
            host: None,
            known: BTreeSet::new(),
            refused: false,
            put_off: false,
        }
    }

    /// What it asks the DNS and the policy host, as far as anybody sees it.
    fn look_around(&self, appliance: &mut Appliance, now: i64) {
        let own = self.comes_from;
        let elsewhere: IpAddr = "203.0.113.53".parse().unwrap();
        let walks = self.behaviour.walks;
        let sts = walks[0] == mailproof::base::Policy::MtaSts
            || walks[0] == mailproof::base::Policy::DaneMtaSts;
        let near = self.behaviour.asks_tlsa;
        let id = appliance.next_id();
        let query = |name: &str, rrtype: &str| Query {
            id: QueryId(id),
            time: moment(now),
            resolver: if near { own } else { elsewhere },
            name: Domain::parse(name).unwrap(),
            rrtype: rrtype.to_owned(),
            dnssec_ok: true,
            checking_disabled: false,
        };
        if near || walks[0] == mailproof::base::Policy::Dane {
            let asked = query("_25._tcp.mx05.et.example.org", "TLSA");
            appliance.note(|desk| desk.queried(asked));
        } else if sts {
            let asked = query("_mta-sts.et.example.org", "TXT");
            appliance.note(|desk| desk.queried(asked));
        }
        if sts && self.attempts == 1 + self.behaviour.late {
            let fetch = Fetch {
                id: FetchId(appliance.next_id()),
                time: moment(now),
                client: if self.behaviour.fetches {
                    own
                } else {
                    elsewhere
                },
                ptr: self.identity.ptr.clone().filter(|_| self.behaviour.fetches),
                agent: String::new(),
            };
            appliance.note(|desk| desk.fetched(fetch));
        }
    }

    /// Walks on until a session is over; returns whether the walk is.
    fn go_on(
        &mut self,
        job: &mut Job,
        appliance: &mut Appliance,
        now: i64,
        random: &mut Random,
    ) -> bool {
        loop {
            let had_session = job.session.is_some();
            let fact = match &job.step {
                Step::Done(outcome) => {
                    if matches!(outcome, Outcome::Delivered { .. }) {
                        self.left.retain(|zone| *zone != job.zone);
                    }
                    self.close(job, appliance, now);
                    return true;
                }
                step => {
                    let step = step.clone();
                    self.answer(job, &step, appliance, now, random)
                }
            };
            job.step = job.walk.take(fact);
            if had_session && job.session.is_none() {
                return matches!(job.step, Step::Done(_)) && {
                    assert!(!matches!(job.step, Step::Done(Outcome::Delivered { .. })));
                    true
                };
            }
        }
    }

    /// What came of a step.
    fn answer(
        &mut self,
        job: &mut Job,
        step: &Step,
        appliance: &mut Appliance,
        now: i64,
        random: &mut Random,
    ) -> Fact {
        match step {
            Step::FindPolicy(_) => Fact::Policy(self.policy(job.zone)),
            Step::LookUpMx(_) => Fact::Mx(self.exchangers(job.zone, appliance, now)),
            Step::LookUpAddresses(host) => {
                let found = self.addresses(job, host, appliance.addresses, now, random);
                Fact::Addresses(Lookup::found(found, Security::Secure))
            }
            Step::LookUpTlsa(name) => {
                let host = name.as_str().trim_start_matches("_25._tcp.");
                Fact::Tlsa(Lookup::found(tlsa(server(host)), Security::Secure))
            }
            Step::Connect { host, address } => {
                let client = self.identity.clients[usize::from(address.is_ipv6())];
                self.comes_from = client;
                let (ptr, ehlo) = (self.identity.ptr.as_ref(), &self.identity.ehlo);
                job.session = Some(appliance.connect(client, ptr, ehlo, *address, now));
                job.host = Some(host.clone());
                job.put_off = false;
                job.refused = false;
                Fact::Answered(Stage::Greeting, reply(220))
            }
            Step::StartTls { sni, demand } => {
                self.handshake(job, sni.as_ref(), demand, appliance, now)
            }
            Step::Say(stage) => self.say(job, *stage, appliance, now),
            Step::Leave => {
                self.close(job, appliance, now);
                Fact::Left
            }
            Step::Done(_) => unreachable!(),
        }
    }

    fn policy(&self, zone: Zone) -> Option<Arc<mta_sts::Policy>> {
        if zone == Zone::Ut || self.attempts <= self.behaviour.late {
            return None;
        }
        let listed = |case: &&cases::Case| {
            case.in_policy || (self.behaviour.lists_three && case.server == Server::Three)
        };
        let lines: String = cases::hosts()
            .filter(listed)
            .map(|case| format!("mx: {}\n", name(case.server)))
            .collect();
        let file = format!("version: STSv1\nmode: enforce\n{lines}max_age: 86400\n");
        Some(Arc::new(mta_sts::Policy::parse(file.as_bytes()).unwrap()))
    }

    fn exchangers(&mut self, zone: Zone, appliance: &Appliance, now: i64) -> Lookup<Mx> {
        let hosts = match zone {
            Zone::Ut => vec![Server::Seven],
            Zone::Et => {
                if self.cached.is_none() || now >= self.cached_at + self.keeps {
                    self.cached = Some(appliance.order.clone());
                    self.cached_at = now;
                }
                self.cached.iter().flat_map(|order| order.order).collect()
            }
        };
        let preference = |place: u16| if self.manner.at_random { 10 } else { place };
        let records = hosts.into_iter().zip(1..).map(|(server, place)| Mx {
            preference: preference(place),
            host: Some(name(server)),
        });
        Lookup::found(records.collect(), Security::Secure)
    }

    /// The addresses of a host; Exim forgets those that another host has, and leaves those alone that failed.
    fn addresses(
        &self,
        job: &mut Job,
        host: &Domain,
        addresses: Addresses,
        now: i64,
        random: &mut Random,
    ) -> Vec<IpAddr> {
        let mut found = addresses.of(server(host.as_str()));
        random.order(&mut found);
        if self.manner.remembers {
            found.retain(|address| job.known.insert(*address));
            let fails = |address: &IpAddr| {
                (self.failed.get(&(host.clone(), *address)))
                    .is_some_and(|failed| now < failed.until)
            };
            found.retain(|address| !fails(address));
        }
        found
    }

    /// Takes note of how an address did.
    fn remember(&mut self, job: &Job, failed: bool, now: i64) {
        let (Some(host), Some(session)) = (&job.host, &job.session) else {
            return;
        };
        let key = (host.clone(), session.record.address);
        if !failed {
            self.failed.remove(&key);
            return;
        }
        let failed = self.failed.entry(key).or_insert(Failed {
            first: now,
            until: now,
        });
        let pause = match now - failed.first {
            0..7200 => 900,
            age => age / 2,
        };
        failed.until = now + pause;
    }

    fn handshake(
        &mut self,
        job: &mut Job,
        sni: Option<&Domain>,
        demand: &Demand,
        appliance: &mut Appliance,
        now: i64,
    ) -> Fact {
        let session = job.session.as_mut().unwrap();
        let certificate = appliance.start_tls(session, sni);
        let mut pkix = trust(certificate, job.host.as_ref());
        if self.behaviour.chain_only && pkix == Trust::NameMismatch {
            pkix = Trust::Trusted;
        }
        let demanded = demand.pkix || self.behaviour.checks_anyway;
        if self.behaviour.weakens && self.refused[job.zone as usize] && pkix != Trust::Trusted {
            pkix = Trust::Trusted;
            self.weakened |= demanded;
        }
        if self.behaviour.checks_anyway && pkix != Trust::Trusted {
            self.close(job, appliance, now);
            return Fact::NotSecured("its certificate is not trusted".to_owned());
        }
        Fact::Secured(Secured {
            tls: Tls {
                version: "1.3".to_owned(),
                cipher: String::new(),
            },
            pkix: Pkix {
                trust: pkix,
                root: None,
                why: String::new(),
            },
            tlsa: matched(certificate, demand),
        })
    }

    fn say(&mut self, job: &mut Job, stage: Stage, appliance: &mut Appliance, now: i64) -> Fact {
        let session = job.session.as_mut().unwrap();
        let goes_on = match stage {
            Stage::Ehlo => {
                return Fact::Greeted {
                    starttls: session.record.starttls_offered,
                };
            }
            Stage::SecureEhlo => {
                session.record.ehlo_in_tls = true;
                return Fact::Greeted { starttls: false };
            }
            Stage::Greeting | Stage::StartTls => unreachable!(),
            Stage::Mail => {
                session.record.from = Some(Some(self.identity.mailbox.clone()));
                true
            }
            Stage::Rcpt => {
                let to = Mailbox::parse(&format!("en@{}.example.org", job.zone.label())).unwrap();
                appliance.recipient(session, job.zone, to, now)
            }
            Stage::Data => appliance.data(session, now),
            Stage::Message => {
                let facts = MessageFacts {
                    message_id: Some(self.identity.message_id.clone()),
                    date: Some(moment(self.sent)),
                    addressed: Zone::ALL.to_vec(),
                    authentication: Authentication {
                        spf: Verdict::Pass,
                        ..Authentication::default()
                    },
                    ..MessageFacts::default()
                };
                appliance.message(session, facts, now)
            }
        };
        job.put_off |= !goes_on;
        let code = match (goes_on, stage) {
            (false, _) => 451,
            (true, Stage::Data) => 354,
            (true, _) => 250,
        };
        Fact::Answered(stage, reply(code))
    }

    /// Ends the session, if there is one: in order, but for one that refuses or would say MAIL again.
    fn close(&mut self, job: &mut Job, appliance: &mut Appliance, now: i64) {
        let Some(session) = &job.session else {
            return;
        };
        let record = &session.record;
        let refuses = record.status == Status::TlsStarted && !record.ehlo_in_tls;
        let close = match (refuses, job.put_off && self.manner.stays) {
            (true, _) => self.identity.refuses_by.clone(),
            (false, true) => Close::Repeat,
            (false, false) => Close::Quit,
        };
        let failed = record.status < Status::Mail;
        self.remember(job, failed, now);
        job.refused = refuses;
        if let Some(session) = job.session.take() {
            appliance.close(session, close, now);
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (behaviour, manner) = (self.behaviour.name, self.manner.name);
        write!(f, "{behaviour} ({manner}, {})", self.schedule.name)
    }
}

fn reply(code: u16) -> Reply {
    Reply {
        code,
        lines: vec![String::new()],
    }
}
