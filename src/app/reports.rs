//! TLS reports of others: read, their organisation looked for, and committed before they are answered.

use super::live::Live;
use crate::base::ports::{Answer, Clock, Envelope, Judge, Kept, NotTaken, Reports, Unavailable};
use crate::base::{Domain, Packing, ReportVia, TakenReport, TlsReport, limits};
use crate::desk::{Desk, Full};
use crate::dial::Dial;
use crate::serve::pace::Pace;
use crate::spec::tlsrpt;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};

/// The port.
pub struct Intake {
    live: Arc<Live>,
    judge: Arc<dyn Judge>,
    dial: Dial,
    clock: Arc<dyn Clock>,
    base_domain: Domain,
    readers: Semaphore,
    pace: Pace,
    came: Arc<Notify>,
}

impl Intake {
    /// For reports on the domains below `base_domain`; tells by `came` of those that are new.
    pub fn new(
        live: Arc<Live>,
        judge: Arc<dyn Judge>,
        dial: Dial,
        clock: Arc<dyn Clock>,
        base_domain: Domain,
        came: Arc<Notify>,
    ) -> Self {
        Self {
            live,
            judge,
            dial,
            clock,
            base_domain,
            readers: Semaphore::new(limits::TLS_REPORT_READERS),
            pace: Pace::per_minute(limits::TLS_REPORT_RATE).in_all(limits::TLS_REPORT_RATE_IN_ALL),
            came,
        }
    }

    async fn by_mail(&self, envelope: &Envelope, message: &[u8]) -> Result<Kept, NotTaken> {
        let _reader = self.readers.try_acquire().map_err(|_| NotTaken::TooMany)?;
        self.paced(envelope.client)?;
        let mailed = tlsrpt::mailed(message, &self.base_domain)?;
        let report = self.timely(mailed.content.report)?;
        let facts = self.judge.judge(envelope, message).await;
        let domain = tlsrpt::signer(&facts, &mailed.submitters)?;
        self.keep(report, ReportVia::Mail, (domain, true)).await
    }

    async fn by_post(
        &self,
        client: IpAddr,
        packing: Packing,
        body: &[u8],
    ) -> Result<Kept, NotTaken> {
        let _reader = self.readers.try_acquire().map_err(|_| NotTaken::TooMany)?;
        self.paced(client)?;
        let content = tlsrpt::read(packing, body, &self.base_domain)?;
        let report = self.timely(content.report)?;
        let names = self.dial.resolver().reverse(client).await.records;
        let whose = tlsrpt::poster(content.claimed, &names)?;
        self.keep(report, ReportVia::Https, whose).await
    }

    fn paced(&self, client: IpAddr) -> Result<(), NotTaken> {
        self.pace.allow(client).map_err(|_| NotTaken::TooMany)
    }

    fn timely(&self, report: TlsReport) -> Result<TlsReport, NotTaken> {
        tlsrpt::timely(&report, self.clock.now())?;
        Ok(report)
    }

    async fn keep(
        &self,
        report: TlsReport,
        via: ReportVia,
        (domain, authenticated): (Domain, bool),
    ) -> Result<Kept, NotTaken> {
        let taken = TakenReport {
            time: self.clock.now(),
            via,
            domain,
            authenticated,
            report,
        };
        let step = |desk: &mut Desk| match desk.tls_report(taken) {
            Ok(events) if events.is_empty() => (Ok(Kept::Before), events),
            Ok(events) => (Ok(Kept::New), events),
            Err(Full) => (Err(NotTaken::TooMany), Vec::new()),
        };
        let kept = self.live.step(step).await;
        // What could not be committed now is so later, and is here already.
        if matches!(kept, Ok(Ok(Kept::New)) | Err(Unavailable)) {
            self.came.notify_one();
        }
        match kept {
            Ok(Ok(Kept::Before)) if self.live.waiting() > 0 => Err(NotTaken::Unavailable),
            Ok(kept) => kept,
            Err(Unavailable) => Err(NotTaken::Unavailable),
        }
    }
}

impl Reports for Intake {
    fn mailed<'a>(
        &'a self,
        envelope: &'a Envelope,
        message: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        Box::pin(self.by_mail(envelope, message))
    }

    fn posted<'a>(
        &'a self,
        client: IpAddr,
        packing: Packing,
        body: &'a [u8],
    ) -> Answer<'a, Result<Kept, NotTaken>> {
        Box::pin(self.by_post(client, packing, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::live::tests::live;
    use crate::base::{Event, Timestamp};
    use crate::dial;
    use crate::dial::judge::MailJudge;
    use std::sync::atomic::Ordering;

    #[tokio::test]
    async fn what_cannot_be_committed_is_not_said_to_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (live, full, clock) = live(folder.path());
        let base_domain = Domain::parse("example.org").unwrap();
        let dial = Dial::new(dial::Settings::default()).unwrap();
        let came = Arc::new(Notify::new());
        let intake = Intake::new(
            Arc::clone(&live),
            Arc::new(MailJudge::new(dial.clone(), base_domain.clone())),
            dial,
            Arc::<crate::app::live::tests::Hands>::clone(&clock),
            base_domain,
            Arc::clone(&came),
        );
        let report = TlsReport {
            id: "1".to_owned(),
            organisation: String::new(),
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            policies: Vec::new(),
        };
        let keep = async || {
            let whose = Domain::parse("sender.example").unwrap();
            let (report, via) = (report.clone(), ReportVia::Mail);
            intake.keep(report, via, (whose, true)).await
        };
        full.store(true, Ordering::SeqCst);
        assert_eq!(keep().await, Err(NotTaken::Unavailable));
        came.notified().await;
        assert_eq!(
            keep().await,
            Err(NotTaken::Unavailable),
            "it is here, and not committed"
        );
        full.store(false, Ordering::SeqCst);
        clock.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(keep().await, Ok(Kept::Before));
        let mut committed = 0;
        let each = |event| committed += usize::from(matches!(event, Event::TlsReport(_)));
        live.journal().replay(each).unwrap();
        assert_eq!(committed, 1);
    }
}
