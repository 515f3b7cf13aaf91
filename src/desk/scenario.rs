//! A world of invented mail services, in which hours pass in a millisecond, for the tests of the desk.

use super::{Desk, Settings};
use crate::base::ports::{Decision, Recipient};
use crate::base::{
    Authentication, Certificate, Close, Connection, ConnectionId, Domain, Event, Mailbox,
    MessageFacts, Order, Policy, Server, Status, Test, TestId, TestState, Timestamp, Transport,
    Verdict, Via, Zone,
};
use crate::cases::{self, Expected, order::IDLE};
use std::net::IpAddr;
use std::time::Duration;

pub(super) fn settings() -> Settings {
    Settings {
        base_domain: Domain::parse("example.org").unwrap(),
        plaintext_window: Duration::from_secs(180),
        rotation: Duration::from_secs(300),
        patience: Duration::from_secs(4 * 3600),
        patience_attempts: 24,
        attempt_gap: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        deadline: Duration::from_secs(20 * 3600),
        quiet: Duration::from_secs(3600),
        order_ttl: 60,
        token_key: [7; 32],
        reply_from: "emailtest".to_owned(),
    }
}

/// How a service sends.
#[derive(Clone)]
pub(super) struct Service {
    pub policy: Policy,
    /// Whether it names the host in TLS.
    pub sni: bool,
    /// Its client at the given attempt: address, confirmed reverse name (empty: none), EHLO name.
    pub client: fn(usize) -> (&'static str, &'static str, &'static str),
    /// Pauses between attempts, in minutes; the last one repeats.
    pub retries: &'static [i64],
    /// How many sessions that got as far as MAIL end an attempt.
    pub sessions: usize,
    /// Whether it gives up when STARTTLS is missing.
    pub bounces: bool,
}

/// One message on its way.
#[derive(Clone)]
pub(super) struct Mail {
    pub from: fn(Zone) -> String,
    pub to: &'static [&'static str],
    pub message_id: &'static str,
    /// The minute it was sent.
    pub sent: i64,
}

/// A message in a queue.
struct Queued {
    service: Service,
    mail: Mail,
    left: Vec<Mailbox>,
    attempts: usize,
    next: i64,
    bounced: bool,
}

pub(super) struct World {
    pub desk: Desk,
    /// What was committed, with the minute.
    pub log: Vec<Event>,
    /// The 250s: minute, recipient, test.
    pub taken: Vec<(i64, String, TestId)>,
    /// The results: each test as it was when it was reported.
    pub results: Vec<Test>,
    order: Order,
    published: usize,
    ids: u64,
    second: i64,
    queue: Vec<Queued>,
}

