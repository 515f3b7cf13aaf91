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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::outcome::tests::{NOW, of, over};
    use crate::base::{Domain, ReportVia, TakenReport, Timestamp, TlsReport};
    use crate::journal::Space;

    /// A report on the hour of the test, by this organisation.
    fn report(organisation: &str) -> TakenReport {
        let time = |second| Timestamp::from_second(NOW + second).unwrap();
        TakenReport {
            time: time(3600),
            via: ReportVia::Mail,
            domain: Domain::parse(organisation).unwrap(),
            authenticated: true,
            report: TlsReport {
                id: "1".to_owned(),
                organisation: String::new(),
                from: time(0),
                until: time(3600),
                policies: Vec::new(),
            },
        }
    }

    fn reports(live: &Live, id: &TestId) -> Option<usize> {
        let report = results::find(live.journal(), id).unwrap()?;
        Some(report.test.tls_reports.len())
    }

    #[tokio::test]
    async fn a_report_that_comes_while_a_result_is_made_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let outcomes = of(&appliance);
        let live = &appliance.live;
        let making = {
            // Nobody may commit a result yet, so that it is ready when the report comes.
            let _alone = live.results.write().await;
            let (maker, id) = (Arc::clone(&outcomes), test.clone());
            let making = tokio::spawn(async move { maker.make(&id).await });
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            let taken = |organisation| live.desk().tls_report(report(organisation)).unwrap();
            assert_eq!(
                taken("sender.example").len() + taken("other.example").len(),
                2
            );
            all(live).await.unwrap();
            assert_eq!(reports(live, &test), None, "there is no result yet");
            making
        };
        making.await.unwrap().unwrap();
        assert_eq!(reports(live, &test), Some(1));
    }

    #[tokio::test]
    async fn results_are_amended_once_and_a_damaged_one_hinders_none() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let live = &appliance.live;
        of(&appliance).make(&test).await.unwrap();
        let damaged = TestId::from_bits([0; 10]).to_string();
        let put = live.journal().put(Space::Results, &damaged, vec![9]);
        put.await.unwrap();
        live.desk()
            .tls_report(report("mail.sender.example"))
            .unwrap();
        let before = live.journal().commits();
        all(live).await.unwrap();
        assert_eq!(
            (reports(live, &test), live.journal().commits()),
            (Some(1), before + 1)
        );
        all(live).await.unwrap();
        assert_eq!(
            (reports(live, &test), live.journal().commits()),
            (Some(1), before + 1)
        );
        live.journal()
            .remove(Space::Results, test.as_str())
            .await
            .unwrap();
        one(live, &test).await.unwrap();
        assert_eq!(reports(live, &test), None, "what is erased stays erased");
    }
}
