//! The records that the appliance publishes of its own, zone by zone.

use super::{ZoneError, master, policy};
use crate::base::ports::Challenge;
use crate::base::{Domain, Server, Zone};
use crate::cases::{self, Case};
use crate::config::Family;
use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_proto::rr::rdata::{A, AAAA, MX, NS, SOA, TLSA, TXT};
use hickory_proto::rr::{Name, RData, RecordType};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Between the preferences of two MX hosts.
const PREFERENCE: u16 = 10;
/// Octets of one string of a TXT record.
const STRING: usize = 255;
/// Timers of the SOA when the operator's file has none: refresh, retry, expire (RFC 1912 2.2), in seconds.
const TIMERS: [i32; 3] = [3600, 600, 1_209_600];
/// The label of our nameserver in `et`.
pub(super) const NAMESERVER: &str = "ns1";

/// How long records may be cached, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttls {
    /// MX.
    pub mx: u32,
    /// Whatever is not named elsewhere.
    pub records: u32,
    /// That something does not exist.
    pub negative: u32,
    /// NS.
    pub keys: u32,
}

/// What a zone is built from, but for the operator's records.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Which of the two.
    pub zone: Zone,
    /// The domain above both.
    pub base_domain: &'a Domain,
    /// The published addresses of the appliance; at least one.
    pub addresses: &'a [IpAddr],
    /// The addresses of hosts that have their own.
    pub servers: &'a BTreeMap<Server, Vec<IpAddr>>,
    /// What the MX hosts of `et` publish of their addresses.
    pub mx_family: Family,
    /// How long records may be cached.
    pub ttls: Ttls,
    /// The digests of TLSA `3 1 1`, by server, for all that the case table gives TLSA.
    pub tlsa: &'a BTreeMap<Server, Vec<[u8; 32]>>,
    /// Selector and text of the DKIM records.
    pub dkim: &'a [(String, String)],
    /// What CAA `issue` says: the issuer's name, with parameters (RFC 8657) when there are any. No CAA without it.
    pub caa: Option<&'a str>,
    /// What a CA looks for now, in both zones.
    pub challenges: &'a [Challenge],
    /// The MX hosts of `et`, the most preferred first.
    pub order: [Server; 4],
    /// The serial number.
    pub serial: u32,
}

/// What the operator's file says instead of us.
#[derive(Clone, Debug, Default)]
pub(super) struct Instead {
    /// The SOA, whose serial number and negative TTL are not taken.
    pub soa: Option<SOA>,
    /// NS records at the apex.
    pub ns: bool,
    /// Addresses of our nameserver.
    pub nameserver: bool,
}

/// A record with its TTL.
pub(super) type Made = (Name, u32, RData);

/// All that is published without the operator's records.
pub(super) fn generate(inputs: &Inputs<'_>, instead: &Instead) -> Result<Vec<Made>, ZoneError> {
    let mut maker = Maker {
        inputs,
        apex: inputs.base_domain.below(inputs.zone.label())?,
        made: Vec::new(),
    };
    if inputs.addresses.is_empty() {
        return Err(wrong("the appliance has no published address"));
    }
    maker.authority(instead)?;
    maker.sender()?;
    maker.challenges()?;
    match inputs.zone {
        Zone::Et => maker.et(instead)?,
        Zone::Ut => maker.ut()?,
    }
    Ok(maker.made)
}

/// A name of ours as the DNS library has it.
pub(super) fn name(domain: &Domain) -> Result<Name, ZoneError> {
    Name::from_ascii(format!("{domain}.")).map_err(|error| wrong(&format!("{domain}: {error}")))
}

fn wrong(what: &str) -> ZoneError {
    ZoneError::Inputs(what.to_owned())
}

struct Maker<'a> {
    inputs: &'a Inputs<'a>,
    apex: Domain,
    made: Vec<Made>,
}

