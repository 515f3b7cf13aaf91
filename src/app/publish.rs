//! What is published: both zones signed, the certificates, the policy page. Everything else is derived here in one place
//! whenever the order of the MX, a key or a certificate changes.

use crate::base::ports::{Challenge, Random};
use crate::base::{Order, Server, Timestamp, Zone, file, limits};
use crate::certs;
use crate::config::{Config, Issuer};
use crate::keys::{self, Keys};
use crate::serve::dns::TransferKey;
use crate::sign::{self, SignatureCache, SignedZone, Snapshot, Terms, Validity};
use crate::zone::{self, Inputs, Operator, Ttls};
use arc_swap::ArcSwap;
use hickory_proto::rr::TSigner;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Why nothing can be published; in words for the operator, with the file at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError(pub String);

impl std::fmt::Display for PublishError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PublishError {}

fn failed(error: impl std::fmt::Display) -> PublishError {
    PublishError(error.to_string())
}

/// Keys, certificates and records, and what is served of them.
pub struct Publisher {
    config: Config,
    keys: Keys,
    certs: certs::Store,
    operator: BTreeMap<Zone, Operator>,
    /// What a CA looks for now.
    pub challenges: Vec<Challenge>,
    signatures: BTreeMap<Zone, SignatureCache>,
    /// Zones of others that this nameserver serves as well: the demo's world.
    pub beside: Vec<Arc<SignedZone>>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    /// Tells those who tell others.
    published: watch::Sender<()>,
    current: Option<Order>,
    renewal: Timestamp,
}

/// The operator's zone files, read before anything is made.
pub fn operator(config: &Config) -> Result<BTreeMap<Zone, Operator>, PublishError> {
    let ttl = seconds(config.dns.ttl_records);
    let mut all = BTreeMap::new();
    for zone in Zone::ALL {
        let path = config.state.zones.join(format!("{zone}.zone"));
        let name = path.display().to_string();
        let text = file::read(&path, limits::ZONE_FILE)
            .map_err(failed)?
            .ok_or_else(|| {
                PublishError(format!(
                    "{name}: not found; `mailproof init` writes one to start from"
                ))
            })?;
        let records =
            Operator::read(&name, &text, zone, &config.base_domain, ttl).map_err(failed)?;
        all.insert(zone, records);
    }
    Ok(all)
}

fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

impl Publisher {
    /// Opens `keys/` and `acme/`, making what is missing. Nothing is signed yet.
    ///
    /// # Errors
    /// When a file there is damaged or cannot be read or written; it is named.
    pub fn open(
        config: &Config,
        operator: BTreeMap<Zone, Operator>,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<Self, PublishError> {
        let directory = &config.state.directory;
        let secondaries = config.dns.secondaries.iter();
        let tsig = secondaries.map(|secondary| secondary.key.clone()).collect();
        let keys = keys::store::open(&directory.join("keys"), &tsig, random, now);
        let keys = keys.map_err(failed)?;
        let settings = certs::store::Settings {
            directory: directory.join("acme"),
            base_domain: config.base_domain.clone(),
            issuer: match config.certificates.issuer {
                Issuer::Internal => certs::Issuer::Internal,
                Issuer::Acme => certs::Issuer::Acme,
            },
            ca: config.certificates.directory.clone(),
            ttl: config.dns.ttl_records,
            invalid: keys.invalid_tlsa,
        };
        let certs = certs::Store::open(settings, now, random).map_err(failed)?;
        Ok(Self {
            config: config.clone(),
            keys,
            certs,
            operator,
            challenges: Vec::new(),
            signatures: BTreeMap::new(),
            beside: Vec::new(),
            snapshot: Arc::new(ArcSwap::from_pointee(Snapshot::new(Vec::new()))),
            published: watch::Sender::new(()),
            current: None,
            renewal: now,
        })
    }

    /// The keys.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The keys whose holders may fetch our zones.
    ///
    /// # Errors
    /// When the name of one is no domain name.
    pub fn transfer_keys(&self) -> Result<Vec<TransferKey>, PublishError> {
        let names = self.keys.tsig.keys();
        names
            .map(|name| self.transfer_key(name).map(TransferKey))
            .collect()
    }

    /// The key of this name that secondaries share with us.
    ///
    /// # Errors
    /// When there is none, or its name is no domain name.
    pub fn transfer_key(&self, name: &str) -> Result<TSigner, PublishError> {
        let key = self.keys.tsig.get(name);
        let key = key.ok_or_else(|| failed(format!("there is no TSIG key {name}")))?;
        key.signer().map_err(failed)
    }

    /// Tells whenever new zones are served.
    pub fn published(&self) -> watch::Receiver<()> {
        self.published.subscribe()
    }

    /// The certificates.
    pub const fn certs(&self) -> &certs::Store {
        &self.certs
    }

    /// The certificates, to be changed; what they are to the world changes with the next [`Publisher::publish`].
    pub const fn certs_mut(&mut self) -> &mut certs::Store {
        &mut self.certs
    }

    /// What the nameserver serves; swapped whole.
    pub fn snapshot(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.snapshot)
    }

