//! Every row of `tests/inference/*.txt`: evidence as text, and the verdict it must lead to.
//!
//! A row begins with `test NAME`; `#` begins a comment. Its lines:
//!
//! ```text
//! addressed et ut                       both when missing; `none` for not seen
//! date SECOND | date none               the message's Date, 0 when missing
//! orders 0 5436 300 3654                MX orders and the second of their publication
//! ttl 60                                for how long a resolver may keep one
//! gap connections FROM UNTIL            or `queries`
//! fetch SECOND [shared]                 a fetch of the policy
//! query SECOND TYPE NAME [shared]       a DNS query
//! report ZONE:TYPE... [unproven]        a TLS report of the sender's organisation; TYPE as in RFC 8460 4.4, or `other`
//! ATTEMPT SECOND window ZONE mail|left|WAY [SERVER]              STARTTLS withheld; ZONE is et, ut or ? (no recipient)
//! ATTEMPT SECOND clear ZONE mail|left|WAY [SERVER]               STARTTLS offered, not used; SERVER is met at its own address
//! ATTEMPT SECOND tls SERVER took|refused|WAY [nosni|own|ca|et|ut|started|greeted|outside|unoffered]...
//! ```
//!
//! In TLS, servers 3 to 7 are named by SNI and 2 is not; `own` is an address of its own, `nosni` leaves the name out,
//! `ca` presents the certificate of `ut` on a connection without SNI. `WAY` is another ending as in JSON, or `open` while
//! there is none; with it the handshake was completed if `started`, and EHLO came inside TLS if `greeted`; the last command came
//! in clear text if `outside`, and STARTTLS was used without being offered if `unoffered`. Any connection
//! may be `single` (one without MAIL is shared otherwise), `foreign`, `stale` (evidence of nothing), `mute` (it never
//! greeted), `from` (MAIL and no RCPT) and have an `odd:CODE`. `replay --row` writes such rows.
//!
//! Then what must follow: `policy`, and where it matters `candidates`,
//! `confidence`, `plaintext ET UT`, `servers 3 4 5 6`, `waiting`, `rating`, and `coverage FIELD VALUE`; `findings` are all of them, always.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod evidence;
mod expectation;
mod random;
mod reader;

use mailproof::base::{Policy, Test};
use mailproof::infer::{self, coverage, outbound, passed_over};
use random::Random;
use reader::{Row, read};
use std::path::Path;

fn all_rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inference");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            let name = file.file_name().unwrap().to_string_lossy();
            read(&name, &std::fs::read_to_string(file).unwrap())
        })
        .collect()
}

#[test]
fn every_row_leads_to_its_verdict() {
    let rows = all_rows();
    assert!(rows.len() >= 100, "only {} rows", rows.len());
    let wrong: Vec<_> = rows
        .iter()
        .flat_map(|row| {
            let verdict = outbound(&row.test);
            let place = format!("{}: {}", row.place, row.name);
            row.expected
                .differences(&verdict, &coverage(&row.test))
                .into_iter()
                .map(move |difference| format!("{place}: {difference}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_row_is_written_as_it_is_read() {
    for row in all_rows() {
        let (verdict, seen) = (outbound(&row.test), coverage(&row.test));
        let text = infer::row(&row.test, &verdict, &seen);
        let [again] = &read("written", &text)[..] else {
            panic!("{text}");
        };
        assert_eq!(outbound(&again.test), verdict, "{}:\n{text}", row.name);
        assert_eq!(coverage(&again.test), seen, "{}:\n{text}", row.name);
        let differences = again.expected.differences(&verdict, &seen);
        assert!(differences.is_empty(), "{}: {differences:?}", row.name);
    }
}

#[test]
fn neither_order_nor_repetition_matters() {
    let mut random = Random::new(0x6d61_696c_7072_6f6f);
    for row in all_rows() {
        let verdict = outbound(&row.test);
        for _ in 0..20 {
            let disturbed = disturb(&mut random, &row.test);
            assert_eq!(outbound(&disturbed), verdict, "{}", row.name);
            assert_eq!(coverage(&disturbed), coverage(&row.test), "{}", row.name);
            assert_eq!(
                passed_over(&disturbed),
                passed_over(&row.test),
                "{}",
                row.name
            );
        }
    }
}

#[test]
fn a_verdict_is_never_bettered_by_more_evidence() {
    // The weakest behaviour counts, so a policy once named may only give way to a weaker one or to none. Two
    // exceptions: who never tried TLS may begin to, and who learns of a policy late keeps it from then on.
    for row in all_rows() {
        let mut last = None;
        for length in 0..=row.test.connections.len() {
            let mut test = row.test.clone();
            test.connections.truncate(length);
            let verdict = outbound(&test);
            if let (Some(before), Some(now)) = (last, verdict.policy) {
                let exempt = before == Policy::None || row.expected.learns_late();
                assert!(
                    now <= before || exempt,
                    "{}: {before} became {now} at {length}",
                    row.name
                );
            }
            last = verdict.policy.or(last);
        }
    }
}

/// The same evidence handed in differently.
fn disturb(random: &mut Random, test: &Test) -> Test {
    let mut test = test.clone();
    // What was known of a connection before its end may stand beside what is known after it.
    for place in 0..test.connections.len() {
        let mut early = test.connections[place].clone();
        early.connection.ended = None;
        early.connection.close = None;
        early.connection.status = Default::default();
        early.connection.from = None;
        test.connections.push(early);
    }
    random.shuffle(&mut test.connections);
    random.shuffle(&mut test.orders);
    random.shuffle(&mut test.queries);
    random.shuffle(&mut test.fetches);
    random.shuffle(&mut test.tls_reports);
    random.shuffle(&mut test.gaps);
    test
}
