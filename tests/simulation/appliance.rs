//! The receiving side: the true desk behind sessions as the listener would have noted them.

use mailproof::base::ports::Decision;
use mailproof::base::{
    Certificate, ClientHello, Close, Connection, ConnectionId, Domain, Event, Mailbox,
    MessageFacts, Order, Server, Status, Test, TestId, Timestamp, Tls, Transport, Via, Zone,
};
use mailproof::cases::{self, order::IDLE};
use mailproof::desk::{Desk, Settings};
use mailproof::infer::{Outbound, outbound};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

/// Which addresses the hosts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// One for all.
    Shared,
    /// One of its own for each.
    Own,
    /// One of its own in each family.
    Both,
}

impl Addresses {
    pub const ALL: [Self; 3] = [Self::Shared, Self::Own, Self::Both];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Own => "own",
            Self::Both => "dual-stack",
        }
    }

    /// The addresses of a host.
    pub fn of(self, server: Server) -> Vec<IpAddr> {
        let number = server.number();
        let texts = match self {
            Self::Shared => vec!["192.0.2.25".to_owned()],
            Self::Own => vec![format!("192.0.2.{number}")],
            Self::Both => vec![format!("2001:db8::{number}"), format!("192.0.2.{number}")],
        };
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }
}

pub fn base_domain() -> &'static Domain {
    static BASE: LazyLock<Domain> = LazyLock::new(|| Domain::parse("example.org").unwrap());
    &BASE
}

/// The TTL of the MX records, in seconds.
pub const TTL: u32 = 60;
const ROTATION: i64 = 300;

fn settings() -> Settings {
    Settings {
        base_domain: base_domain().clone(),
        plaintext_window: Duration::from_secs(180),
        rotation: Duration::from_secs(300),
        patience: Duration::from_secs(4 * 3600),
        patience_attempts: 24,
        attempt_gap: Duration::from_secs(60),
        settle: Duration::from_secs(60),
        deadline: Duration::from_secs(20 * 3600),
        quiet: Duration::from_secs(3600),
        order_ttl: TTL,
        token_key: [7; 32],
        reply_from: "emailtest".to_owned(),
    }
}

/// A second of the simulation as a moment.
pub fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A moment as a second of the simulation.
pub fn second(moment: Timestamp) -> i64 {
    moment.as_second() - 1_800_000_000
}

/// A session in progress.
pub struct Session {
    pub record: Connection,
    without_sni: Certificate,
}

/// The appliance.
pub struct Appliance {
    pub desk: Desk,
    /// What was committed.
    pub log: Vec<Event>,
    /// Each test as it was when its result was made, with the verdict.
    pub results: Vec<(Test, Outbound)>,
    pub order: Order,
    pub addresses: Addresses,
    turn: usize,
    ids: u64,
    /// When the desk wants to be asked again.
    wake: Option<Timestamp>,
}

impl Appliance {
    pub fn new(addresses: Addresses) -> Self {
        let order = Order {
            time: moment(0),
            order: IDLE[0],
            serial: 1,
        };
        let mut desk = Desk::new(settings());
        let log = desk.published(order.clone());
        Self {
            desk,
            log,
            results: Vec::new(),
            order,
            addresses,
            turn: 1,
            ids: 0,
            wake: None,
        }
    }

    /// A desk that knows nothing but what was committed.
    pub fn restarted(&self) -> Desk {
        let mut desk = Desk::new(settings());
        self.log.iter().for_each(|event| desk.apply(event));
        desk
    }

    /// When it has something to do of its own accord.
    pub fn next(&self) -> i64 {
        let rotation = second(self.order.time) + 1 + ROTATION;
        self.wake
            .map_or(rotation, |wake| second(wake).min(rotation))
    }

    /// Ticks, makes the results that are due, and publishes the order that is wanted.
    pub fn pass(&mut self, now: Timestamp) {
        let tick = self.desk.tick(now);
        self.log.extend(tick.events);
        for due in tick.due {
            let test = self.desk.test(&due).unwrap();
            let verdict = outbound(&test);
            self.results.push((test, verdict));
            self.log.extend(self.desk.reported(&due, now));
        }
        if let Some(order) = self.desk.order(now, &self.order, self.turn) {
            self.turn += 1;
            self.order = Order {
                time: now,
                order,
                serial: self.order.serial + 1,
            };
            self.log.extend(self.desk.published(self.order.clone()));
        }
        self.wake = tick.next.filter(|next| *next > now);
    }

    /// The latest test of a sender, as of now.
    pub fn test(&self, sender: &Mailbox) -> Option<Test> {
        let summary = (self.desk.tests().into_iter()).rfind(|test| test.sender == *sender)?;
        self.desk.test(&summary.id)
    }

