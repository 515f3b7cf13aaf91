//! Publishing for a certificate authority, and waiting until every name server of our zones has followed.
//!
//! Those are the secondaries of the configuration, and what the NS records of the zones name besides us.

use super::World;
use super::live::Live;
use super::publish::Publisher;
use crate::base::ports::{Answer, Challenge, Challenges};
use crate::base::{Domain, limits};
use crate::config::Config;
use crate::dial::Dial;
use crate::dial::resolver;
use crate::sign::SignedZone;
use crate::zone::serial;
use hickory_proto::rr::{Name, RData};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two questions to a name server that has not followed yet.
const PAUSE: Duration = Duration::from_millis(500);
/// The port of name servers that only the DNS names.
const PORT: u16 = 53;

/// Our zones, as the certificate authority sees them.
pub struct Zones {
    config: Arc<Config>,
    publisher: Arc<Mutex<Publisher>>,
    live: Arc<Live>,
    dial: Dial,
    world: World,
    last_serial: Option<u32>,
}

impl Zones {
    /// `last_serial` is the one that the run before used last.
    pub fn new(
        config: Arc<Config>,
        publisher: Arc<Mutex<Publisher>>,
        live: Arc<Live>,
        dial: Dial,
        (world, last_serial): (World, Option<u32>),
    ) -> Self {
        Self {
            config,
            publisher,
            live,
            dial,
            world,
            last_serial,
        }
    }

    fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes both zones anew with these challenges in place of those before, and notes it; returns their serial.
    ///
    /// # Errors
    /// When they cannot be signed; what is published stays.
    pub async fn publish(&self, challenges: Vec<Challenge>) -> Result<u32, String> {
        let published = {
            let mut publisher = self.publisher();
            let order = publisher.current().map(|order| order.order);
            let order = order.ok_or("nothing is published yet")?;
            publisher.challenges = challenges;
            publisher.publish(order, self.last_serial, self.world.clock.now())
        };
        let order = published.map_err(|error| error.to_string())?;
        let serial = order.serial;
        let _ = self.live.step(|desk| ((), desk.published(order))).await;
        Ok(serial)
    }

    /// Whether the world is sent to our zones: where our own resolver does not find them, a CA would not either.
    async fn delegated(&self) -> Result<(), String> {
        for zone in crate::base::Zone::ALL {
            let zone = self.config.zone_name(zone);
            let found = self.dial.resolver().addresses(&zone).await;
            if found.records.is_empty() {
                let why = found.failed.unwrap_or_else(|| "no such name".to_owned());
                return Err(format!("this host's resolver does not find {zone}: {why}"));
            }
        }
        Ok(())
    }

    /// Waits until all name servers have this serial or a later one.
    async fn followed(&self, wanted: u32) -> Result<(), String> {
        let deadline = Instant::now() + limits::VISIBLE_WAIT;
        let mut waiting = Vec::from_iter(self.name_servers().await?);
        loop {
            let mut why = String::new();
            let mut left = Vec::new();
            for (zone, server) in waiting {
                let source = self.source(server);
                let complaint = match resolver::serial(server, source, &zone).await {
                    Ok(serial) if !serial::is_after(wanted, serial) => continue,
                    Ok(serial) => format!("has the serial {serial} of {zone}, not {wanted} yet"),
                    Err(error) => format!("{error} (asked for the SOA of {zone})"),
                };
                why = format!("the name server {server} {complaint}");
                left.push((zone, server));
            }
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(why);
            }
            waiting = left;
            sleep(PAUSE).await;
        }
    }

    /// The address that a secondary knows us by.
    fn source(&self, server: SocketAddr) -> Option<IpAddr> {
        let own = self.config.network.listeners(self.config.network.dns_port);
        let mut own = own.iter().map(SocketAddr::ip);
        own.find(|own| own.is_ipv4() == server.is_ipv4())
    }

    /// Each zone at each of its name servers but us.
    async fn name_servers(&self) -> Result<BTreeSet<(Domain, SocketAddr)>, String> {
        let zones: Vec<Arc<SignedZone>> = {
            let snapshot = self.publisher().snapshot().load_full();
            let ours = crate::base::Zone::ALL.map(|zone| self.config.zone_name(zone));
            let is_ours = |zone: &&Arc<SignedZone>| ours.iter().any(|name| is(zone.origin(), name));
            snapshot.zones().filter(is_ours).cloned().collect()
        };
        let own: BTreeSet<IpAddr> = (self.config.network.local.iter())
            .flat_map(|(public, local)| [*public, *local])
            .collect();
        let mut servers = BTreeSet::new();
        for zone in &zones {
            let origin = domain(zone.origin())?;
            for secondary in &self.config.dns.secondaries {
                servers.insert((origin.clone(), secondary.address));
            }
            for name in names(zone)? {
                let known = zones.iter().flat_map(|zone| glue(zone, &name)).collect();
                for address in self.addresses(&name, known).await? {
                    if !own.contains(&address) {
                        servers.insert((origin.clone(), SocketAddr::new(address, PORT)));
                    }
                }
            }
        }
        Ok(servers)
    }

    /// Where a name server is: as our zones say, else as the DNS does.
    async fn addresses(&self, name: &Name, known: Vec<IpAddr>) -> Result<Vec<IpAddr>, String> {
        if !known.is_empty() {
            return Ok(known);
        }
        let found = self.dial.resolver().addresses(&domain(name)?).await;
        if found.records.is_empty() {
            let why = found.failed.unwrap_or_else(|| "no address".to_owned());
            return Err(format!("the name server {name} cannot be found: {why}"));
        }
        Ok(found
            .records
            .into_iter()
            .take(limits::FETCH_ADDRESSES)
            .collect())
    }
}

impl Challenges for Zones {
    fn show(&self, challenges: Vec<Challenge>) -> Answer<'_, Result<(), String>> {
        Box::pin(async move {
            if !challenges.is_empty() {
                self.delegated().await?;
            }
            let serial = self.publish(challenges).await?;
            self.followed(serial).await
        })
    }
}

fn is(name: &Name, domain: &Domain) -> bool {
    name.to_ascii().trim_end_matches('.') == domain.as_str()
}

fn domain(name: &Name) -> Result<Domain, String> {
    let text = name.to_ascii();
    Domain::parse(text.trim_end_matches('.')).map_err(|error| error.to_string())
}

/// The name servers of a zone, by its NS records.
fn names(zone: &SignedZone) -> Result<Vec<Name>, String> {
    let records = zone.records().map_err(|error| error.to_string())?;
    let names = records.iter().filter_map(|record| match &record.data {
        RData::NS(name) if record.name == *zone.origin() => Some(name.0.clone()),
        _ => None,
    });
    Ok(names.collect())
}

/// The addresses of a name in a zone of ours.
fn glue(zone: &SignedZone, name: &Name) -> Vec<IpAddr> {
    let records = zone.records().unwrap_or_default();
    let own = records.iter().filter(|record| record.name == *name);
    own.filter_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    })
    .collect()
}
