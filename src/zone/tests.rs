//! What is published, for which operator's file.

use super::build::build;
use super::generate::Inputs;
use super::operator::Operator;
use super::{Ttls, Zone, ZoneError, master};
use crate::base::ports::Challenge;
use crate::base::{self, Server};
use crate::config::Family as MxFamily;
use base::Zone::{Et, Ut};
use std::collections::BTreeMap;
use std::net::IpAddr;

struct World {
    base: base::Domain,
    addresses: Vec<IpAddr>,
    servers: BTreeMap<Server, Vec<IpAddr>>,
    family: MxFamily,
    tlsa: BTreeMap<Server, Vec<[u8; 32]>>,
    dkim: Vec<(String, String)>,
    caa: Option<&'static str>,
    challenges: Vec<Challenge>,
    order: [Server; 4],
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn world() -> World {
    use Server::{Five, Four, Six, Three};
    World {
        base: base::Domain::parse("example.org").unwrap(),
        addresses: addresses(&["192.0.2.25", "2001:db8::25"]),
        servers: BTreeMap::new(),
        family: MxFamily::Ipv4,
        tlsa: BTreeMap::from([
            (Three, vec![[9; 32]]),
            (Four, vec![[4; 32], [0x44; 32]]),
            (Five, vec![[9; 32]]),
            (Six, vec![[6; 32]]),
        ]),
        dkim: vec![("ed1".to_owned(), format!("v=DKIM1; p={}", "x".repeat(300)))],
        caa: Some("letsencrypt.org"),
        challenges: Vec::new(),
        order: [Five, Four, Three, Six],
    }
}

impl World {
    fn build(&self, zone: base::Zone, file: &str) -> Result<Zone, ZoneError> {
        let operator = Operator::read("et.zone", file, zone, &self.base, 300)?;
        let ttls = Ttls {
            mx: 60,
            records: 300,
            negative: 61,
            keys: 3600,
        };
        let inputs = Inputs {
            zone,
            base_domain: &self.base,
            addresses: &self.addresses,
            servers: &self.servers,
            mx_family: self.family,
            ttls,
            tlsa: &self.tlsa,
            dkim: &self.dkim,
            caa: self.caa,
            challenges: &self.challenges,
            order: self.order,
            serial: 7,
        };
        build(&inputs, &operator)
    }

    fn text(&self, zone: base::Zone, file: &str) -> String {
        master::write(self.build(zone, file).unwrap().records())
    }

