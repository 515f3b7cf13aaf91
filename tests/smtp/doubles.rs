//! A desk, a judge, a relay and a clock that say what the dialogue wants and remember what they were told.

use crate::script::Script;
use mailproof::base::ports::{
    Answer, Clock, Decision, Desk, Envelope, Greeting, Judge, Kept, NotTaken, Recipient, Relay,
    RelayReply, Reports, Unavailable,
};
use mailproof::base::{
    Certificate, Connection, ConnectionId, Domain, Fetch, Language, Mailbox, MessageFacts, Packing,
    Query, Server, TestId, Timestamp,
};
use mailproof::cases;
use mailproof::serve::smtp::{Ports, Settings, TlsSet};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What is said, and what was heard.
pub struct Double {
    starttls: bool,
    without_sni: Certificate,
    known: bool,
    decisions: Vec<String>,
    relay: RelayReply,
    reports: Vec<String>,
    asked: AtomicUsize,
    ids: AtomicU64,
    pub told: Mutex<Vec<String>>,
    pub closed: Mutex<Vec<Connection>>,
    pub turned_away: Mutex<Vec<Option<IpAddr>>>,
    pub news: Notify,
}

impl Double {
    pub fn new(script: &Script) -> Arc<Self> {
        let value = |key: &str| {
            let found = script.setup.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str())
        };
        let words = value("decisions").unwrap_or("later");
        let reports = value("reports").unwrap_or("new");
        let (code, text) = value("relay").unwrap_or("250 Ok").split_once(' ').unwrap();
        Arc::new(Self {
            starttls: value("starttls") != Some("no"),
            without_sni: value("without-sni")
                .and_then(cases::by_label)
                .map_or(Certificate::SelfSigned, Certificate::Host),
            known: value("known").is_some(),
            decisions: words.split(' ').map(str::to_owned).collect(),
            relay: RelayReply {
                code: code.parse().unwrap(),
                text: text.to_owned(),
            },
            reports: reports.split(' ').map(str::to_owned).collect(),
            asked: AtomicUsize::new(0),
            ids: AtomicU64::new(1),
            told: Mutex::default(),
            closed: Mutex::default(),
            turned_away: Mutex::default(),
            news: Notify::new(),
        })
    }

    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            desk: self.clone(),
            judge: self.clone(),
            relay: self.clone(),
            reports: self.clone(),
            clock: self.clone(),
        }
    }

    fn tell(&self, entry: String) {
        self.told.lock().unwrap().push(entry);
        self.news.notify_one();
    }
}

/// The settings that a dialogue runs under, with an address that may belong to one host alone.
pub fn settings(script: &Script, address: IpAddr, tls: TlsSet) -> Arc<Settings> {
    let own = script.setup.iter().find(|(key, _)| key == "own");
    let own: BTreeMap<IpAddr, Server> = own
        .map(|(_, label)| (address, cases::by_label(label).unwrap()))
        .into_iter()
        .collect();
    Arc::new(Settings {
        hostname: "et.example.org".to_owned(),
        base_domain: Domain::parse("example.org").unwrap(),
        own,
        tls: arc_swap::ArcSwap::from_pointee(tls),
        clients: 100,
        clients_per_network: 100,
        deny: Vec::new(),
    })
}

/// What matters of a record, in one line; defaults are left out.
pub fn line(c: &Connection) -> String {
    let mut words = vec![format!("{} {:?}", c.id, c.status)];
    words.push(match c.server {
        Some(server) => format!("server {server}"),
        None => "no server".to_owned(),
    });
    words.extend(c.zone.map(|zone| zone.to_string()));
    words.extend(c.via.map(|via| format!("via {via:?}").to_lowercase()));
    words.extend(c.starttls_offered.then(|| "offered".to_owned()));
    words.push(format!("{:?}", c.transport).to_lowercase());
    words.extend(c.sni.as_ref().map(|sni| format!("sni {sni}")));
    words.extend(c.certificate.map(|certificate| match certificate {
        Certificate::SelfSigned => "cert self-signed".to_owned(),
        Certificate::Host(server) => format!("cert {server}"),
    }));
    words.extend(c.ehlo.as_ref().map(|name| format!("ehlo {name}")));
    words.extend(c.ehlo_in_tls.then(|| "ehlo-in-tls".to_owned()));
    words.extend(c.from.as_ref().map(|from| match from {
        Some(from) => format!("from {from}"),
        None => "from <>".to_owned(),
    }));
    words.extend(c.parameters.iter().map(|text| format!("with {text}")));
    words.extend(c.to.iter().map(|to| format!("to {to}")));
    words.extend(c.message.as_ref().map(|_| "message".to_owned()));
    words.extend(c.oddities.iter().map(|code| format!("odd {code}")));
    words.extend(c.close.as_ref().map(|close| format!("close {close}")));
    words.join(", ")
}

