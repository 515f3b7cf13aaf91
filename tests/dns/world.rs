//! A small tree of signed zones from a private root down, all served by one nameserver.

use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, RecordSet, RecordType, RrKey};
use mailproof::base::Timestamp;
use mailproof::keys::ZoneKeys;
use mailproof::sign::{SignatureCache, SignedZone, Terms, Validity, sign};
use mailproof::zone::Zone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fully qualified name, with the escapes of master files (RFC 1035 5.1), which hickory reads only in part.
pub fn name(text: &str) -> Name {
    let mut labels = vec![Vec::new()];
    let mut rest = text;
    while let Some((byte, behind)) = rest.as_bytes().split_first() {
        rest = &rest[1..];
        match byte {
            b'.' => labels.push(Vec::new()),
            b'\\' => {
                let number = rest.get(..3).and_then(|digits| digits.parse().ok());
                labels.last_mut().unwrap().push(number.unwrap_or(behind[0]));
                rest = &rest[if number.is_some() { 3 } else { 1 }..];
            }
            other => labels.last_mut().unwrap().push(*other),
        }
    }
    labels.retain(|label| !label.is_empty());
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
    name.set_fqdn(true);
    name
}

/// A zone with SOA and NS and the records given as `owner TYPE rdata`, owners relative unless they end in a dot, `@`
/// for the apex.
pub fn zone(origin: &str, records: &[&str]) -> Zone {
    let mut zone = Zone {
        origin: name(origin),
        rrsets: BTreeMap::new(),
    };
    serial(&mut zone, 1);
    add(&mut zone, "@ NS ns.lab.");
    for record in records {
        add(&mut zone, record);
    }
    zone
}

/// Gives the zone this serial.
pub fn serial(zone: &mut Zone, serial: u32) {
    let origin = zone.origin.clone();
    zone.rrsets
        .remove(&RrKey::new((&origin).into(), RecordType::SOA));
    let soa = SOA::new(
        name("ns.lab."),
        name("op.lab."),
        serial,
        3600,
        600,
        86400,
        60,
    );
    put(zone, &origin.to_string(), RData::SOA(soa));
}

/// Adds one record.
pub fn add(zone: &mut Zone, record: &str) {
    let (owner, rest) = record.split_once(' ').unwrap();
    let (rtype, rdata) = rest.split_once(' ').unwrap();
    let origin = zone.origin.to_string();
    let owner = match owner {
        "@" => origin,
        full if full.ends_with('.') => full.to_owned(),
        relative if origin == "." => format!("{relative}."),
        relative => format!("{relative}.{origin}"),
    };
    let rdata = match rtype.strip_prefix("TYPE") {
        Some(code) => {
            let digits = rdata.rsplit(' ').next().unwrap().as_bytes();
            let octets = data_encoding::HEXLOWER.decode(digits).unwrap();
            RData::Unknown {
                code: code.parse::<u16>().unwrap().into(),
                rdata: hickory_proto::rr::rdata::NULL::with(octets),
            }
        }
        None => RData::try_from_str(rtype.parse().unwrap(), rdata).unwrap(),
    };
    put(zone, &owner, rdata);
}

fn put(zone: &mut Zone, owner: &str, rdata: RData) {
    let owner = name(owner);
    let rtype = rdata.record_type();
    let ttl = if rtype == RecordType::MX { 60 } else { 300 };
    zone.rrsets
        .entry(RrKey::new((&owner).into(), rtype))
        .or_insert_with(|| RecordSet::with_ttl(owner, rtype, ttl))
        .add_rdata(rdata);
}

pub const TERMS: Terms = Terms {
    ttl_keys: 3600,
    validity: Validity {
        backdate: std::time::Duration::from_secs(3600),
        lifetime: std::time::Duration::from_secs(14 * 24 * 3600),
    },
};

/// A zone with what it takes to sign it again.
pub struct Signing {
    pub zone: Zone,
    pub keys: ZoneKeys,
    pub cache: SignatureCache,
}