    /// The order of the MX that is published.
    pub const fn current(&self) -> Option<&Order> {
        self.current.as_ref()
    }

    /// Whether signatures are to be renewed: half their time is over, or the clock was set back, so that they may begin in
    /// the future.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.renewal <= now || self.current.as_ref().is_some_and(|order| now < order.time)
    }

    /// Builds and signs both zones and takes them into service. The serial is after `last`, the one that an earlier run
    /// used last, and after all that this one used.
    ///
    /// # Errors
    /// When a record of the operator clashes with a generated one, or signing fails; what is served stays.
    pub fn publish(
        &mut self,
        order: [Server; 4],
        last: Option<u32>,
        now: Timestamp,
    ) -> Result<Order, PublishError> {
        let used = self.current.as_ref().map(|order| order.serial);
        let serial = zone::serial::next(used.or(last), now);
        let mut zones = self.beside.clone();
        let mut renewal = Timestamp::MAX;
        for zone in Zone::ALL {
            let signed = self.signed(zone, order, serial, now)?;
            renewal = renewal.min(signed.next_renewal(now));
            zones.push(Arc::new(signed));
        }
        let next = self.snapshot.load().followed_by(zones);
        self.snapshot.store(Arc::new(next));
        self.published.send_replace(());
        self.renewal = renewal;
        let published = Order {
            time: now,
            order,
            serial,
        };
        self.current = Some(published.clone());
        Ok(published)
    }

    /// One zone as it would be served, signed.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn signed(
        &mut self,
        zone: Zone,
        order: [Server; 4],
        serial: u32,
        now: Timestamp,
    ) -> Result<SignedZone, PublishError> {
        let dns = &self.config.dns;
        let tlsa = self.certs.snapshot().digests();
        let dkim = self.keys.dkim.records();
        let caa = self.caa();
        let inputs = Inputs {
            zone,
            base_domain: &self.config.base_domain,
            addresses: &self.config.network.addresses,
            servers: &self.config.network.servers,
            mx_family: self.config.network.mx_family,
            ttls: Ttls {
                mx: seconds(dns.ttl_mx),
                records: seconds(dns.ttl_records),
                negative: seconds(dns.ttl_negative),
                keys: seconds(dns.ttl_keys),
            },
            tlsa: &tlsa,
            dkim: &dkim,
            caa: caa.as_deref(),
            challenges: &self.challenges,
            order,
            serial,
        };
        let none = Operator::default();
        let built =
            zone::build(&inputs, self.operator.get(&zone).unwrap_or(&none)).map_err(failed)?;
        let terms = Terms {
            ttl_keys: seconds(dns.ttl_keys),
            validity: Validity::default(),
        };
        let cache = self.signatures.entry(zone).or_default();
        sign::sign(&built, self.keys.zone(zone), &terms, now, cache).map_err(failed)
    }

    /// Who may issue certificates for our names, bound to our account as soon as there is one (RFC 8657).
    fn caa(&self) -> Option<String> {
        let issuer = self.config.certificates.caa.as_deref()?;
        let account = self.certs.account().map(|account| account.url.as_str());
        // RFC 8659 4.2 has neither in a value.
        let account = account.filter(|url| {
            url.bytes()
                .all(|octet| octet.is_ascii_graphic() && octet != b';')
        });
        Some(match account {
            Some(url) => format!("{issuer}; accounturi={url}; validationmethods=dns-01"),
            None => issuer.to_owned(),
        })
    }

    /// Makes the certificates anew that are due and need nobody else; says whether what is to be served changed.
    ///
    /// # Errors
    /// When one could not be made or kept; what was made before that is to be served all the same.
    pub fn renew(&mut self, now: Timestamp, random: &dyn Random) -> Result<bool, PublishError> {
        self.certs.renew(now, random).map_err(failed)
    }
}
