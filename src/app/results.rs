//! The results of tests: as far as they are known, and as they are kept.

use crate::base::{Test, TestId};
use crate::infer;
use crate::journal::{Journal, Space};
use crate::report::{Reply, ReplyState, Report};

/// The result of a test as far as it is known.
pub fn unfinished(test: Test) -> Report {
    Report {
        outbound: infer::outbound(&test),
        test,
        inbound: None,
        reply: Reply {
            state: ReplyState::Queued,
            reason: "the test is not over".to_owned(),
        },
    }
}

/// What to keep of a result: a part of a batch.
///
/// # Errors
/// When it cannot be written.
pub fn kept(report: &Report) -> Result<(Space, String, Vec<u8>), String> {
    let bytes = report.to_stored().map_err(|error| error.to_string())?;
    Ok((Space::Results, report.test.id.to_string(), bytes))
}

/// The stored result of a test.
///
/// # Errors
/// When the journal or the result in it cannot be read.
pub fn find(journal: &Journal, id: &TestId) -> Result<Option<Report>, String> {
    let bytes = journal
        .get(Space::Results, id.as_str())
        .map_err(|error| error.to_string())?;
    bytes
        .map(|bytes| Report::from_stored(&bytes).map_err(|error| format!("{id}: {error}")))
        .transpose()
}

/// Hands over every stored result, one at a time, for together they may be large; blocks for as long as that takes. One
/// that is damaged is passed over, so that it hides no other.
///
/// # Errors
/// When the journal cannot be read.
pub fn each(journal: &Journal, mut each: impl FnMut(Report)) -> Result<(), String> {
    let ids = journal
        .list(Space::Results)
        .map_err(|error| error.to_string())?;
    for id in ids.iter().filter_map(|id| id.parse().ok()) {
        match find(journal, &id) {
            Ok(report) => report.into_iter().for_each(&mut each),
            Err(error) => tracing::error!("a stored result cannot be read: {error}"),
        }
    }
    Ok(())
}