impl Signing {
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            keys: ZoneKeys::generate(Timestamp::now()).unwrap(),
            cache: SignatureCache::default(),
        }
    }

    pub fn sign(&mut self) -> Arc<SignedZone> {
        let now = Timestamp::now();
        Arc::new(sign(&self.zone, &self.keys, &TERMS, now, &mut self.cache).unwrap())
    }

    /// Signs the child and puts its DS, unless it is to be insecure, with its NS into this zone.
    pub fn adopt(&mut self, child: &mut Self, secure: bool) -> Arc<SignedZone> {
        let signed = child.sign();
        let origin = child.zone.origin.to_string();
        add(&mut self.zone, &format!("{origin} NS ns.lab."));
        for ds in signed.ds().iter().filter(|_| secure) {
            let ds = hickory_proto::dnssec::rdata::DNSSECRData::DS(ds.clone());
            put(&mut self.zone, &origin, RData::DNSSEC(ds));
        }
        signed
    }
}

/// The zone of the appliance with its usual names.
pub const ET: &[&str] = &[
    "@ A 127.0.0.1",
    "@ CAA 0 issue \"letsencrypt.org\"",
    "@ TXT \"v=spf1 mx -all\"",
    "@ MX 10 mx05.et.lab.",
    "@ MX 20 mx04.et.lab.",
    "@ MX 30 mx03.et.lab.",
    "@ MX 40 mx06.et.lab.",
    "mx03 A 127.0.0.1",
    "mx04 A 127.0.0.1",
    "mx05 A 127.0.0.1",
    "mx06 A 127.0.0.1",
    "mx06 AAAA ::1",
    "_25._tcp.mx03 TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000001",
    "_25._tcp.mx04 TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000002",
    "_25._tcp.mx05 TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000003",
    "_25._tcp.mx06 TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000004",
    "_mta-sts TXT \"v=STSv1; id=1\"",
    "_smtp._tls TXT \"v=TLSRPTv1; rua=mailto:tlsrpt@et.lab,https://et.lab/tlsrpt\"",
    "mta-sts A 127.0.0.1",
    "_dmarc TXT \"v=DMARC1; p=reject\"",
];

/// Everything that is hard to answer.
pub const TORTURE: &[&str] = &[
    "@ NS ns.torture.lab.",
    "@ A 127.0.0.1",
    "ns A 127.0.0.1",
    "www A 127.0.0.2",
    "www TXT \"www\"",
    // Wildcards: with names beside and below them, empty non-terminals among these.
    "*.wild A 127.0.0.3",
    "*.wild TXT \"any\"",
    "host.wild A 127.0.0.4",
    "x.ent.wild A 127.0.0.5",
    "below.*.star A 127.0.0.6",
    "*.cw CNAME www.torture.lab.",
    "*.cnx CNAME nothing.torture.lab.",
    "*.cwild CNAME foo.wild.torture.lab.",
    "*.loop CNAME a.loop.torture.lab.",
    // Chains.
    "c1 CNAME C2.Torture.lab.",
    "c2 CNAME www.torture.lab.",
    "turn CNAME around.torture.lab.",
    "around CNAME turn.torture.lab.",
    "self CNAME self.torture.lab.",
    "cnx1 CNAME a.b.nothing.torture.lab.",
    "cent CNAME _tcp.mx.torture.lab.",
    "cwild1 CNAME foo.wild.torture.lab.",
    "cother CNAME mx06.et.lab.",
    "cfar CNAME www.example.net.",
    "ccut CNAME host.sec.torture.lab.",
    // Empty non-terminals.
    "_25._tcp.mx TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000001",
    "a.b.c.d A 127.0.0.7",
    // Delegations to nowhere, secure and not, with glue at and below the cut.
    "sub NS ns.sub.torture.lab.",
    "sub NS sub.torture.lab.",
    "sub A 127.0.0.8",
    "ns.sub A 127.0.0.9",
    "ns.sub AAAA ::9",
    "dsub NS www.torture.lab.",
    "dsub DS 4711 13 2 0000000000000000000000000000000000000000000000000000000000000007",
    // Labels that are no host names.
    "a\\.b A 127.0.0.10",
    "\\000 A 127.0.0.11",
    "UPPER MX 10 WWW.torture.LAB.",
    "srv SRV 0 0 25 WWW.torture.lab.",
    "nap NAPTR 1 1 \"u\" \"E2U+sip\" \"!x!y!\" Foo.Torture.lab.",
    "big TXT \"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    // A wildcard whose siblings are delegated, one of them to a zone that is served.
    "*.mixed A 127.0.0.12",
    "cut.mixed NS www.torture.lab.",
    // Beside, at and below an empty non-terminal that is several labels above what there is.
    "*.one.two.three.deep A 127.0.0.13",
    "one.two.three.deep.tall A 127.0.0.14",
    // Synthesised names below the name that an alias of a wildcard leads to.
    "*.chain CNAME x.y.chained.torture.lab.",
    "*.chained A 127.0.0.15",
    // A type that nobody knows.
    "unknown TYPE65280 \\# 3 010203",
];

