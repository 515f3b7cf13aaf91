//! From text to rows. A line that cannot be read fails the test and is named.

use crate::evidence::{at, connection, query, report};
use crate::expectation::Expectation;
use mailproof::base::{
    Fetch, FetchId, Gap, GapKind, Language, Order, Seen, Server, Test, TestId, TestState, Zone,
};

pub struct Row {
    pub place: String,
    pub name: String,
    pub test: Test,
    pub expected: Expectation,
}

pub fn read(file: &str, text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap().trim();
        let place = format!("{file}:{}", number + 1);
        let words: Vec<_> = line.split_whitespace().collect();
        match (&words[..], rows.last_mut()) {
            ([], _) => {}
            (["test", name @ ..], _) => rows.push(Row {
                place,
                name: name.join(" "),
                test: empty(),
                expected: Expectation::default(),
            }),
            (words, Some(row)) => {
                let known = row.expected.read(words) || evidence(&mut row.test, words);
                assert!(known, "{place}: {line:?} is not understood");
            }
            _ => panic!("{place}: no test has begun"),
        }
    }
    for row in &mut rows {
        finish(&mut row.test);
    }
    rows
}

fn evidence(test: &mut Test, words: &[&str]) -> bool {
    match words {
        ["addressed", "none"] => test.addressed.clear(),
        ["addressed", zones @ ..] => {
            test.addressed = zones.iter().map(|zone| read_zone(zone).unwrap()).collect();
        }
        ["date", "none"] => test.date = None,
        ["date", second] => test.date = Some(at(second)),
        ["orders", pairs @ ..] => {
            for pair in pairs.chunks(2) {
                test.orders.push(Order {
                    time: at(pair[0]),
                    order: order(pair[1]),
                    serial: test.orders.len() as u32,
                });
            }
        }
        ["ttl", seconds] => test.order_ttl = seconds.parse().unwrap(),
        ["gap", what, from, until] => test.gaps.push(Gap {
            from: at(from),
            until: at(until),
            what: match *what {
                "connections" => GapKind::Connections,
                "queries" => GapKind::Queries,
                _ => return false,
            },
            network: None,
        }),
        ["fetch", second, rest @ ..] => test.fetches.push(Seen {
            shared: rest == ["shared"],
            what: Fetch {
                id: FetchId(test.fetches.len() as u64 + 1),
                time: at(second),
                client: "198.51.100.7".parse().unwrap(),
                ptr: None,
                agent: "postfix-mta-sts-resolver".to_owned(),
            },
        }),
        ["report", said @ ..] => {
            let id = test.tls_reports.len() + 1;
            test.tls_reports.push(report(id, said));
        }
        ["query", second, rrtype, name, rest @ ..] => {
            let id = test.queries.len() as u64 + 1;
            test.queries.push(Seen {
                shared: rest == ["shared"],
                what: query(id, second, rrtype, name),
            });
        }
        [attempt, second, what, rest @ ..] => {
            let Ok(attempt) = attempt.parse() else {
                return false;
            };
            let id = test.connections.len() as u64 + 1;
            let Some(contact) = connection(id, attempt, second, what, rest) else {
                return false;
            };
            test.connections.push(contact);
        }
        _ => return false,
    }
    true
}

pub fn read_zone(text: &str) -> Option<Zone> {
    Zone::ALL.into_iter().find(|zone| zone.label() == text)
}

fn order(text: &str) -> [Server; 4] {
    let servers: Vec<_> = text
        .chars()
        .map(|digit| server(&digit.to_string()))
        .collect();
    servers.try_into().unwrap()
}

pub fn server(text: &str) -> Server {
    Server::try_from(text.parse::<u8>().unwrap()).unwrap()
}

pub fn empty() -> Test {
    Test {
        id: TestId::from_bits([7; 10]),
        sender: "jim@sender.example".parse().unwrap(),
        token: None,
        language: Language::English,
        state: TestState::Waiting,
        started: at("0"),
        ended: None,
        addressed: Zone::ALL.to_vec(),
        origins: Vec::new(),
        authentication: Default::default(),
        message_ids: Vec::new(),
        date: Some(at("0")),
        signatures: Vec::new(),
        proven: false,
        robot: None,
        orders: Vec::new(),
        order_ttl: 60,
        gaps: Vec::new(),
        connections: Vec::new(),
        queries: Vec::new(),
        fetches: Vec::new(),
        tls_reports: Vec::new(),
    }
}

/// A test starts with the first connection that is its own.
fn finish(test: &mut Test) {
    let own = test.connections.iter().filter(|contact| !contact.shared);
    if let Some(first) = own.map(|contact| contact.connection.started).min() {
        test.started = first;
    }
}
