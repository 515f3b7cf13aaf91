//! Connections and queries from words.

use crate::reader::{read_zone, server};
use mailproof::base::{
    Certificate, ClientHello, Connection, ConnectionId, Contact, PolicyType, Query, QueryId,
    ReportVia, ReportedPolicy, Server, Status, TakenReport, Timestamp, Tls, TlsReport, Transport,
    Via, Zone,
};
use mailproof::cases;

/// Seconds after noon, with a fraction or without.
pub fn at(second: &str) -> Timestamp {
    let noon = 1_661_601_600_000;
    let second: f64 = second
        .parse()
        .unwrap_or_else(|_| panic!("{second:?} is no second"));
    Timestamp::from_millisecond(noon + (second * 1000.0).round() as i64).unwrap()
}

pub fn query(id: u64, second: &str, rrtype: &str, name: &str) -> Query {
    Query {
        id: QueryId(id),
        time: at(second),
        resolver: "198.51.100.53".parse().unwrap(),
        name: name.parse().unwrap(),
        rrtype: rrtype.to_owned(),
        dnssec_ok: true,
        checking_disabled: false,
    }
}

/// A report on this day, unproven if the last word says so.
pub fn report(id: usize, said: &[&str]) -> TakenReport {
    let policy = |said: &str| {
        let (zone, kind) = said.split_once(':').unwrap();
        ReportedPolicy {
            policy_type: match kind {
                "tlsa" => PolicyType::Tlsa,
                "sts" => PolicyType::Sts,
                "no-policy-found" => PolicyType::NoPolicyFound,
                "other" => PolicyType::Other,
                _ => panic!("{kind:?} is no type of policy"),
            },
            zone: read_zone(zone).unwrap(),
            domain: format!("{zone}.example.org").parse().unwrap(),
            mx: Vec::new(),
            success: 1,
            failure: 0,
            details: Vec::new(),
        }
    };
    let (said, authenticated) = match said {
        [said @ .., "unproven"] => (said, false),
        said => (said, true),
    };
    TakenReport {
        time: at("86400"),
        via: ReportVia::Mail,
        domain: "sender.example".parse().unwrap(),
        authenticated,
        report: TlsReport {
            id: format!("r{id}"),
            organisation: "Sender".to_owned(),
            from: at("-43200"),
            until: at("43199"),
            policies: said.iter().map(|said| policy(said)).collect(),
        },
    }
}

pub fn connection(
    id: u64,
    attempt: u32,
    second: &str,
    what: &str,
    words: &[&str],
) -> Option<Contact> {
    let mut connection = Connection::new(
        ConnectionId(id),
        "198.51.100.7".parse().unwrap(),
        "192.0.2.25".parse().unwrap(),
        at(second),
    );
    connection.ehlo = Some("out.sender.example".to_owned());
    connection.ended = Some(connection.started);
    match (what, words) {
        ("window", [zone, end, rest @ ..]) => in_clear(&mut connection, false, zone, end, rest)?,
        ("clear", [zone, end, rest @ ..]) => in_clear(&mut connection, true, zone, end, rest)?,
        ("tls", [number, end, rest @ ..]) => in_tls(&mut connection, server(number), end, rest)?,
        _ => return None,
    }
    if words.contains(&"mute") {
        connection.ehlo = None;
    }
    if words.contains(&"stale") {
        connection.server = None;
    }
    if words.contains(&"from") {
        connection.from = Some(Some("jim@sender.example".parse().unwrap()));
    }
    connection.oddities = words
        .iter()
        .filter_map(|word| word.strip_prefix("odd:"))
        .map(str::to_owned)
        .collect();
    Some(Contact {
        attempt,
        foreign: words.contains(&"foreign"),
        shared: connection.status < Status::Mail && !words.contains(&"single"),
        connection,
    })
}

fn in_clear(
    connection: &mut Connection,
    offered: bool,
    zone: &str,
    end: &str,
    options: &[&str],
) -> Option<()> {
    connection.starttls_offered = offered;
    connection.zone = match zone {
        "?" => None,
        zone => Some(read_zone(zone)?),
    };
    connection.server = Some(match connection.zone {
        Some(zone) => cases::by_recipient(zone, false),
        None => Server::One,
    });
    for option in options {
        match *option {
            "3" | "4" | "5" | "6" | "7" => {
                connection.via = Some(Via::Address);
                connection.server = Some(server(option));
            }
            "single" | "foreign" | "mute" | "stale" | "from" => {}
            option if option.starts_with("odd:") => {}
            _ => return None,
        }
    }
    match end {
        "mail" => mail(connection),
        "left" => connection.close = Some("quit".parse().unwrap()),
        "open" => connection.ended = None,
        way => connection.close = Some(way.parse().ok()?),
    }
    Some(())
}

fn in_tls(connection: &mut Connection, server: Server, end: &str, options: &[&str]) -> Option<()> {
    connection.starttls_offered = !options.contains(&"unoffered");
    connection.server = Some(server);
    connection.hello = Some(ClientHello::default());
    name(connection, server, options);
    if let Some(zone) = options.iter().find_map(|option| read_zone(option)) {
        connection.zone = Some(zone);
    }
    match end {
        "took" => {
            started(connection);
            connection.ehlo_in_tls = true;
            mail(connection);
        }
        "refused" => {
            started(connection);
            connection.close = Some("quit".parse().unwrap());
        }
        way => {
            if way == "open" {
                connection.ended = None;
            } else {
                connection.close = Some(way.parse().ok()?);
            }
            if options.contains(&"started") {
                started(connection);
            } else if connection.sni.is_some() {
                connection.status = Status::SniSeen;
            }
        }
    }
    connection.ehlo_in_tls |= options.contains(&"greeted");
    if options.contains(&"outside") {
        connection.transport = Transport::Plain;
    }
    Some(())
}

fn name(connection: &mut Connection, server: Server, options: &[&str]) {
    let own = options.contains(&"own");
    let named = server >= Server::Three && !options.contains(&"nosni");
    connection.via = match (own, named) {
        (true, _) => Some(Via::Address),
        (_, true) => Some(Via::Sni),
        _ => None,
    };
    connection.sni = (named && cases::label(server).is_some()).then(|| {
        let relative = cases::relative_name(server).unwrap();
        format!("{relative}.example.org")
    });
    connection.certificate = Some(if own || named {
        Certificate::Host(server)
    } else if options.contains(&"ca") {
        Certificate::Host(Server::Seven)
    } else {
        Certificate::SelfSigned
    });
    connection.zone = match server {
        Server::One | Server::Two => None,
        Server::Seven => Some(Zone::Ut),
        _ => Some(Zone::Et),
    };
}

fn started(connection: &mut Connection) {
    connection.status = Status::TlsStarted;
    connection.transport = Transport::Encrypted;
    connection.tls = Some(Tls {
        version: "1.3".to_owned(),
        cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
    });
}

fn mail(connection: &mut Connection) {
    connection.status = Status::Mail;
    connection.from = Some(Some("jim@sender.example".parse().unwrap()));
    let zone = connection.zone.unwrap_or(Zone::Et);
    connection.zone = Some(zone);
    connection.to = vec![format!("en@{zone}.example.org").parse().unwrap()];
    connection.close = Some("quit".parse().unwrap());
}