/// The example of RFC 4592 2.2.1: a wildcard at the apex.
pub const EXAMPLE: &[&str] = &[
    "* TXT \"this is a wildcard\"",
    "* MX 10 host1.example.lab.",
    "sub.* TXT \"this is not a wildcard\"",
    "host1 A 192.0.2.1",
    "_ssh._tcp.host1 SRV 0 0 22 host1.example.lab.",
    "_ssh._tcp.host2 SRV 0 0 22 host2.example.lab.",
    "subdel NS ns.example.com.",
    "subdel NS ns.example.net.",
];

/// The longest name there can be in `torture.lab`: 255 octets, three labels of 63.
pub fn longest(first: char) -> String {
    let label = |octets: usize, letter: char| letter.to_string().repeat(octets);
    let labels = [
        label(49, first),
        label(63, 'b'),
        label(63, 'c'),
        label(63, 'd'),
    ];
    format!("{}.torture.lab.", labels.join("."))
}

/// A name of 255 octets below a wildcard, or with `*` in place of the first label the wildcard.
pub fn long_wild(first: &str) -> String {
    let label = |letter: &str| letter.repeat(63);
    let labels = [first.to_owned(), label("w"), label("c"), label("d")];
    format!("{}.torture.lab.", labels.join("."))
}

/// Root, TLD, the zones below it, and a reverse zone.
pub struct World {
    /// What signs the zone of the appliance again.
    pub et: Signing,
    /// All zones; that of the appliance is number [`World::ET`], the root the last.
    pub zones: Vec<Arc<SignedZone>>,
}

impl World {
    pub const ET: usize = 3;

    pub fn new() -> Self {
        let mut root = Signing::new(zone(".", &["ns.lab. A 127.0.0.1"]));
        let mut lab = Signing::new(zone("lab.", &["ns A 127.0.0.1", "a A 127.0.0.1"]));
        let mut et = Signing::new(zone("et.lab.", ET));
        let mut torture = zone("torture.lab.", TORTURE);
        for number in 0..20 {
            let text = number.to_string().repeat(60);
            add(&mut torture, &format!("big TXT \"{text}\""));
        }
        // As much as a message can hold.
        for number in 0..15 {
            let text = format!(" \"{}\"", char::from(b'a' + number).to_string().repeat(250));
            add(&mut torture, &format!("huge TXT{}", text.repeat(17)));
        }
        add(&mut torture, &format!("{} A 127.0.0.16", longest('a')));
        add(&mut torture, &format!("{} A 127.0.0.17", long_wild("*")));
        let mut torture = Signing::new(torture);
        let child = |origin| Signing::new(zone(origin, &["host A 127.0.0.1", "*.w A 127.0.0.2"]));
        let mut secure = child("sec.torture.lab.");
        let mut insecure = child("ins.torture.lab.");
        let mut mixed = child("ins.mixed.torture.lab.");
        let mut reverse = Signing::new(zone("in-addr.arpa.", &["1.0.0.127 PTR mx06.et.lab."]));
        let mut example = Signing::new(zone("example.lab.", EXAMPLE));
        let mixed = torture.adopt(&mut mixed, false);
        let mut zones = vec![
            torture.adopt(&mut secure, true),
            torture.adopt(&mut insecure, false),
            lab.adopt(&mut torture, true),
            lab.adopt(&mut et, true),
            lab.adopt(&mut example, true),
            root.adopt(&mut lab, true),
            root.adopt(&mut reverse, true),
            mixed,
        ];
        zones.push(root.sign());
        Self { et, zones }
    }
}

/// The DS of a zone: tag and digest in hexadecimal.
pub fn anchor(zone: &SignedZone) -> (u16, String) {
    let ds = &zone.ds()[0];
    let digest = ds.digest().iter().map(|octet| format!("{octet:02x}"));
    (ds.key_tag(), digest.collect())
}
