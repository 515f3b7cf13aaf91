//! Whether the journal bears out what was said.

use crate::account::{Account, Claim, Said};
use mailproof::base::{Connection, Event, Status, TestId, Timestamp};
use mailproof::journal::{Journal, Space};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

/// A connection, as far as it is asked about.
struct Row {
    from: String,
    status: Status,
    bare_lf: bool,
}

/// What became of a test.
#[derive(Default)]
struct Test {
    from: String,
    acknowledged: usize,
    expired: usize,
    reported: usize,
}

#[derive(Default)]
struct Evidence {
    events: usize,
    ids: BTreeSet<u64>,
    rows: Vec<Row>,
    by_number: HashMap<u64, usize>,
    by_message: HashMap<String, usize>,
    by_ehlo: HashMap<String, Vec<usize>>,
    tests: BTreeMap<TestId, Test>,
    /// By which connection each test was opened.
    opened: Vec<(TestId, u64)>,
}

/// What was found, for a person.
pub struct Found {
    events: usize,
    connections: usize,
    tests: usize,
    claims: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} replies found among {} events, {} connections, {} tests",
            self.claims, self.events, self.connections, self.tests
        )
    }
}

/// Holds all that was said against a journal that nobody writes.
pub fn check(path: &Path, account: &Account) -> Found {
    let (journal, _) = Journal::open(path, Timestamp::now()).unwrap();
    let mut evidence = Evidence::default();
    journal.replay(|event| evidence.take(event)).unwrap();
    evidence.check_tests(&journal.list(Space::Results).unwrap());
    let claims = account.all();
    let wrong: Vec<_> = claims
        .iter()
        .filter_map(|claim| Some((claim, evidence.contradiction(claim)?)))
        .take(10)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    Found {
        events: evidence.events,
        connections: evidence.rows.len(),
        tests: evidence.tests.len(),
        claims: claims.len(),
    }
}

impl Evidence {
    fn take(&mut self, event: Event) {
        self.events += 1;
        match event {
            Event::Connection(record) => self.connection(*record),
            Event::Opened { test, by, .. } => {
                let again = self.tests.insert(test.clone(), Test::default());
                assert!(again.is_none(), "{test} was opened twice");
                self.opened.push((test, by.0));
            }
            Event::Acknowledged { test, .. } => self.test(&test).acknowledged += 1,
            Event::Expired { test, .. } => self.test(&test).expired += 1,
            Event::Reported { test, .. } => self.test(&test).reported += 1,
            _ => {}
        }
    }

    fn test(&mut self, id: &TestId) -> &mut Test {
        self.tests.get_mut(id).expect("a test that was opened")
    }

    fn connection(&mut self, record: Connection) {
        assert!(self.ids.insert(record.id.0), "{} twice", record.id);
        let place = self.rows.len();
        self.by_number.insert(record.id.0, place);
        if let Some(message) = record.message.and_then(|facts| facts.message_id) {
            let other = self.by_message.insert(message, place);
            assert!(
                other.is_none(),
                "{}: its message is in another record",
                record.id
            );
        }
        if let Some(ehlo) = record.ehlo {
            self.by_ehlo.entry(ehlo).or_default().push(place);
        }
        self.rows.push(Row {
            from: record
                .from
                .flatten()
                .map(|from| from.to_string())
                .unwrap_or_default(),
            status: record.status,
            bare_lf: record.oddities.iter().any(|code| code == "bare-lf"),
        });
    }

    /// Each test ends once and has one result at most; the results' keys are sorted.
    fn check_tests(&mut self, results: &[String]) {
        for (test, by) in std::mem::take(&mut self.opened) {
            let place = self.by_number.get(&by);
            let place =
                place.unwrap_or_else(|| panic!("{test} was opened by c{by}, which is lost"));
            self.test(&test).from = self.rows[*place].from.clone();
        }
        let mut reported = 0;
        for (id, test) in &self.tests {
            assert!(test.acknowledged + test.expired <= 1, "{id} ended twice");
            assert!(test.reported <= 1, "{id} was reported twice");
            let kept = results.binary_search(&id.to_string()).is_ok();
            assert_eq!(
                kept,
                test.reported == 1,
                "{id}: a result and no report, or the other way round"
            );
            reported += test.reported;
        }
        assert_eq!(results.len(), reported, "results without a test");
    }

    /// Why the journal does not bear out what was said.
    fn contradiction(&self, claim: &Claim) -> Option<&'static str> {
        let Some(message) = &claim.message else {
            let places = self.by_ehlo.get(&claim.ehlo).map(Vec::as_slice);
            let mail = |place: &&usize| {
                let row = &self.rows[**place];
                row.from == claim.from && row.status >= Status::Mail
            };
            let found = places.unwrap_or_default().iter().find(mail);
            return found.is_none().then_some("no record of the mail");
        };
        let Some(row) = self.by_message.get(message).map(|place| &self.rows[*place]) else {
            return Some("no record of the message");
        };
        let test = |id: &String| self.tests.get(&id.parse::<TestId>().ok()?);
        match &claim.said {
            _ if row.from != claim.from => Some("the record is of another sender"),
            Said::Accepted(id) => match test(id) {
                _ if row.status != Status::Acked => Some("the record says nothing of a 250"),
                None => Some("the test is not known"),
                Some(test) if test.from != claim.from => Some("the test is another's"),
                Some(test) if test.acknowledged != 1 => Some("the test was not acknowledged"),
                Some(_) => None,
            },
            Said::Later if row.status != Status::Mail => Some("the record says 250"),
            Said::Refused if !row.bare_lf => Some("the record does not say why"),
            Said::Refused if row.status != Status::Mail => Some("the record says 250"),
            _ => None,
        }
    }
}