impl Clock for Double {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl Desk for Double {
    fn connected(&self) -> ConnectionId {
        ConnectionId(self.ids.fetch_add(1, Ordering::SeqCst))
    }

    fn greet<'a>(&'a self, _: IpAddr, _: &'a str) -> Answer<'a, Greeting> {
        Box::pin(std::future::ready(Greeting {
            ptr: None,
            starttls: self.starttls,
            without_sni: self.without_sni,
        }))
    }

    fn recipient(&self, address: &Mailbox) -> Recipient {
        let ours = ["et.example.org", "ut.example.org"].contains(&address.domain.as_str());
        match address.local.to_lowercase().as_str() {
            _ if !ours => Recipient::Foreign,
            "en" => Recipient::Test(Language::English),
            "de" => Recipient::Test(Language::German),
            "postmaster" | "abuse" => Recipient::Operator,
            "tlsrpt" => Recipient::Reports,
            _ => Recipient::Unknown,
        }
    }

    fn known(&self, _: &Connection) -> bool {
        self.known
    }

    fn transacted(&self, connection: Connection) -> Answer<'_, Result<Decision, Unavailable>> {
        self.tell(format!("commit {}", line(&connection)));
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let word = self.decisions.get(asked).or(self.decisions.last());
        Box::pin(std::future::ready(match word.map(String::as_str) {
            Some("accept") => Ok(Decision::Accept(TestId::from_bits([1; 10]))),
            Some("unavailable") => Err(Unavailable),
            _ => Ok(Decision::Later),
        }))
    }

    fn refused(&self, connection: Connection) -> Answer<'_, Result<(), Unavailable>> {
        self.tell(format!("refuse {}", line(&connection)));
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let word = self.decisions.get(asked).or(self.decisions.last());
        let unavailable = word.is_some_and(|word| word == "unavailable");
        Box::pin(std::future::ready(if unavailable {
            Err(Unavailable)
        } else {
            Ok(())
        }))
    }

    fn turned_away(&self, client: Option<IpAddr>) {
        self.turned_away.lock().unwrap().push(client);
    }

    fn closed(&self, connection: Connection) {
        assert!(connection.ended.is_some() && connection.close.is_some());
        self.closed.lock().unwrap().push(connection.clone());
        self.tell(format!("closed {}", line(&connection)));
    }

    fn queried(&self, _: Query) {}

    fn fetched(&self, _: Fetch) {}
}

impl Judge for Double {
    fn judge<'a>(&'a self, envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, MessageFacts> {
        self.tell(format!(
            "judge {} octets for {}",
            message.len(),
            envelope.to.len()
        ));
        Box::pin(std::future::ready(MessageFacts::default()))
    }
}

impl Relay for Double {
    fn relay<'a>(&'a self, envelope: &'a Envelope, message: &'a [u8]) -> Answer<'a, RelayReply> {
        self.tell(format!(
            "relay {} octets to {}",
            message.len(),
            envelope.to[0]
        ));
        Box::pin(std::future::ready(self.relay.clone()))
    }
}

impl Reports for Double {
    fn mailed<'a>(
        &'a self,
        envelope: &'a Envelope,
        message: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        self.tell(format!(
            "report {} octets to {}",
            message.len(),
            envelope.to[0]
        ));
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let word = self.reports.get(asked).or(self.reports.last());
        Box::pin(std::future::ready(match word.unwrap().as_str() {
            "new" => Ok(Kept::New),
            "before" => Ok(Kept::Before),
            "unfit" => Err(NotTaken::Unfit("it ends\r\nt\u{f6}\u{f6} soon".to_owned())),
            "large" => Err(NotTaken::TooLarge),
            "unproven" => Err(NotTaken::Unproven("nobody signed it")),
            "unclear" => Err(NotTaken::Unclear),
            "many" => Err(NotTaken::TooMany),
            "unavailable" => Err(NotTaken::Unavailable),
            other => panic!("{other}"),
        }))
    }

    fn posted<'a>(
        &'a self,
        _: IpAddr,
        _: Packing,
        _: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        unreachable!()
    }
}