impl Maker<'_> {
    fn add(&mut self, owner: &Domain, ttl: u32, data: RData) -> Result<(), ZoneError> {
        self.made.push((name(owner)?, ttl, data));
        Ok(())
    }

    fn addresses(&mut self, owner: &Domain, addresses: &[IpAddr]) -> Result<(), ZoneError> {
        for address in addresses {
            let data = match address {
                IpAddr::V4(address) => RData::A(A(*address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(*address)),
            };
            self.add(owner, self.inputs.ttls.records, data)?;
        }
        Ok(())
    }

    fn text(&mut self, labels: &str, text: &str) -> Result<(), ZoneError> {
        let owner = match labels {
            "" => self.apex.clone(),
            labels => self.apex.below(labels)?,
        };
        let strings = text.as_bytes().chunks(STRING).collect();
        let data = RData::TXT(TXT::from_bytes(strings));
        self.add(&owner, self.inputs.ttls.records, data)
    }

    /// SOA and NS.
    fn authority(&mut self, instead: &Instead) -> Result<(), ZoneError> {
        let (inputs, apex) = (self.inputs, self.apex.clone());
        let et = inputs.base_domain.below(Zone::Et.label())?;
        let nameserver = name(&et.below(NAMESERVER)?)?;
        let negative = inputs.ttls.negative;
        let soa = match &instead.soa {
            Some(soa) => SOA::new(
                soa.mname.clone(),
                soa.rname.clone(),
                inputs.serial,
                soa.refresh,
                soa.retry,
                soa.expire,
                negative,
            ),
            None => {
                let [refresh, retry, expire] = TIMERS;
                let mailbox = name(&et.below("postmaster")?)?;
                let serial = inputs.serial;
                let server = nameserver.clone();
                SOA::new(server, mailbox, serial, refresh, retry, expire, negative)
            }
        };
        self.add(&apex, inputs.ttls.records, RData::SOA(soa))?;
        if !instead.ns {
            self.add(&apex, inputs.ttls.keys, RData::NS(NS(nameserver)))?;
        }
        Ok(())
    }

    /// SPF, DMARC and CAA.
    fn sender(&mut self) -> Result<(), ZoneError> {
        let apex: BTreeSet<IpAddr> = self.apex_addresses().iter().copied().collect();
        let own = self.inputs.servers.values().flatten();
        let others: BTreeSet<IpAddr> = own
            .chain(self.inputs.addresses)
            .filter(|address| !apex.contains(address))
            .copied()
            .collect();
        let mut spf = String::from("v=spf1 a");
        for address in others {
            let version = if address.is_ipv4() { 4 } else { 6 };
            spf.push_str(&format!(" ip{version}:{address}"));
        }
        self.text("", &format!("{spf} -all"))?;
        self.text("_dmarc", "v=DMARC1; p=reject")?;
        if let Some(issuer) = self.inputs.caa {
            let wire = [&[0, 5], &b"issue"[..], issuer.as_bytes()].concat();
            let data =
                master::rdata::decode(RecordType::CAA, &wire).map_err(|what| wrong(&what))?;
            let apex = self.apex.clone();
            self.add(&apex, self.inputs.ttls.records, data)?;
        }
        Ok(())
    }

    /// What a CA looks for in this zone (RFC 8555 8.4); another time it is something else, so it is not cached for long.
    fn challenges(&mut self) -> Result<(), ZoneError> {
        let inputs = self.inputs;
        for challenge in inputs.challenges {
            if challenge.name.is_within(&self.apex) {
                let data = RData::TXT(TXT::from_bytes(vec![challenge.text.as_bytes()]));
                self.add(&challenge.name, inputs.ttls.negative, data)?;
            }
        }
        Ok(())
    }

    fn apex_addresses(&self) -> &[IpAddr] {
        let apex_host = cases::hosts()
            .find(|case| case.zone == self.inputs.zone && case.host == Some(""))
            .and_then(|case| self.inputs.servers.get(&case.server));
        apex_host.map_or(self.inputs.addresses, Vec::as_slice)
    }

    fn et(&mut self, instead: &Instead) -> Result<(), ZoneError> {
        let (inputs, apex) = (self.inputs, self.apex.clone());
        self.addresses(&apex, inputs.addresses)?;
        if !instead.nameserver {
            self.addresses(&apex.below(NAMESERVER)?, inputs.addresses)?;
        }
        self.mx_hosts()?;
        self.addresses(&policy::host(inputs.base_domain)?, inputs.addresses)?;
        let id = policy::id(&policy::text(inputs.base_domain)?);
        self.text("_mta-sts", &format!("v=STSv1; id={id};"))?;
        let reports = format!("v=TLSRPTv1; rua=mailto:tlsrpt@{apex},https://{apex}/tlsrpt");
        self.text("_smtp._tls", &reports)?;
        for (selector, text) in inputs.dkim {
            self.text(&format!("{selector}._domainkey"), text)?;
        }
        Ok(())
    }

    /// The MX RRset of `et`, and what stands at its hosts.
    fn mx_hosts(&mut self) -> Result<(), ZoneError> {
        let (inputs, apex) = (self.inputs, self.apex.clone());
        let hosts: Vec<&Case> = cases::hosts()
            .filter(|case| case.zone == Zone::Et)
            .collect();
        let expected: BTreeSet<Server> = hosts.iter().map(|case| case.server).collect();
        if BTreeSet::from(inputs.order) != expected {
            return Err(wrong(
                "the order of the MX must hold each MX host of et once",
            ));
        }
        for (place, server) in (1u16..).zip(inputs.order) {
            let exchange = name(&self.host(server)?)?;
            let data = RData::MX(MX::new(place * PREFERENCE, exchange));
            self.add(&apex, inputs.ttls.mx, data)?;
        }
        let mut published = Vec::new();
        for case in hosts {
            let addresses: Vec<IpAddr> = inputs
                .servers
                .get(&case.server)
                .map_or(inputs.addresses, Vec::as_slice)
                .iter()
                .filter(|address| inputs.mx_family.publishes(**address))
                .copied()
                .collect();
            self.addresses(&self.host(case.server)?, &addresses)?;
            self.tlsa(case)?;
            published.push((case.server, addresses));
        }
        every_family(&published)
    }

    fn ut(&mut self) -> Result<(), ZoneError> {
        for case in cases::hosts().filter(|case| case.zone == Zone::Ut) {
            let host = self.host(case.server)?;
            let addresses = self
                .inputs
                .servers
                .get(&case.server)
                .map_or(self.inputs.addresses, Vec::as_slice);
            self.addresses(&host, addresses)?;
            let apex = self.apex.clone();
            let data = RData::MX(MX::new(PREFERENCE, name(&host)?));
            self.add(&apex, self.inputs.ttls.mx, data)?;
            self.tlsa(case)?;
        }
        Ok(())
    }

    fn host(&self, server: Server) -> Result<Domain, ZoneError> {
        let relative = cases::relative_name(server)
            .ok_or_else(|| wrong(&format!("server {server} has no host")))?;
        Ok(self.inputs.base_domain.below(&relative)?)
    }

    fn tlsa(&mut self, case: &Case) -> Result<(), ZoneError> {
        if case.tlsa.is_none() {
            return Ok(());
        }
        let owner = self.host(case.server)?.below("_25._tcp")?;
        let digests = self.inputs.tlsa.get(&case.server);
        let digests = digests.map_or(&[][..], Vec::as_slice);
        if digests.is_empty() {
            return Err(wrong(&format!(
                "there is no digest for the TLSA of {owner}"
            )));
        }
        for digest in digests {
            let (usage, selector) = (CertUsage::DaneEe, Selector::Spki);
            let data = TLSA::new(usage, selector, Matching::Sha256, digest.to_vec());
            self.add(&owner, self.inputs.ttls.records, RData::TLSA(data))?;
        }
        Ok(())
    }
}

/// A sender takes the hosts for equals only if each has an address in every family that one of them publishes.
fn every_family(published: &[(Server, Vec<IpAddr>)]) -> Result<(), ZoneError> {
    type Test = fn(&IpAddr) -> bool;
    let families: [(&str, Test); 2] = [("IPv4", IpAddr::is_ipv4), ("IPv6", IpAddr::is_ipv6)];
    let has = |addresses: &[IpAddr], test: Test| addresses.iter().any(test);
    for (family, test) in families {
        if !published.iter().any(|(_, addresses)| has(addresses, test)) {
            continue;
        }
        for (server, addresses) in published {
            if !has(addresses, test) {
                let host = cases::label(*server).unwrap_or("none");
                let what = format!("{host} has no {family} address, but other MX hosts have");
                return Err(ZoneError::Inputs(what));
            }
        }
    }
    if published.iter().all(|(_, addresses)| addresses.is_empty()) {
        return Err(wrong(
            "no MX host of et has an address in the family of network.mx_family",
        ));
    }
    Ok(())
}
