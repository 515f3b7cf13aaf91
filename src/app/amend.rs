//! Stored results are given the TLS reports that came after them, and are judged anew. No mail is sent for that.

use super::live::Live;
use super::results::{self, kept};
use crate::base::TestId;
use crate::infer;
use crate::journal::Batch;
use crate::serve::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The least pause between two looks through the results, which is ten times as long as the last one took.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks through the results now, for reports may have come before the last stop, and whenever reports came; until
/// shutdown.
pub async fn run(live: Arc<Live>, came: Arc<Notify>, mut shutdown: Shutdown) {
    came.notify_one();
    let mut pause = Duration::ZERO;
    loop {
        let next = async {
            tokio::time::sleep(pause).await;
            came.notified().await;
        };
        tokio::select! {
            () = next => {}
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
        let begun = Instant::now();
        if let Err(error) = all(&live).await {
            tracing::error!("results lack TLS reports: {error}");
            // They are tried again.
            came.notify_one();
        }
        pause = PAUSE.max(begun.elapsed() * 10);
    }
}

/// Amends all results that lack reports.
async fn all(live: &Arc<Live>) -> Result<(), String> {
    if !live.desk().has_reports() {
        return Ok(());
    }
    let reader = Arc::clone(live);
    let look = move || {
        let mut lacking = Vec::new();
        results::each(reader.journal(), |mut report| {
            if reader.desk().report_to(&mut report.test) {
                lacking.push(report.test.id);
            }
        })
        .map(|()| lacking)
    };
    let lacking = tokio::task::spawn_blocking(look).await;
    for id in lacking.map_err(|error| error.to_string())?? {
        one(live, &id).await?;
    }
    Ok(())
}

/// Amends the result of a test if it lacks reports; one that is gone stays gone.
///
/// # Errors
/// When the journal cannot be read or written.
pub async fn one(live: &Live, id: &TestId) -> Result<(), String> {
    if !live.desk().has_reports() {
        return Ok(());
    }
    // Nobody else changes a result meanwhile, nor erases one.
    let _alone = live.results.write().await;
    let Some(mut report) = results::find(live.journal(), id)? else {
        return Ok(());
    };
    if !live.desk().report_to(&mut report.test) {
        return Ok(());
    }
    report.outbound = infer::outbound(&report.test);
    let batch = Batch {
        puts: vec![kept(&report)?],
        ..Batch::default()
    };
    let committed = live.journal().commit(batch).await;
    committed.map_err(|error| error.to_string())?;
    tracing::info!("test {id}: its result has further TLS reports");
    Ok(())
}
