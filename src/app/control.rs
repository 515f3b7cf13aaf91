//! The commands to the appliance, running or not.

use super::appliance::Appliance;
use super::certificates::{self, Wish};
use super::erase;
use super::live::Live;
use super::notifier::Secondaries;
use super::observer::Observer;
use super::outcome::Outcomes;
use super::publish::Publisher;
use super::results;
use crate::base::ports::{Answer, Clock, Control, Random};
use crate::base::{Language, Mailbox, TestId, Timestamp, Zone};
use crate::config::Config;
use crate::desk::{Whom, token};
use crate::report::{self, Export, Report};
use crate::sign::SignedZone;
use crate::zone::master;
use hickory_proto::rr::{Name, RData, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What runs beside the state directory.
#[derive(Clone)]
pub struct Running {
    /// What makes results and sends mails.
    pub outcomes: Arc<Outcomes>,
    /// What is known of the secondaries.
    pub secondaries: Arc<Secondaries>,
    /// What takes observations.
    pub observer: Arc<Observer>,
}

/// Carries out requests.
#[derive(Clone)]
pub struct Commands {
    config: Arc<Config>,
    live: Arc<Live>,
    publisher: Arc<Mutex<Publisher>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// `None` while the appliance is only opened.
    running: Option<Running>,
    since: Timestamp,
}

impl Commands {
    /// Commands to this appliance, which runs or is only opened.
    pub fn new(appliance: &Appliance, running: Option<Running>) -> Self {
        Self {
            config: Arc::clone(&appliance.config),
            live: Arc::clone(&appliance.live),
            publisher: appliance.shared_publisher(),
            clock: Arc::clone(&appliance.clock),
            random: Arc::clone(&appliance.random),
            running,
            since: appliance.clock.now(),
        }
    }

    fn answer(&self, request: &Value) -> Result<Value, String> {
        let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        match word("command") {
            "status" => Ok(self.status()),
            "ds" => self.ds(),
            "zone" => self.zone(word("zone")),
            "tests list" => self.tests(),
            "tests show" => self.test(word("id")),
            "tests export" => self.export(word("id")),
            "tests token" => self.token(word("language")),
            "certs status" => Ok(self.certs()),
            "certs renew" => self.wish(Wish::Renew, request),
            "certs roll" => self.wish(Wish::Roll, request),
            "check" => Ok(self.check()),
            other => Err(format!(
                "{other:?} is no command; there are status, check, ds, zone, certs status, renew, roll, tests list, show, export, erase, token"
            )),
        }
    }

    fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn certs(&self) -> Value {
        certificates::status(&self.config, &self.publisher(), self.clock.now())
    }

    /// Notes what the operator wants of certificates, and wakes who does it.
    fn wish(&self, wish: Wish, request: &Value) -> Result<Value, String> {
        let names = request.get("names").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<_> = names.collect();
        certificates::wish(&mut self.publisher(), wish, &names, self.clock.now())?;
        self.live.changed().notify_one();
        Ok(self.certs())
    }

    fn check(&self) -> Value {
        json!({"json": certificates::check(&self.publisher(), self.clock.now())})
    }

    fn status(&self) -> Value {
        let now = self.clock.now();
        let (order, certificates) = {
            let publisher = self.publisher();
            (
                publisher.current().cloned(),
                certificates::summary(&publisher, now),
            )
        };
        let open = self
            .live
            .desk()
            .tests()
            .iter()
            .filter(|test| test.ended.is_none())
            .count();
        let running = self.running.is_some();
        let journal = match self.live.trouble() {
            None => "ok".to_owned(),
            Some(trouble) => format!(
                "{} events wait to be written, mail is put off: {trouble}",
                self.live.waiting()
            ),
        };
        json!({"json": {
            "version": env!("CARGO_PKG_VERSION"),
            "base_domain": self.config.base_domain,
            "running": running,
            "since": running.then_some(self.since),
            "journal": journal,
            "certificates": certificates,
            "now": now,
            "serial": order.as_ref().map(|order| order.serial),
            "order": order.map(|order| order.order),
            "open_tests": open,
            "queries_not_noted": self.running.as_ref().map(|running| running.observer.not_noted()),
            "secondaries": self.running.as_ref().and_then(|running| running.secondaries.json()),
        }})
    }

    fn signed(&self, zone: Zone) -> Result<Arc<SignedZone>, String> {
        let name = self.config.zone_name(zone);
        let apex = Name::from_str(&format!("{name}.")).map_err(|error| error.to_string())?;
        let snapshot = self.publisher().snapshot().load_full();
        snapshot
            .zones()
            .find(|signed| *signed.origin() == apex)
            .map(Arc::clone)
            .ok_or_else(|| format!("{name} is not signed yet"))
    }

    fn ds(&self) -> Result<Value, String> {
        let (mut records, mut data) = (Vec::new(), Vec::new());
        let ttl = u32::try_from(self.config.dns.ttl_keys.as_secs()).unwrap_or(u32::MAX);
        for zone in Zone::ALL {
            let signed = self.signed(zone)?;
            for ds in signed.ds() {
                data.push(json!({
                    "zone": self.config.zone_name(zone),
                    "key_tag": ds.key_tag(),
                    "algorithm": u8::from(ds.algorithm()),
                    "digest_type": u8::from(ds.digest_type()),
                    "digest": data_encoding::HEXUPPER.encode(ds.digest()),
                }));
                let rdata =
                    RData::DNSSEC(hickory_proto::dnssec::rdata::DNSSECRData::DS(ds.clone()));
                records.push(Record::from_rdata(signed.origin().clone(), ttl, rdata));
            }
        }
        Ok(json!({"text": master::write(&records), "json": data}))
    }

    fn zone(&self, name: &str) -> Result<Value, String> {
        let zone = Zone::ALL.into_iter().find(|zone| zone.label() == name);
        let zone = zone.ok_or_else(|| format!("{name:?} is no zone; there are et and ut"))?;
        let records = self
            .signed(zone)?
            .records()
            .map_err(|error| error.to_string())?;
        let data: Vec<_> = records
            .iter()
            .map(|record| {
                json!({
                    "name": record.name,
                    "ttl": record.ttl,
                    "type": record.record_type().to_string(),
                    "data": record.data.to_string(),
                })
            })
            .collect();
        Ok(json!({"text": master::write(&records), "json": data}))
    }

    fn tests(&self) -> Result<Value, String> {
        let mut rows = BTreeMap::new();
        results::each(self.live.journal(), |report| {
            rows.insert(report.test.id.clone(), (report.test.started, row(&report)));
        })?;
        let live = self.live.desk().tests();
        for summary in live {
            if rows.contains_key(&summary.id) {
                continue;
            }
            // The desk is let go of after each, and before anything is inferred: mail waits for it.
            let test = self.live.desk().test(&summary.id);
            let Some(report) = test.map(results::unfinished) else {
                continue;
            };
            rows.insert(report.test.id.clone(), (report.test.started, row(&report)));
        }
        let mut rows: Vec<_> = rows.into_values().collect();
        rows.sort_by_key(|(started, _)| *started);
        Ok(json!({"json": rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>()}))
    }

    fn test(&self, id: &str) -> Result<Value, String> {
        let report = self.report(id)?;
        Ok(json!({
            "text": report::text(&report),
            "json": report::json(&report, report::Redaction::None),
        }))
    }

    fn export(&self, id: &str) -> Result<Value, String> {
        let export = Export::new(self.report(id)?.test);
        Ok(json!({"json": export}))
    }

    /// The stored result of a test, else what is known of it now.
    fn report(&self, id: &str) -> Result<Report, String> {
        let id: TestId = id.parse()?;
        match results::find(self.live.journal(), &id)? {
            Some(report) => Ok(report),
            None => {
                let test = self.live.desk().test(&id);
                let unfinished = test.map(results::unfinished);
                unfinished.ok_or_else(|| format!("there is no test {id}"))
            }
        }
    }

    /// A new token, and the addresses to write to; nothing of it is kept.
    fn token(&self, language: &str) -> Result<Value, String> {
        let spoken = Language::ALL.into_iter().find(|one| one.tag() == language);
        let language = spoken.ok_or_else(|| format!("{language:?} is neither en nor de"))?;
        let mut bits = [0; 8];
        self.random.fill(&mut bits);
        let key = self.publisher().keys().token.0;
        let token = token::mint(u64::from_le_bytes(bits), &key);
        let address = |zone| format!("{}+{token}@{}", language.tag(), self.config.zone_name(zone));
        let addresses = Zone::ALL.map(address);
        Ok(json!({
            "text": addresses.join("\n"),
            "json": {"token": token, "language": language, "addresses": addresses},
        }))
    }

    async fn erase(&self, request: &Value) -> Result<Value, String> {
        let word = |key| request.get(key).and_then(Value::as_str);
        let whom = match (word("id"), word("mailbox")) {
            (Some(id), None) => Whom::Test(id.parse()?),
            (None, Some(mailbox)) => {
                let mailbox = Mailbox::parse(mailbox);
                Whom::Person(mailbox.map_err(|error| error.to_string())?)
            }
            _ => return Err("one of id and mailbox is needed".to_owned()),
        };
        let outcomes = self.running.as_ref().map(|running| &running.outcomes);
        let erased = erase::erase(&self.live, outcomes.map(Arc::as_ref), whom).await?;
        let text = format!(
            "erased: {}, {}, {}, {}; gone for every reader, and from the file after the next start",
            counted(erased.tests, "test"),
            counted(erased.results, "result"),
            counted(erased.mails, "waiting mail"),
            counted(erased.records, "record"),
        );
        Ok(json!({ "text": text, "json": erased }))
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn row(report: &Report) -> Value {
    json!({
        "id": report.test.id,
        "sender": report.test.sender,
        "started": report.test.started,
        "state": report.test.state,
        "policy": report.outbound.policy.map_or("undetermined", |policy| policy.name()),
        "summary": report::explain(&report.outbound),
    })
}

impl Control for Commands {
    fn control(&self, request: Value) -> Answer<'_, Value> {
        let commands = self.clone();
        Box::pin(async move {
            let answer = match request.get("command").and_then(Value::as_str) {
                Some("tests erase") => commands.erase(&request).await,
                // It reads the journal, which blocks.
                _ => tokio::task::spawn_blocking(move || commands.answer(&request))
                    .await
                    .unwrap_or_else(|error| Err(error.to_string())),
            };
            answer.unwrap_or_else(|error| json!({ "error": error }))
        })
    }
}
