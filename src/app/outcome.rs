//! From a test that is over to its stored result and its result mail.

use super::appliance::Appliance;
use super::live::Live;
use crate::base::ports::Clock;
use crate::base::{Test, TestId, Timestamp};
use crate::dial::Dial;
use crate::infer;
use crate::journal::{Batch, Journal, Space};
use crate::report::{Reply, ReplyState, Report};
use crate::serve::Shutdown;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Makes results, each test's once.
pub struct Outcomes {
    live: Arc<Live>,
    dial: Dial,
    clock: Arc<dyn Clock>,
    in_hand: Mutex<BTreeSet<TestId>>,
}

impl Outcomes {
    /// For the tests of this appliance.
    pub fn new(appliance: &Appliance, dial: Dial) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Self {
            live: Arc::clone(&appliance.live),
            dial,
            clock: Arc::clone(&appliance.clock),
            in_hand: Mutex::default(),
        }))
    }

    /// Begins the result of a test, unless it is in hand already.
    pub fn begin(self: &Arc<Self>, test: TestId) {
        let fresh = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(test.clone());
        if fresh {
            let outcomes = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = outcomes.make(&test).await {
                    tracing::error!("test {test}: no result yet: {error}");
                }
                outcomes.in_hand.lock().unwrap_or_else(PoisonError::into_inner).remove(&test);
            });
        }
    }

    async fn make(&self, id: &TestId) -> Result<(), String> {
        let Some(test) = self.live.desk().test(id) else {
            return Ok(());
        };
        let report = unfinished(test);
        let now = self.clock.now();
        let bytes = report.to_stored().map_err(|error| error.to_string())?;
        let batch = Batch {
            puts: vec![(Space::Results, id.to_string(), bytes)],
            ..Batch::default()
        };
        self.live
            .step_with(batch, |desk| ((), desk.reported(id, now)))
            .await
            .map_err(|_| "the journal cannot be written".to_owned())
    }

    /// Sends what is queued, until shutdown.
    pub async fn send_queued(self: Arc<Self>, mut shutdown: Shutdown) {
        let _ = shutdown.wait_for(|stop| *stop).await;
        let _ = &self.dial;
    }

    /// Forgets results of tests that began before this.
    pub async fn expire(&self, before: Timestamp) {
        let journal = self.live.journal();
        let old = stored(journal).unwrap_or_default();
        for report in old.iter().filter(|report| report.test.started < before) {
            if let Err(error) = journal.remove(Space::Results, report.test.id.as_str()).await {
                tracing::error!("an old result stays: {error}");
            }
        }
    }
}

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

/// The stored result of a test.
pub fn find(journal: &Journal, id: &TestId) -> Result<Option<Report>, String> {
    let bytes = journal.get(Space::Results, id.as_str()).map_err(|error| error.to_string())?;
    bytes
        .map(|bytes| Report::from_stored(&bytes).map_err(|error| error.to_string()))
        .transpose()
}

/// Every stored result.
pub fn stored(journal: &Journal) -> Result<Vec<Report>, String> {
    let ids = journal.list(Space::Results).map_err(|error| error.to_string())?;
    let mut reports = Vec::new();
    for id in ids {
        let bytes = journal.get(Space::Results, &id).map_err(|error| error.to_string())?;
        if let Some(bytes) = bytes {
            reports.push(Report::from_stored(&bytes).map_err(|error| format!("{id}: {error}"))?);
        }
    }
    Ok(reports)
}
