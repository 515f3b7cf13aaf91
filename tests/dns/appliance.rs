//! The appliance's own zones, built from the case table, validate name by name.

use crate::server::Server as Nameserver;
use crate::validators::{Verdict, delv, unbound};
use crate::world::{Signing, zone};
use mailproof::base::{Domain, Server, Zone};
use mailproof::config::Family;
use mailproof::zone::{Inputs, Operator, Ttls, build};
use std::collections::BTreeMap;

/// What an operator may have beside it.
const OPERATOR: &str = "\
news TXT  \"hello\"
child NS   ns.elsewhere.example.
alias CNAME www.et.lab.
secure NS  ns.secure
secure DS  4711 13 2 0000000000000000000000000000000000000000000000000000000000000007
ns.secure A 192.0.2.53
* A 192.0.2.80
* MX 10 news
*.deep TXT \"any\"
*.aliases CNAME news
x.y.deep A 192.0.2.81
cut.deep NS ns.elsewhere.example.
";

/// Questions that are asked of each zone besides.
const BESIDE: &[(&str, &str)] = &[
    ("child", "DS"),
    ("secure", "DS"),
    ("cut.deep", "DS"),
    ("alias", "CNAME"),
    ("_25._tcp", "TLSA"),
    ("_mta-sts", "TXT"),
    ("_smtp._tls", "TXT"),
    ("any", "A"),
    ("A.n.y", "MX"),
    ("a.n.y", "TLSA"),
    ("any.deep", "TXT"),
    ("any.deep", "A"),
    ("y.deep", "TXT"),
    ("any.y.deep", "TXT"),
    ("a.b.any.deep", "TXT"),
    ("any.aliases", "TXT"),
    ("any.aliases", "HINFO"),
    ("below.any.aliases", "CNAME"),
];

fn built(which: Zone) -> mailproof::zone::Zone {
    let base_domain = Domain::parse("lab").unwrap();
    let digest = |server: Server| (server, vec![[server.number(); 32]]);
    let tlsa: BTreeMap<_, _> = Server::ALL.into_iter().map(digest).collect();
    let inputs = Inputs {
        zone: which,
        base_domain: &base_domain,
        addresses: &[
            "192.0.2.25".parse().unwrap(),
            "2001:db8::25".parse().unwrap(),
        ],
        servers: &BTreeMap::new(),
        mx_family: Family::Both,
        ttls: Ttls {
            mx: 60,
            records: 300,
            negative: 60,
            keys: 3600,
        },
        tlsa: &tlsa,
        dkim: &[(
            "ed".to_owned(),
            format!("v=DKIM1; k=rsa; p={}", "A".repeat(392)),
        )],
        caa: Some("letsencrypt.org"),
        challenges: &[],
        order: [Server::Five, Server::Four, Server::Three, Server::Six],
        serial: 7,
    };
    let operator = Operator::read("zone", OPERATOR, which, &base_domain, 300).unwrap();
    build(&inputs, &operator).unwrap()
}

#[test]
fn every_record_and_what_is_beside_it_is_secure() {
    let mut questions = Vec::new();
    let mut lab = Signing::new(zone("lab.", &["ns A 127.0.0.1"]));
    let mut zones = Vec::new();
    for which in Zone::ALL {
        let zone = built(which);
        for key in zone.rrsets.keys() {
            // Foreign names are asked elsewhere.
            let name = key.name().to_string();
            let elsewhere = ["child.", "alias.", "secure.", "ns.secure.", "cut.deep."];
            if elsewhere.iter().any(|below| name.starts_with(below)) {
                continue;
            }
            questions.push((name.clone(), key.record_type.to_string()));
            questions.push((name.clone(), "HINFO".to_owned()));
            questions.push((format!("nothing.{name}"), "TLSA".to_owned()));
        }
        let more = BESIDE.iter().map(|(labels, rtype)| {
            let name = format!("{labels}.{}.lab", which.label());
            (name, (*rtype).to_owned())
        });
        questions.extend(more);
        zones.push(lab.adopt(&mut Signing::new(zone), true));
    }
    questions.sort();
    questions.dedup();
    let mut root = Signing::new(zone(".", &["ns.lab. A 127.0.0.1"]));
    zones.push(root.adopt(&mut lab, true));
    zones.push(root.sign());
    let server = Nameserver::start(zones);
    for (name, rtype) in questions {
        for validator in [delv, unbound] {
            let verdict = validator(&server, &name, &rtype);
            assert_eq!(verdict, Ok(Verdict::Secure), "{name} {rtype}");
        }
    }
    server.stop();
}
