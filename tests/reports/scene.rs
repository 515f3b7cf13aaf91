//! Tests as they come about, so that reports can be made of them.

use mailproof::base::*;
use mailproof::cases;
use mailproof::infer::outbound;
use mailproof::probe::inbound::*;
use mailproof::report::{Reply, ReplyState, Report};

pub fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2022-08-27T22:47:49Z".parse().unwrap();
    Timestamp::from_second(start.as_second() + seconds).unwrap()
}

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

/// What is the same in every contact of a kind.
#[derive(Clone, Copy)]
pub enum Kind {
    /// In the window, left without MAIL.
    Left,
    /// In the window, with MAIL.
    Offered(Zone),
    /// With STARTTLS offered, in clear text.
    Clear(Zone),
    /// Refused after the handshake.
    Refused(Server),
    /// MAIL and RCPT inside TLS.
    Took(Server),
    /// The same, and `250`.
    Acked(Server),
}

/// One connection: attempt, first and last second, what.
pub type Row = (u32, i64, i64, Kind);

fn contact(number: u64, row: Row) -> Contact {
    let (attempt, from, until, kind) = row;
    let mut facts = Connection::new(
        ConnectionId(number),
        "198.51.100.7".parse().unwrap(),
        "192.0.2.25".parse().unwrap(),
        at(from),
    );
    facts.ended = Some(at(until));
    facts.ptr = Some("out.example.net".parse().unwrap());
    facts.ehlo = Some("out.example.net".to_owned());
    facts.close = Some(Close::Quit);
    match kind {
        Kind::Left => {
            facts.server = Some(Server::One);
        }
        Kind::Offered(zone) | Kind::Clear(zone) => {
            facts.starttls_offered = matches!(kind, Kind::Clear(_));
            facts.server = Some(cases::by_recipient(zone, false));
            mail(&mut facts, zone);
        }
        Kind::Refused(server) => {
            secure(&mut facts, server);
        }
        Kind::Took(server) | Kind::Acked(server) => {
            secure(&mut facts, server);
            facts.ehlo_in_tls = true;
            mail(&mut facts, cases::case(server).zone);
            if matches!(kind, Kind::Acked(_)) {
                facts.status = Status::Acked;
            }
        }
    }
    Contact {
        attempt,
        shared: facts.from.is_none(),
        foreign: false,
        connection: facts,
    }
}

fn mail(facts: &mut Connection, zone: Zone) {
    facts.status = Status::Mail;
    facts.zone = Some(zone);
    facts.from = Some(Some(mailbox("jim@example.net")));
    facts.to = vec![mailbox(&format!("en@{zone}.example.org"))];
    if facts.starttls_offered {
        facts.message = Some(MessageFacts {
            signatures: vec!["Dkim".to_owned()],
            ..MessageFacts::default()
        });
    }
}

fn secure(facts: &mut Connection, server: Server) {
    facts.starttls_offered = true;
    facts.server = Some(server);
    facts.zone = Some(cases::case(server).zone);
    facts.transport = Transport::Encrypted;
    facts.status = Status::TlsStarted;
    facts.hello = Some(ClientHello {
        versions: vec![0x0304, 0x0303],
        suites: vec![0x1301, 0xc02b],
        groups: vec![0x001d],
        signatures: vec![0x0403],
    });
    facts.tls = Some(Tls {
        version: "1.3".to_owned(),
        cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
    });
    match cases::relative_name(server) {
        None => facts.certificate = Some(Certificate::SelfSigned),
        Some(name) => {
            facts.sni = Some(format!("{name}.example.org"));
            facts.via = Some(Via::Sni);
            facts.certificate = Some(Certificate::Host(server));
        }
    }
}

/// A test of these connections, acknowledged at the end of the last one.
pub fn test(rows: &[Row]) -> Test {
    let connections: Vec<_> = rows
        .iter()
        .zip(1..)
        .map(|(row, number)| contact(number, *row))
        .collect();
    let ended = connections
        .iter()
        .filter_map(|contact| contact.connection.ended)
        .max();
    Test {
        id: TestId::from_bits([7; 10]),
        sender: mailbox("jim@example.net"),
        token: None,
        language: Language::English,
        state: TestState::Reported,
        started: at(0),
        ended,
        addressed: Zone::ALL.to_vec(),
        origins: vec![Origin::Domain("example.net".parse().unwrap())],
        authentication: Authentication {
            spf: Verdict::Pass,
            dkim: vec![DkimResult {
                domain: "example.net".parse().unwrap(),
                result: Verdict::Pass,
            }],
            arc: Verdict::None,
            dmarc: Verdict::Pass,
        },
        message_ids: vec!["1@example.net".to_owned()],
        date: Some(at(-1)),
        signatures: vec!["Dkim".to_owned()],
        proven: true,
        robot: None,
        orders: vec![Order {
            time: at(-600),
            order: [Server::Three, Server::Six, Server::Four, Server::Five],
            serial: 1,
        }],
        order_ttl: 60,
        gaps: Vec::new(),
        connections,
        queries: vec![Seen {
            shared: false,
            what: Query {
                id: QueryId(1),
                time: at(1),
                resolver: "198.51.100.53".parse().unwrap(),
                name: "_25._tcp.et.example.org".parse().unwrap(),
                rrtype: "TLSA".to_owned(),
                dnssec_ok: true,
                checking_disabled: false,
            },
        }],
        fetches: Vec::new(),
        tls_reports: Vec::new(),
    }
}

