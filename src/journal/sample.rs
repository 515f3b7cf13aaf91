//! Events for tests: one of each kind, every field set to something else than its default.

use crate::base::*;
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn time(seconds: i64) -> Timestamp {
    Timestamp::new(1_700_000_000 + seconds, 123_456_789).unwrap()
}

/// A connection of which only the number, the start and one more mark are set.
pub(super) fn connection(number: u64, second: i64, ehlo: &str) -> Event {
    Event::Connection(Box::new(Connection {
        ehlo: Some(ehlo.to_owned()),
        ..Connection::new(
            ConnectionId(number),
            ip("198.51.100.7"),
            ip("192.0.2.25"),
            time(second),
        )
    }))
}

pub(super) fn query(number: u64, second: i64) -> Event {
    Event::Query(Query {
        id: QueryId(number),
        time: time(second),
        resolver: ip("2001:db8::53"),
        name: Domain::parse("_25._tcp.host.et.example.org").unwrap(),
        rrtype: "TLSA".to_owned(),
        dnssec_ok: true,
        checking_disabled: false,
    })
}

pub(super) fn fetch(number: u64, second: i64) -> Event {
    Event::Fetch(Fetch {
        id: FetchId(number),
        time: time(second),
        client: ip("198.51.100.9"),
        ptr: Some(Domain::parse("mail.example.net").unwrap()),
        agent: "Ügent/1.0".to_owned(),
    })
}

pub(super) fn order(second: i64) -> Event {
    Event::Order(Order {
        time: time(second),
        order: [Server::Five, Server::Four, Server::Three, Server::Six],
        serial: 4_000_000_000,
    })
}

pub(super) fn test() -> TestId {
    TestId::from_bits([7; 10])
}

pub(super) fn opened(by: u64, second: i64) -> Event {
    Event::Opened {
        test: test(),
        time: time(second),
        by: ConnectionId(by),
    }
}

fn facts() -> MessageFacts {
    MessageFacts {
        message_id: Some("1@example.net".to_owned()),
        date: Some(Timestamp::MAX),
        header_from: Some("\"a b\"@example.net".parse().unwrap()),
        addressed: vec![Zone::Ut, Zone::Et],
        signatures: vec!["Dkim".to_owned(), "Arc".to_owned()],
        authentication: Authentication {
            spf: Verdict::SoftFail,
            dkim: vec![DkimResult {
                domain: Domain::parse("example.net").unwrap(),
                result: Verdict::Pass,
            }],
            arc: Verdict::PermError,
            dmarc: Verdict::TempError,
        },
        robot: Some(Robot::Daemon),
    }
}

fn full(close: Close) -> Event {
    Event::Connection(Box::new(Connection {
        id: ConnectionId(u64::MAX - 1),
        address: ip("2001:db8::25"),
        client: ip("198.51.100.7"),
        ptr: Some(Domain::parse("out.example.net").unwrap()),
        ehlo: Some("[198.51.100.7]".to_owned()),
        started: Timestamp::MIN,
        ended: Some(time(9)),
        starttls_offered: true,
        server: Some(Server::Six),
        zone: Some(Zone::Et),
        via: Some(Via::Address),
        transport: Transport::Encrypted,
        status: Status::Acked,
        sni: Some("Host.Et.Example.org.".to_owned()),
        certificate: Some(Certificate::Host(Server::Six)),
        tls: Some(Tls {
            version: "1.3".to_owned(),
            cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
        }),
        hello: Some(ClientHello {
            versions: vec![0x0304],
            suites: vec![0x1301, 0xffff],
            groups: vec![29],
            signatures: vec![0x0403],
        }),
        ehlo_in_tls: true,
        from: Some(Some("jim@example.net".parse().unwrap())),
        parameters: Vec::new(),
        to: vec!["en@et.example.org".parse().unwrap()],
        message: Some(facts()),
        close: Some(close),
        oddities: vec!["bare-lf".to_owned()],
    }))
}

/// Every kind of event, and connections with every kind of ending.
pub(super) fn events() -> Vec<Event> {
    let mut events = vec![
        connection(1, 0, "a"),
        query(2, 1),
        fetch(3, 2),
        order(3),
        Event::Gap(Gap {
            from: time(1),
            until: time(2),
            what: GapKind::Queries,
            network: None,
        }),
        opened(1, 4),
        Event::Acknowledged {
            test: test(),
            time: time(5),
        },
        Event::Expired {
            test: test(),
            time: time(6),
        },
        Event::Reported {
            test: test(),
            time: time(7),
        },
    ];
    let closes = [
        Close::Quit,
        Close::Alert(48),
        Close::Alert(200),
        Close::CloseNotify,
        Close::Fin,
        Close::Reset,
        Close::Timeout,
        Close::Incompatible("tls1.0".to_owned()),
        Close::Broken,
        Close::Repeat,
        Close::Limit,
        Close::Shutdown,
        Close::Continued,
    ];
    events.extend(closes.map(full));
    let mut null_sender = connection(5, 1, "b");
    if let Event::Connection(connection) = &mut null_sender {
        connection.from = Some(None);
        connection.certificate = Some(Certificate::SelfSigned);
    }
    events.push(null_sender);
    let mut with_parameters = connection(6, 1, "c");
    if let Event::Connection(connection) = &mut with_parameters {
        connection.parameters = vec!["SIZE=2048".to_owned(), "BODY=8BITMIME".to_owned()];
    }
    events.push(with_parameters);
    events.push(Event::Gap(Gap {
        from: time(1),
        until: time(2),
        what: GapKind::Connections,
        network: Some(ip("198.51.100.0")),
    }));
    events.push(Event::Window {
        origin: Origin::Network(ip("198.51.100.0"), "[198.51.100.7]".to_owned()),
        time: time(8),
    });
    events.push(report());
    events
}

fn report() -> Event {
    Event::TlsReport(Box::new(TakenReport {
        time: time(9),
        via: ReportVia::Https,
        domain: Domain::parse("mail.example.net").unwrap(),
        authenticated: true,
        report: TlsReport {
            id: "1@example.net".to_owned(),
            organisation: "Exämple Ltd.".to_owned(),
            from: Timestamp::MIN,
            until: time(-1),
            policies: vec![ReportedPolicy {
                policy_type: PolicyType::NoPolicyFound,
                zone: Zone::Ut,
                domain: Domain::parse("et.example.org").unwrap(),
                mx: vec!["host.et.example.org".to_owned()],
                success: 3,
                failure: u64::MAX,
                details: vec![ReportedFailure {
                    result: "starttls-not-supported".to_owned(),
                    mx: Some("host.et.example.org".to_owned()),
                    sender: Some(ip("2001:db8::7")),
                    sessions: 2,
                    reason: Some("why".to_owned()),
                }],
            }],
        },
    }))
}

/// What is written for [`events`], in hexadecimal, one a line.
pub(super) const WRITTEN: &str = include_str!("v1/written.hex");