    fn error(&self, zone: base::Zone, file: &str) -> String {
        self.build(zone, file).unwrap_err().to_string()
    }
}

#[test]
fn et_holds_what_the_case_table_says() {
    let digest = |octet: &str| octet.repeat(32);
    let expected = format!(
        r#"et.example.org. 300 IN SOA ns1.et.example.org. postmaster.et.example.org. 7 3600 600 1209600 61
et.example.org. 300 IN A 192.0.2.25
et.example.org. 3600 IN NS ns1.et.example.org.
et.example.org. 60 IN MX 10 mx05.et.example.org.
et.example.org. 60 IN MX 20 mx04.et.example.org.
et.example.org. 60 IN MX 30 mx03.et.example.org.
et.example.org. 60 IN MX 40 mx06.et.example.org.
et.example.org. 300 IN TXT "v=spf1 a -all"
et.example.org. 300 IN AAAA 2001:db8::25
et.example.org. 300 IN CAA 0 issue "letsencrypt.org"
_dmarc.et.example.org. 300 IN TXT "v=DMARC1; p=reject"
ed1._domainkey.et.example.org. 300 IN TXT "v=DKIM1; p={}" "{}"
_mta-sts.et.example.org. 300 IN TXT "v=STSv1; id=00429642bc10ddf18954a12b953399da;"
_smtp._tls.et.example.org. 300 IN TXT "v=TLSRPTv1; rua=mailto:tlsrpt@et.example.org,https://et.example.org/tlsrpt"
mta-sts.et.example.org. 300 IN A 192.0.2.25
mta-sts.et.example.org. 300 IN AAAA 2001:db8::25
mx03.et.example.org. 300 IN A 192.0.2.25
_25._tcp.mx03.et.example.org. 300 IN TLSA 3 1 1 {}
mx04.et.example.org. 300 IN A 192.0.2.25
_25._tcp.mx04.et.example.org. 300 IN TLSA 3 1 1 {}
_25._tcp.mx04.et.example.org. 300 IN TLSA 3 1 1 {}
mx05.et.example.org. 300 IN A 192.0.2.25
_25._tcp.mx05.et.example.org. 300 IN TLSA 3 1 1 {}
mx06.et.example.org. 300 IN A 192.0.2.25
_25._tcp.mx06.et.example.org. 300 IN TLSA 3 1 1 {}
ns1.et.example.org. 300 IN A 192.0.2.25
ns1.et.example.org. 300 IN AAAA 2001:db8::25
"#,
        "x".repeat(244),
        "x".repeat(56),
        digest("09"),
        digest("04"),
        digest("44"),
        digest("09"),
        digest("06"),
    );
    assert_eq!(world().text(Et, ""), expected);
}

#[test]
fn ut_has_neither_tlsa_nor_policy() {
    let mut world = world();
    world.caa = None;
    world.servers = BTreeMap::from([(Server::Seven, addresses(&["192.0.2.26"]))]);
    assert_eq!(
        world.text(Ut, ""),
        r#"ut.example.org. 300 IN SOA ns1.et.example.org. postmaster.et.example.org. 7 3600 600 1209600 61
ut.example.org. 300 IN A 192.0.2.26
ut.example.org. 3600 IN NS ns1.et.example.org.
ut.example.org. 60 IN MX 10 ut.example.org.
ut.example.org. 300 IN TXT "v=spf1 a ip4:192.0.2.25 ip6:2001:db8::25 -all"
_dmarc.ut.example.org. 300 IN TXT "v=DMARC1; p=reject"
"#
    );
}

#[test]
fn the_operators_records_stand_beside_ours_or_in_place_of_them() {
    let world = world();
    let file = "@ SOA ns1 Hostmaster.example.org. 99 2h 15m 2w 1d\n@ NS NS1\n@ NS ns.example.net.\nns1 A 192.0.2.53\n\
                WWW CNAME @\nsub NS ns.sub\nns.sub A 192.0.2.54\n";
    let text = world.text(Et, file);
    for line in [
        "et.example.org. 300 IN SOA ns1.et.example.org. Hostmaster.example.org. 7 7200 900 1209600 61\n",
        "et.example.org. 3600 IN NS ns.example.net.\n",
        "\nns1.et.example.org. 300 IN A 192.0.2.53\n",
        "\nwww.et.example.org. 300 IN CNAME et.example.org.\n",
        "\nsub.et.example.org. 3600 IN NS ns.sub.et.example.org.\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("\nns1.et.example.org. 300 IN AAAA"));
}

/// Zone, file, error.
const CLASHES: [(base::Zone, &str, &str); 21] = [
    (
        Et,
        "\nmx04 A 192.0.2.9",
        "2: mx04.et.example.org. A is published by the appliance already",
    ),
    (
        Et,
        "@ MX 5 a",
        "1: et.example.org. MX is published by the appliance already",
    ),
    (
        Et,
        "@ TXT x",
        "1: et.example.org. TXT is published by the appliance already",
    ),
    (
        Et,
        "mx04 CNAME a",
        "1: mx04.et.example.org. has a CNAME and A as well",
    ),
    (
        Et,
        "a A 192.0.2.1\na CNAME b",
        "2: a.et.example.org. has a CNAME and A as well",
    ),
    (
        Et,
        "a CNAME b\na CNAME c",
        "2: a second CNAME of a.et.example.org.; one is allowed",
    ),
    (
        Et,
        "@ CNAME b",
        "1: et.example.org. CNAME is not allowed at the apex",
    ),
    (
        Et,
        "a A 192.0.2.1\na 5 A 192.0.2.2",
        "2: the TTL is 5, but 300 in another record of a.et.example.org. A (RFC 2181 5.2)",
    ),
    (
        Et,
        "* NS ns1",
        "1: *.et.example.org. NS is refused: a wildcard cannot be delegated (RFC 4592 4.2)",
    ),
    (
        Ut,
        "_tcp NS ns.example.net.",
        "1: _tcp.ut.example.org. NS is refused: what stands at a name below decides the test",
    ),
    (
        Ut,
        "_25._tcp TLSA 3 1 1 00",
        "1: _25._tcp.ut.example.org. TLSA is refused: what stands at this name decides the test",
    ),
    (
        Ut,
        "_mta-sts TXT x",
        "1: _mta-sts.ut.example.org. TXT is refused: what stands at this name decides the test",
    ),
    (
        Et,
        "_acme-challenge.mx06 TXT x",
        "1: _acme-challenge.mx06.et.example.org. TXT is refused: what stands at this name decides who gets certificates for us",
    ),
    (
        Ut,
        "_acme-challenge NS ns.example.net.",
        "1: _acme-challenge.ut.example.org. NS is refused: what stands at a name below decides who gets certificates for us",
    ),
    (
        Et,
        "@ DS 1 13 2 00",
        "1: et.example.org. DS belongs into the zone above",
    ),
    (
        Et,
        "@ NSEC a A",
        "1: et.example.org. NSEC is made by the appliance",
    ),
    (
        Et,
        "a SOA a b 1 2 3 4 5",
        "1: a.et.example.org. SOA is allowed at the apex only",
    ),
    (
        Et,
        "@ SOA a b 1 2 3 4 5\n@ SOA a b 1 2 3 4 5",
        "2: a second SOA; one is allowed",
    ),
    (
        Et,
        "\n@ NS ns9",
        "2: the nameserver ns9.et.example.org. has no A or AAAA record",
    ),
    (
        Et,
        "_tls NS a.example.net.",
        "1: the delegation of _tls.et.example.org. would hide _smtp._tls.et.example.org. TXT, which the appliance publishes",
    ),
    (
        Et,
        "a DNAME b",
        "1: DNAME has no text form here; write \\# LENGTH HEX (RFC 3597)",
    ),
];

#[test]
fn what_clashes_or_must_not_be_is_named_with_its_line() {
    for (zone, file, error) in CLASHES {
        let told = world().error(zone, file);
        assert_eq!(told, format!("et.zone:{error}"), "{file}");
    }
}

/// Zone, file, and for whom its wildcard would answer, if it must not.
const WILDCARDS: [(base::Zone, &str, Option<&str>); 22] = [
    // Whatever decides a test at et is there, so that no wildcard stands for it.
    (Et, "* A 192.0.2.1", None),
    (Et, "* TXT x", None),
    (Et, "* CNAME www.example.net.", None),
    (Et, "*._tcp TLSA 3 1 1 00", None),
    (Et, "*._tcp.mx04 TLSA 3 1 1 00", None),
    (
        Et,
        "* TLSA 3 1 1 00\n*.www A 192.0.2.1\nwww.*.www MX 1 a",
        None,
    ),
    // At ut much is not there, and must not be.
    (Ut, "* A 192.0.2.1\n* AAAA 2001:db8::1\n* MX 5 @", None),
    (Ut, "*.www TXT x\n*.www TLSA 3 1 1 00", None),
    (Ut, "*.www CNAME @", None),
    (
        Ut,
        "\n* TXT x",
        Some("2: *.ut.example.org. TXT _mta-sts.ut.example.org. TXT"),
    ),
    (
        Ut,
        "* TLSA 3 1 1 00",
        Some("1: *.ut.example.org. TLSA _25._tcp.ut.example.org. TLSA"),
    ),
    (
        Ut,
        "*._TCP TLSA 3 1 1 00",
        Some("1: *._tcp.ut.example.org. TLSA _25._tcp.ut.example.org. TLSA"),
    ),
    (
        Ut,
        "* CNAME www.example.net.",
        Some("1: *.ut.example.org. CNAME _25._tcp.ut.example.org. TLSA"),
    ),
    (
        Ut,
        "*._tcp CNAME www.example.net.",
        Some("1: *._tcp.ut.example.org. CNAME _25._tcp.ut.example.org. TLSA"),
    ),
    // The closest encloser counts: a name between the wildcard and the other keeps them apart.
    (Ut, "* TLSA 3 1 1 00\n_443._tcp TLSA 3 1 1 00", None),
    (Ut, "* TLSA 3 1 1 00\n*._tcp A 192.0.2.1", None),
    (
        Ut,
        "* TLSA 3 1 1 00\n_tcp.www TLSA 3 1 1 00",
        Some("1: *.ut.example.org. TLSA _25._tcp.ut.example.org. TLSA"),
    ),
    (
        Ut,
        "* CNAME www\n_443._tcp TLSA 3 1 1 00",
        Some("1: *.ut.example.org. CNAME _mta-sts.ut.example.org. TXT"),
    ),
    (Ut, "*._tcp A 192.0.2.1\n*.sub._tcp TLSA 3 1 1 00", None),
    // An asterisk elsewhere is a label as any other (RFC 4592 2.1.1).
    (Ut, "*.* TXT x", None),
    (Ut, "x.* TXT x", None),
    (Ut, "**  TXT x", None),
];

#[test]
fn wildcards_stand_where_they_answer_for_nothing_that_decides() {
    for (zone, file, refused) in WILDCARDS {
        let told = world()
            .build(zone, file)
            .map(|zone| master::write(zone.records()));
        match refused {
            None => {
                let text = told.expect(file);
                let origin = hickory_proto::rr::Name::from_ascii("example.org.").unwrap();
                let again = master::read("zone", &text, &origin, 1).unwrap();
                assert!(text.contains("*"), "{text}");
                assert_eq!(master::write(again.iter().map(|entry| &entry.record)), text);
            }
            Some(refused) => {
                let (record, decides) = refused.rsplit_once(". ").unwrap();
                let (record, name) = record.rsplit_once(' ').unwrap();
                let expected = format!(
                    "et.zone:{record} is refused: it would answer for {name}., and that there is no {decides} \
                     decides the test; write out the names that need it, or put the wildcard below a name of \
                     its own"
                );
                assert_eq!(told.unwrap_err().to_string(), expected, "{file}");
            }
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_told() {
    type Change = fn(&mut World);
    let rows: [(Change, &str); 6] = [
        (
            |world| world.addresses.clear(),
            "the appliance has no published address",
        ),
        (
            |world| world.order[0] = Server::Four,
            "the order of the MX must hold each MX host of et once",
        ),
        (
            |world| drop(world.tlsa.remove(&Server::Five)),
            "there is no digest for the TLSA of _25._tcp.mx05.et.example.org",
        ),
        (
            |world| {
                world.family = MxFamily::Both;
                world.servers.insert(Server::Six, addresses(&["192.0.2.6"]));
            },
            "mx06 has no IPv6 address, but other MX hosts have",
        ),
        (
            |world| {
                world.family = MxFamily::Ipv6;
                world.addresses.pop();
            },
            "no MX host of et has an address in the family of network.mx_family",
        ),
        (
            |world| world.base = base::Domain::parse(&vec!["a".repeat(60); 4].join(".")).unwrap(),
            "1 to 253 characters are allowed",
        ),
    ];
    for (change, error) in rows {
        let mut world = world();
        change(&mut world);
        let told = world.error(Et, "");
        assert!(told.ends_with(error), "{told}");
    }
}

#[test]
fn the_files_that_come_with_the_appliance_change_nothing_and_their_examples_work() {
    let world = world();
    for (zone, file) in [
        (Et, include_str!("../../zones/et.zone")),
        (Ut, include_str!("../../zones/ut.zone")),
    ] {
        assert_eq!(world.text(zone, file), world.text(zone, ""));
        let examples = |line: &str| match line.strip_prefix(';') {
            Some(example) if !example.is_empty() && !example.starts_with(' ') => {
                format!("{example}\n")
            }
            _ => String::new(),
        };
        let examples: String = file.lines().map(examples).collect();
        assert!(
            world.text(zone, &examples).contains("192.0.2.80"),
            "{examples}"
        );
    }
}

#[test]
fn a_zone_has_the_serial_that_it_was_built_with() {
    let zone = world().build(Et, "").unwrap();
    let soa = master::write(zone.records());
    let soa = soa.lines().next().unwrap();
    assert!(soa.contains(" SOA ") && soa.contains(" 7 "), "{soa}");
}

#[test]
fn what_a_ca_looks_for_is_in_its_zone_alone() {
    let mut world = world();
    let challenge = |name: &str| Challenge {
        name: base::Domain::parse(name).unwrap(),
        text: format!("proof of {name}"),
    };
    let names = [
        "_acme-challenge.mx06.et.example.org",
        "_acme-challenge.ut.example.org",
    ];
    world.challenges = names.map(challenge).to_vec();
    for (zone, own, other) in [(Et, names[0], names[1]), (Ut, names[1], names[0])] {
        let text = world.text(zone, "");
        let record = format!("{own}. 61 IN TXT \"proof of {own}\"\n");
        assert!(text.contains(&record) && !text.contains(other), "{text}");
    }
}