/// The report on such a test.
pub fn report(rows: &[Row], inbound: Option<Inbound>) -> Report {
    let test = test(rows);
    Report {
        outbound: outbound(&test),
        test,
        inbound,
        reply: Reply {
            state: ReplyState::Queued,
            reason: String::new(),
        },
    }
}

/// Postfix at `dane`, as in the example of the original.
pub const DANE: [Row; 10] = [
    (1, 0, 0, Kind::Left),
    (1, 0, 1, Kind::Left),
    (1, 1, 1, Kind::Left),
    (2, 193, 202, Kind::Took(Server::Seven)),
    (2, 194, 195, Kind::Refused(Server::Three)),
    (2, 195, 199, Kind::Took(Server::Six)),
    (2, 199, 202, Kind::Took(Server::Four)),
    (3, 254, 257, Kind::Acked(Server::Seven)),
    (3, 255, 255, Kind::Refused(Server::Five)),
    (3, 256, 259, Kind::Acked(Server::Four)),
];

/// Postfix at `may`.
pub const MAY: [Row; 6] = [
    (1, 0, 1, Kind::Offered(Zone::Et)),
    (1, 0, 1, Kind::Offered(Zone::Ut)),
    (2, 300, 301, Kind::Took(Server::Two)),
    (2, 300, 302, Kind::Took(Server::Seven)),
    (3, 900, 901, Kind::Acked(Server::Two)),
    (3, 900, 902, Kind::Acked(Server::Seven)),
];

/// No TLS at all.
pub const NONE: [Row; 4] = [
    (1, 0, 1, Kind::Offered(Zone::Et)),
    (1, 1, 2, Kind::Offered(Zone::Ut)),
    (2, 300, 301, Kind::Clear(Zone::Et)),
    (2, 301, 302, Kind::Clear(Zone::Ut)),
];

/// Only server 6 was ever met.
pub const UNDETERMINED: [Row; 3] = [
    (1, 0, 0, Kind::Left),
    (2, 300, 302, Kind::Took(Server::Six)),
    (3, 900, 902, Kind::Took(Server::Six)),
];

fn address(text: &str, tlsa: Mark) -> AddressReport {
    AddressReport {
        address: text.parse().unwrap(),
        starttls: StartTls::Optional,
        tls_versions: vec!["1.2".to_owned(), "1.3".to_owned()],
        forward_secrecy: Mark::Pass,
        certificate: Trust::Trusted,
        root_issuer: Some("ISRG Root X1".to_owned()),
        tlsa,
        error: None,
    }
}

/// The row of the original's example, with a second server that has faults.
pub fn inbound() -> Inbound {
    let secure = Security::Secure;
    Inbound {
        domain: "example.net".parse().unwrap(),
        colour: Colour::White,
        dane: Mark::Fail,
        mta_sts: Mark::Pass,
        qualified_transport_encryption: Mark::Unknown,
        tlsrpt: Mark::Pass,
        spf: Mark::Pass,
        dmarc: Mark::Fail,
        null_mx: false,
        networks: vec![NetworkOwner {
            name: "NETCUP-GMBH".to_owned(),
            owner: "netcup GmbH".to_owned(),
            country: "DE".to_owned(),
            addresses: vec!["203.0.113.5".parse().unwrap()],
        }],
        findings: vec![Remark {
            code: "dane-no-match".to_owned(),
            text: "No TLSA record of mx2.example.net matches its certificate.".to_owned(),
            rfc: "7672 2.2".to_owned(),
        }],
        mx: vec![
            MxReport {
                host: "mx1.example.net".parse().unwrap(),
                preference: 10,
                dnssec: Dnssec {
                    mx: secure,
                    a: secure,
                    tlsa: secure,
                },
                mta_sts: Mark::Pass,
                caa: Mark::Pass,
                addresses: vec![
                    address("203.0.113.5", Mark::Pass),
                    address("203.0.113.6", Mark::Pass),
                ],
            },
            MxReport {
                host: "mx2.example.net".parse().unwrap(),
                preference: 20,
                dnssec: Dnssec {
                    mx: secure,
                    a: Security::Insecure,
                    tlsa: Security::Bogus,
                },
                mta_sts: Mark::Unknown,
                caa: Mark::NotApplicable,
                addresses: vec![
                    address("203.0.113.7", Mark::Fail),
                    AddressReport {
                        starttls: StartTls::Unknown,
                        tls_versions: Vec::new(),
                        forward_secrecy: Mark::Unknown,
                        certificate: Trust::Unknown,
                        root_issuer: None,
                        error: Some("no connection within 10 seconds".to_owned()),
                        ..address("2001:db8:7::7", Mark::Unknown)
                    },
                ],
            },
        ],
    }
}
