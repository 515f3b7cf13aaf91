//! The demo's small world: a signed root, the zone above the test domains, and a domain for each sender; all served by
//! the appliance's own nameserver, which is also the upstream of every validating resolver.

use crate::app::{StartError, failed};
use crate::base::ports::Random;
use crate::base::{Domain, Mailbox, Policy, Server, Timestamp, Zone as TestZone};
use crate::certs::internal;
use crate::keys::{Keys, ZoneKeys};
use crate::sign::{self, SignatureCache, SignedZone, Terms, Validity};
use crate::zone::{Zone, master};
use hickory_proto::rr::{LowerName, Name, RecordSet, RrKey};
use ring::digest;
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr as _;
use std::sync::Arc;

/// The domain above the test domains.
pub const BASE: &str = "mailproof.example";
/// The appliance's address.
pub const APPLIANCE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The zone above all domains of the demo.
const PARENT: &str = "example.";
const TTL: u32 = 60;

/// The address of an MX host: each has its own, so that even a sender without SNI meets them all.
pub const fn own_address(server: Server) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, server.number())
}

/// A sender: its domain and address, the certificate of its mail server, and the policy that it obeys.
#[derive(Clone)]
pub struct Person {
    /// Its true policy.
    pub policy: Policy,
    /// Its address.
    pub mailbox: Mailbox,
    /// Where it sends from and receives at.
    pub address: IpAddr,
    /// Its mail server's certificate.
    pub certificate: Arc<CertifiedKey>,
    digest: String,
}

/// One sender per policy.
///
/// # Errors
/// When a certificate cannot be made.
pub fn people(random: &dyn Random, now: Timestamp) -> Result<Vec<Person>, StartError> {
    let numbered = (10u8..).zip(Policy::ALL);
    numbered.map(|(number, policy)| person(number, policy, random, now)).collect()
}

fn person(number: u8, policy: Policy, random: &dyn Random, now: Timestamp) -> Result<Person, StartError> {
    let domain = format!("{}.example", policy.name().replace('+', "-"));
    let host = Domain::parse(&format!("mx.{domain}")).map_err(failed)?;
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let chain = internal::self_signed(&[host], &key, now, random).map_err(failed)?;
    let digest = digest::digest(&digest::SHA256, &rcgen::PublicKeyData::subject_public_key_info(&key));
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let signing = rustls::crypto::ring::sign::any_supported_type(&private).map_err(failed)?;
    Ok(Person {
        policy,
        mailbox: Mailbox::parse(&format!("jim@{domain}")).map_err(failed)?,
        address: Ipv4Addr::new(127, 0, number, 1).into(),
        certificate: Arc::new(CertifiedKey::new(chain, signing)),
        digest: data_encoding::HEXLOWER.encode(digest.as_ref()),
    })
}

/// The zones, signed, and the trust anchor as a DS record.
///
/// # Errors
/// When a zone cannot be signed.
pub fn zones(people: &[Person], keys: &Keys, now: Timestamp) -> Result<(Vec<Arc<SignedZone>>, String), StartError> {
    let mut signed = Vec::new();
    let mut parent = head(APPLIANCE);
    for zone in TestZone::ALL {
        let name = format!("{}.{BASE}.", zone.label());
        let _ = writeln!(parent, "{name} NS ns1.et.{BASE}.\n{}", delegation(&name, keys.zone(zone))?);
    }
    let _ = writeln!(parent, "ns1.et.{BASE}. A {}", APPLIANCE);
    for person in people {
        let name = format!("{}.", person.mailbox.domain);
        let (zone, ds) = sign(&name, &records(person), now)?;
        signed.push(zone);
        let _ = writeln!(parent, "{name} NS ns.{PARENT}\n{ds}");
    }
    let (zone, ds) = sign(PARENT, &parent, now)?;
    signed.push(zone);
    let root = format!("{}{PARENT} NS ns.{PARENT}\n{ds}", head(APPLIANCE));
    let (zone, anchor) = sign(".", &root, now)?;
    signed.push(zone);
    Ok((signed, anchor))
}

/// SOA and NS; the nameserver's address stands wherever it is below the apex.
fn head(address: Ipv4Addr) -> String {
    format!("@ SOA ns.{PARENT} hostmaster.{PARENT} 1 3600 600 86400 1\n@ NS ns.{PARENT}\nns.{PARENT} A {address}\n")
}

fn records(person: &Person) -> String {
    let Person { address, digest, .. } = person;
    format!(
        "@ SOA ns.{PARENT} hostmaster.{PARENT} 1 3600 600 86400 1\n@ NS ns.{PARENT}\n@ MX 10 mx\n@ TXT \"v=spf1 ip4:{address} -all\"\n\
         _dmarc TXT \"v=DMARC1; p=reject\"\nmx A {address}\n_25._tcp.mx TLSA 3 1 1 {digest}\n"
    )
}

fn delegation(name: &str, keys: &ZoneKeys) -> Result<String, StartError> {
    let origin = Name::from_str(name).map_err(failed)?;
    let mut text = String::new();
    for key in &keys.ksk {
        let _ = writeln!(text, "{name} {TTL} IN DS {}", key.ds(&origin).map_err(failed)?);
    }
    Ok(text)
}

/// Signs these records with new keys; the second value is the DS record.
fn sign(name: &str, text: &str, now: Timestamp) -> Result<(Arc<SignedZone>, String), StartError> {
    let origin = Name::from_str(name).map_err(failed)?;
    let mut rrsets = BTreeMap::new();
    for entry in master::read(name, text, &origin, TTL).map_err(failed)? {
        let record = entry.record;
        let key = RrKey::new(LowerName::new(&record.name), record.record_type());
        rrsets
            .entry(key)
            .or_insert_with(|| RecordSet::with_ttl(record.name.clone(), record.record_type(), record.ttl))
            .add_rdata(record.data.clone());
    }
    let keys = ZoneKeys::generate(now).map_err(failed)?;
    let terms = Terms {
        ttl_keys: TTL,
        validity: Validity::default(),
    };
    let mut cache = SignatureCache::default();
    let zone = Zone { origin, rrsets };
    let signed = sign::sign(&zone, &keys, &terms, now, &mut cache).map_err(failed)?;
    Ok((Arc::new(signed), delegation(name, &keys)?))
}
