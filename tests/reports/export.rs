//! A test handed out as a document, from which its verdict can be derived again.

use crate::scene::{DANE, at, report, test};
use mailproof::base::*;
use mailproof::infer::outbound;
use mailproof::report::{Export, Report};

/// A test with everything in it that a test can have.
fn full() -> Test {
    let mut test = test(&DANE);
    let jim: Mailbox = "\"j \\\"m\"@example.net".parse().unwrap();
    test.token = Some("0123456789abcdef".to_owned());
    test.language = Language::German;
    test.state = TestState::Expired;
    test.origins.push(Origin::Network(
        "2001:db8::".parse().unwrap(),
        "[ipv6:2001:db8::1]".to_owned(),
    ));
    test.robot = Some(Robot::AutoSubmitted);
    test.gaps = vec![Gap {
        from: at(1),
        until: at(2),
        what: GapKind::Queries,
        network: Some("198.51.100.0".parse().unwrap()),
    }];
    test.fetches = vec![Seen {
        shared: true,
        what: Fetch {
            id: FetchId(u64::MAX),
            time: at(3),
            client: "2001:db8::9".parse().unwrap(),
            ptr: Some("mail.example.net".parse().unwrap()),
            agent: "Ügent \"1\"\n".to_owned(),
        },
    }];
    let last = test.connections.len() - 1;
    let null = &mut test.connections[0].connection;
    null.from = Some(None);
    null.close = Some(Close::Incompatible("tls1.0".to_owned()));
    let connection = &mut test.connections[last].connection;
    connection.from = Some(Some(jim.clone()));
    connection.parameters = vec!["SIZE=2048".to_owned(), "SMTPUTF8".to_owned()];
    connection.oddities = vec!["bare-lf".to_owned()];
    connection.close = Some(Close::Alert(48));
    connection.via = Some(Via::Address);
    connection.started = at(0) + std::time::Duration::from_nanos(123_456_789);
    connection.message = Some(MessageFacts {
        message_id: Some("1@example.net".to_owned()),
        date: Some(at(-1)),
        header_from: Some(jim),
        addressed: Zone::ALL.to_vec(),
        signatures: vec!["Dkim".to_owned(), "Arc".to_owned()],
        authentication: test.authentication.clone(),
        robot: Some(Robot::Loop),
    });
    test
}

#[test]
fn an_export_reads_back_to_the_same_test_and_the_same_verdict() {
    for test in [full(), test(&DANE), test(&[])] {
        let document = serde_json::to_string_pretty(&Export::new(test.clone())).unwrap();
        let read: Export = serde_json::from_str(&document).unwrap();
        assert_eq!(read, Export::new(test.clone()));
        assert_eq!(outbound(&read.test), outbound(&test));
    }
}

#[test]
fn a_stored_result_is_exported_with_what_its_verdict_came_of() {
    let kept = report(&DANE, None);
    let stored = Report::from_stored(&kept.to_stored().unwrap()).unwrap();
    let document = serde_json::to_value(Export::new(stored.test)).unwrap();
    assert_eq!(document["format"], "mailproof-test");
    assert_eq!(document["version"], 1);
    let read: Export = serde_json::from_value(document).unwrap();
    assert_eq!(outbound(&read.test), kept.outbound);
}

#[test]
fn another_document_is_not_taken_for_an_export() {
    let good = serde_json::to_value(Export::new(test(&DANE))).unwrap();
    for (key, value) in [
        ("format", "another-test".into()),
        ("version", "1".into()),
        ("test", serde_json::Value::Null),
    ] {
        let mut document = good.clone();
        document[key] = value;
        assert!(serde_json::from_value::<Export>(document).is_err(), "{key}");
    }
}
