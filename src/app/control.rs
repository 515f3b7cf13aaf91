//! The commands that read the appliance, running or not.

use super::appliance::Appliance;
use super::live::Live;
use super::outcome;
use super::publish::Publisher;
use crate::base::ports::{Answer, Clock, Control};
use crate::base::{TestId, Timestamp, Zone};
use crate::config::Config;
use crate::report::{self, Report};
use crate::sign::SignedZone;
use crate::zone::master;
use hickory_proto::rr::{Name, RData, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Carries out requests.
#[derive(Clone)]
pub struct Commands {
    config: Arc<Config>,
    live: Arc<Live>,
    publisher: Arc<Mutex<Publisher>>,
    clock: Arc<dyn Clock>,
    running: bool,
    since: Timestamp,
}

impl Commands {
    /// Commands to this appliance, which runs or is only opened.
    pub fn new(appliance: &Appliance, running: bool) -> Self {
        Self {
            config: Arc::clone(&appliance.config),
            live: Arc::clone(&appliance.live),
            publisher: appliance.shared_publisher(),
            clock: Arc::clone(&appliance.clock),
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
            other => Err(format!(
                "{other:?} is no command; there are status, ds, zone, tests list, tests show"
            )),
        }
    }

    fn status(&self) -> Value {
        let now = self.clock.now();
        let order = self
            .publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .current()
            .cloned();
        let open = self
            .live
            .desk()
            .tests()
            .iter()
            .filter(|test| test.ended.is_none())
            .count();
        json!({"json": {
            "version": env!("CARGO_PKG_VERSION"),
            "base_domain": self.config.base_domain,
            "running": self.running,
            "since": self.running.then_some(self.since),
            "now": now,
            "serial": order.as_ref().map(|order| order.serial),
            "order": order.map(|order| order.order),
            "open_tests": open,
        }})
    }

    fn signed(&self, zone: Zone) -> Result<Arc<SignedZone>, String> {
        let name = self.config.zone_name(zone);
        let apex = Name::from_str(&format!("{name}.")).map_err(|error| error.to_string())?;
        let snapshot = self
            .publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .snapshot()
            .load_full();
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
        outcome::each(self.live.journal(), |report| {
            rows.insert(report.test.id.clone(), (report.test.started, row(&report)));
        })?;
        // The desk is let go of before anything is inferred: mail waits for it.
        let live: Vec<_> = {
            let desk = self.live.desk();
            let mut live = desk.tests();
            live.retain(|summary| !rows.contains_key(&summary.id));
            (live.iter().filter_map(|summary| desk.test(&summary.id))).collect()
        };
        for test in live {
            let report = outcome::unfinished(test);
            rows.insert(report.test.id.clone(), (report.test.started, row(&report)));
        }
        let mut rows: Vec<_> = rows.into_values().collect();
        rows.sort_by_key(|(started, _)| *started);
        Ok(json!({"json": rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>()}))
    }

    fn test(&self, id: &str) -> Result<Value, String> {
        let id: TestId = id.parse()?;
        let report = match outcome::find(self.live.journal(), &id)? {
            Some(report) => report,
            None => {
                let test = self.live.desk().test(&id);
                outcome::unfinished(test.ok_or_else(|| format!("there is no test {id}"))?)
            }
        };
        Ok(json!({
            "text": report::text(&report),
            "json": report::json(&report, report::Redaction::None),
        }))
    }
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
            // It reads the journal, which blocks.
            let answer = tokio::task::spawn_blocking(move || commands.answer(&request)).await;
            answer
                .unwrap_or_else(|error| Err(error.to_string()))
                .unwrap_or_else(|error| json!({ "error": error }))
        })
    }
}