pub(super) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        let order = Order {
            time: minute(0),
            order: IDLE[0],
            serial: 1,
        };
        let mut desk = Desk::new(settings());
        let log = desk.published(order.clone());
        Self {
            desk,
            log,
            taken: Vec::new(),
            results: Vec::new(),
            order,
            published: 1,
            ids: 0,
            second: 0,
            queue: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, service: &Service, mail: &Mail) {
        self.queue.push(Queued {
            service: service.clone(),
            mail: mail.clone(),
            left: mail.to.iter().map(|to| to.parse().unwrap()).collect(),
            attempts: 0,
            next: mail.sent,
            bounced: false,
        });
    }

    /// Lets minutes pass, from this one to that.
    pub(super) fn run(&mut self, from: i64, until: i64) {
        for now in from..until {
            self.second = now * 60;
            self.pass();
            let mut queue = std::mem::take(&mut self.queue);
            for queued in queue.iter_mut().filter(|queued| queued.next <= now) {
                self.attempt(queued);
                let retries = queued.service.retries;
                queued.next = now + retries[queued.attempts.min(retries.len()) - 1];
            }
            queue.retain(|queued| !queued.left.is_empty() && !queued.bounced);
            queue.append(&mut self.queue);
            self.queue = queue;
        }
    }

    /// Ticks, reports what is due, and publishes the order that is wanted.
    fn pass(&mut self) {
        let now = self.now();
        let tick = self.desk.tick(now);
        self.log.extend(tick.events);
        for due in tick.due {
            self.results.extend(self.desk.test(&due));
            let events = self.desk.reported(&due, now);
            self.log.extend(events);
        }
        if let Some(order) = self.desk.order(now, &self.order, self.published) {
            self.published += 1;
            self.order = Order {
                time: now,
                order,
                serial: self.order.serial + 1,
            };
            let events = self.desk.published(self.order.clone());
            self.log.extend(events);
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.second).unwrap()
    }

    fn attempt(&mut self, queued: &mut Queued) {
        let client = (queued.service.client)(queued.attempts);
        queued.attempts += 1;
        for to in queued.left.clone() {
            let ut = to.domain.as_str() == "ut.example.org";
            let walk = match ut {
                // Without TLSA records it does not even connect.
                true if queued.service.policy == Policy::DaneOnly => Vec::new(),
                true => vec![Server::Seven],
                false => self.order.order.to_vec(),
            };
            let mut sessions = 0;
            for server in walk {
                let skipped = queued.service.policy == Policy::MtaSts && server == Server::Three;
                if skipped || sessions >= queued.service.sessions {
                    continue;
                }
                match self.session(queued, client, &to, server) {
                    Outcome::Taken => {
                        queued.left.retain(|left| *left != to);
                        break;
                    }
                    Outcome::Later => sessions += 1,
                    Outcome::Left => {}
                    Outcome::NoTls if queued.service.bounces => {
                        queued.bounced = true;
                        return;
                    }
                    Outcome::NoTls => {}
                }
            }
        }
    }

    fn session(
        &mut self,
        queued: &Queued,
        (address, ptr, ehlo): (&str, &str, &str),
        to: &Mailbox,
        host: Server,
    ) -> Outcome {
        let zone = cases::case(host).zone;
        let policy = queued.service.policy;
        let mut record = Connection::new(
            ConnectionId(self.next_id()),
            address.parse::<IpAddr>().unwrap(),
            "192.0.2.25".parse().unwrap(),
            self.now(),
        );
        record.ptr = Domain::parse(ptr).ok();
        record.ehlo = Some(ehlo.to_owned());
        let now = self.now();
        let greeted = (self.desk).greet(record.client, record.ptr.as_ref(), ehlo, now);
        let (offered, without_sni) = (greeted.starttls, greeted.without_sni);
        self.log.extend(greeted.events);
        record.starttls_offered = offered;
        let clear = match (zone, offered) {
            (_, true) => policy == Policy::None,
            (Zone::Et, false) => matches!(policy, Policy::None | Policy::May),
            (Zone::Ut, false) => {
                !matches!(policy, Policy::Encrypt | Policy::Verify | Policy::DaneOnly)
            }
        };
        record.server = Some(Server::One);
        if !offered && !clear {
            self.close(record);
            return Outcome::NoTls;
        }
        let server = match (clear, queued.service.sni || zone == Zone::Ut) {
            (true, _) => cases::by_recipient(zone, false),
            (false, true) => host,
            (false, false) => Server::Two,
        };
        record.server = Some(server);
        record.zone = queued.service.sni.then_some(zone);
        if !clear {
            record.via = queued.service.sni.then_some(Via::Sni);
            let certificate = match queued.service.sni {
                true => Certificate::Host(server),
                false => without_sni,
            };
            record.certificate = Some(certificate);
            record.transport = Transport::Encrypted;
            record.status = Status::TlsStarted;
            if !accepts(policy, server, certificate) {
                self.close(record);
                return Outcome::Left;
            }
            record.ehlo_in_tls = true;
        }
        record.zone = Some(zone);
        record.from = Some(Some((queued.mail.from)(zone).parse().unwrap()));
        record.to = vec![to.clone()];
        record.status = Status::Mail;
        self.offer(queued, record, to)
    }

    /// The transaction: asked before the message in clear text and when its facts are known, then with the message.
    fn offer(&mut self, queued: &Queued, mut record: Connection, to: &Mailbox) -> Outcome {
        assert!(matches!(self.desk.recipient(to), Recipient::Test(_)));
        let clear = record.transport == Transport::Plain;
        let mut decision = None;
        if clear || self.desk.known(&record) {
            decision = Some(self.transact(&record));
        }
        if !matches!(decision, Some(Decision::Later)) {
            record.message = Some(MessageFacts {
                message_id: Some(queued.mail.message_id.to_owned()),
                date: Some(minute(queued.mail.sent)),
                addressed: queued.mail.to.iter().map(|to| zone_of(to)).collect(),
                authentication: Authentication {
                    spf: Verdict::Pass,
                    ..Authentication::default()
                },
                ..MessageFacts::default()
            });
            decision = Some(self.transact(&record));
        }
        let outcome = match decision {
            Some(Decision::Accept(test)) => {
                assert!(record.starttls_offered, "taken in the window");
                record.status = Status::Acked;
                self.taken.push((self.second / 60, to.to_string(), test));
                Outcome::Taken
            }
            _ => Outcome::Later,
        };
        self.close(record);
        outcome
    }

    fn transact(&mut self, record: &Connection) -> Decision {
        let mut bits = [0; 10];
        bits[..8].copy_from_slice(&self.next_id().to_be_bytes());
        let done = (self.desk).transacted(record, TestId::from_bits(bits), self.now());
        self.log.extend(done.events);
        done.decision
    }

    fn close(&mut self, mut record: Connection) {
        self.second += 1;
        record.ended = Some(self.now());
        record.close = Some(Close::Quit);
        let events = self.desk.closed(&record);
        self.log.extend(events);
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// A desk that knows nothing but what was committed.
    pub(super) fn restarted(&self) -> Desk {
        let mut desk = Desk::new(settings());
        for event in &self.log {
            desk.apply(event);
        }
        desk
    }

    /// The tests in this state.
    pub(super) fn in_state(&self, state: TestState) -> usize {
        (self.desk.tests().iter())
            .filter(|test| test.state == state)
            .count()
    }
}

enum Outcome {
    Taken,
    Later,
    Left,
    NoTls,
}

fn zone_of(address: &str) -> Zone {
    match address.ends_with("@ut.example.org") {
        true => Zone::Ut,
        false => Zone::Et,
    }
}

fn accepts(policy: Policy, server: Server, certificate: Certificate) -> bool {
    match (certificate, policy) {
        // Without SNI a verifying sender takes what a CA issued.
        (Certificate::SelfSigned, Policy::Verify) => false,
        (Certificate::Host(Server::Seven), Policy::Verify) => server == Server::Seven,
        (Certificate::Host(host), Policy::May | Policy::Encrypt) => host == server,
        _ => matches!(
            cases::expected(policy, server),
            Expected::Yes | Expected::YesUnlessDane
        ),
    }
}
