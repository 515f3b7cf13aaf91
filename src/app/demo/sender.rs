//! A built-in sender: mails both test addresses under its policy, again and again until they are taken.

use super::world::{BASE, Person};
use crate::base::ports::{Clock, Random};
use crate::base::{Mailbox, Policy, Timestamp, Zone};
use crate::dial::Dial;
use crate::dial::deliver::{Delivery, Outcome, Sni, StsCache, deliver};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// From one attempt to the next; above the appliance's `attempt_gap`.
const RETRY: Duration = Duration::from_millis(2_500);

/// A person at work.
pub struct Sender {
    /// Who.
    pub person: Person,
    /// Its way out.
    pub dial: Dial,
    /// Attempts made.
    pub attempts: Arc<AtomicU32>,
}

impl Sender {
    /// Sends until both are taken or refused for good.
    pub async fn run(self, clock: Arc<dyn Clock>, random: Arc<dyn Random>) {
        let policies = StsCache::default();
        let message: Arc<[u8]> = Arc::from(self.message(clock.now()).into_bytes());
        let mut open = Zone::ALL.to_vec();
        while !open.is_empty() {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let mut left = Vec::new();
            for zone in open {
                let mut seed = [0; 8];
                random.fill(&mut seed);
                let Ok(to) = Mailbox::parse(&recipient(zone)) else {
                    continue;
                };
                let delivery = Delivery {
                    from: Some(self.person.mailbox.clone()),
                    sni: self.sni(),
                    ..Delivery::new(
                        self.person.policy,
                        to,
                        Arc::clone(&message),
                        self.dial.settings().helo.clone(),
                        u64::from_le_bytes(seed),
                    )
                };
                let outcome = deliver(&self.dial, &delivery, &policies, &*clock, &mut |progress| {
                    tracing::debug!("{}: {progress}", self.person.policy);
                })
                .await;
                match outcome {
                    Outcome::Delivered { .. } => {}
                    Outcome::Failed(why) => tracing::warn!("{}: {why}", self.person.mailbox),
                    Outcome::Deferred(_) | Outcome::Stopped { .. } => left.push(zone),
                }
            }
            open = left;
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Postfix at `verify` names no host unless it is told to, and so tells itself from MTA-STS.
    fn sni(&self) -> Sni {
        if self.person.policy == Policy::Verify {
            Sni::Never
        } else {
            Sni::default()
        }
    }

    fn message(&self, now: Timestamp) -> String {
        let Person { mailbox, .. } = &self.person;
        let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
        format!(
            "From: {mailbox}\r\nTo: {}, {}\r\nSubject: How well is my mail protected?\r\nDate: {date}\r\nMessage-ID: <demo@{}>\r\n\r\nPlease tell me.\r\n",
            recipient(Zone::Et),
            recipient(Zone::Ut),
            mailbox.domain,
        )
    }
}

fn recipient(zone: Zone) -> String {
    format!("en@{zone}.{BASE}")
}