    pub fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub fn note(&mut self, step: impl FnOnce(&mut Desk) -> Vec<Event>) {
        let events = step(&mut self.desk);
        self.log.extend(events);
    }

    /// A client connects and greets.
    pub fn connect(
        &mut self,
        client: IpAddr,
        ptr: Option<&Domain>,
        ehlo: &str,
        address: IpAddr,
        now: i64,
    ) -> Session {
        let id = ConnectionId(self.next_id());
        let mut record = Connection::new(id, client, address, moment(now));
        record.ehlo = Some(ehlo.to_owned());
        record.ptr = ptr.cloned();
        let greeted = self.desk.greet(client, ptr, ehlo, moment(now));
        self.log.extend(greeted.events);
        record.starttls_offered = greeted.starttls;
        let mut session = Session {
            record,
            without_sni: greeted.without_sni,
        };
        self.meet(&mut session);
        session
    }

    /// The client goes through a handshake. Returns the certificate that it is shown.
    pub fn start_tls(&self, session: &mut Session, sni: Option<&Domain>) -> Certificate {
        let record = &mut session.record;
        assert!(record.starttls_offered);
        record.sni = sni.map(ToString::to_string);
        record.hello = Some(ClientHello::default());
        record.transport = Transport::Encrypted;
        record.status = Status::TlsStarted;
        record.tls = Some(Tls {
            version: "1.3".to_owned(),
            cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
        });
        self.meet(session);
        let host = session.record.via.and(session.record.server);
        let certificate = host.map_or(session.without_sni, Certificate::Host);
        session.record.certificate = Some(certificate);
        certificate
    }

    /// Which server is met before any recipient.
    fn meet(&self, session: &mut Session) {
        let record = &mut session.record;
        let own = match self.addresses {
            Addresses::Shared => None,
            _ => cases::hosts()
                .map(|case| case.server)
                .find(|server| self.addresses.of(*server).contains(&record.address)),
        };
        let named = (record.sni.as_deref()).and_then(|sni| cases::by_sni(sni, base_domain()));
        let encrypted = record.transport == Transport::Encrypted;
        let (server, via) = match (own, named) {
            (Some(own), Some(named)) if own != named => (None, None),
            (Some(own), _) => (Some(own), Some(Via::Address)),
            (None, Some(named)) => (Some(named), Some(Via::Sni)),
            (None, None) if encrypted => (Some(Server::Two), None),
            (None, None) => (Some(Server::One), None),
        };
        record.zone = via.and(server).map(|server| cases::case(server).zone);
        record.server = server;
        record.via = via;
    }

    /// RCPT. Returns whether the client may go on; `false` is a 451.
    pub fn recipient(&mut self, session: &mut Session, zone: Zone, to: Mailbox, now: i64) -> bool {
        let record = &mut session.record;
        let encrypted = record.transport == Transport::Encrypted;
        if record.via.is_none() && record.server.is_some() {
            record.server = Some(cases::by_recipient(zone, encrypted));
            record.zone = Some(zone);
        }
        record.status = Status::Mail;
        record.to = vec![to];
        !encrypted || !self.desk.known(&session.record) || self.transact(session, now)
    }

    /// DATA. Returns whether the client may go on; `false` is a 451.
    pub fn data(&mut self, session: &Session, now: i64) -> bool {
        session.record.transport == Transport::Encrypted || self.transact(session, now)
    }

    /// The message. Returns whether it was taken.
    pub fn message(&mut self, session: &mut Session, facts: MessageFacts, now: i64) -> bool {
        assert!(session.record.starttls_offered, "content in the window");
        session.record.message = Some(facts);
        let taken = self.transact(session, now);
        if taken {
            session.record.status = Status::Acked;
        }
        taken
    }

    fn transact(&mut self, session: &Session, now: i64) -> bool {
        let mut bits = [0; 10];
        bits[..8].copy_from_slice(&self.next_id().to_be_bytes());
        let fresh = TestId::from_bits(bits);
        let done = (self.desk).transacted(&session.record, fresh, moment(now));
        self.log.extend(done.events);
        matches!(done.decision, Decision::Accept(_))
    }

    /// The session ends.
    pub fn close(&mut self, mut session: Session, close: Close, now: i64) {
        let record = &mut session.record;
        if close.refuses_certificate() {
            // The alert comes in place of the end of the handshake.
            record.transport = Transport::Plain;
            record.tls = None;
            record.status = match record.sni {
                Some(_) => Status::SniSeen,
                None => Status::None,
            };
        }
        record.ended = Some(moment(now));
        record.close = Some(close);
        self.note(|desk| desk.closed(&session.record));
    }
}
