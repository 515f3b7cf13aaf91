//! The one wake loop: it sleeps until something is due or has changed, and does what is due.

use super::appliance::{Appliance, Presented};
use super::outcome::Outcomes;
use crate::base::Timestamp;
use crate::journal::Batch;
use crate::serve::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// The longest sleep.
const REST: Duration = Duration::from_secs(30);
/// How often the journal notes that the appliance is alive, so that a gap begins where it ended.
const ALIVE: Duration = Duration::from_secs(60);
/// The pause after a change before all is looked at again, so that a flood of changes is one look.
const GATHER: Duration = Duration::from_millis(20);
/// How often records beyond their retention are forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3600);
/// The pause before a renewal that failed is tried again.
const RETRY: Duration = Duration::from_secs(300);

/// Runs until shutdown.
pub async fn run(appliance: &Appliance, outcomes: &Arc<Outcomes>, presented: &Presented, mut shutdown: Shutdown) {
    let changed = appliance.live.changed();
    let mut rounds = Rounds::default();
    let mut turn = 1;
    while !*shutdown.borrow() {
        let now = appliance.clock.now();
        let next = tests(appliance, outcomes, now).await;
        order(appliance, &mut turn, now).await;
        rounds.renew(appliance, presented, now);
        rounds.upkeep(appliance, outcomes, now).await;
        let sleep = next.map_or(REST, |next| until(now, next).min(REST));
        tokio::select! {
            () = changed.notified() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(sleep) => {}
            _ = shutdown.changed() => {}
        }
    }
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Ends tests that time has ended, and begins the results that are due.
async fn tests(appliance: &Appliance, outcomes: &Arc<Outcomes>, now: Timestamp) -> Option<Timestamp> {
    let (due, next) = appliance
        .live
        .step(|desk| {
            let tick = desk.tick(now);
            ((tick.due, tick.next), tick.events)
        })
        .await
        .unwrap_or_default();
    for test in due {
        outcomes.begin(test);
    }
    let rotation = appliance.publisher().current().map(|order| order.time + appliance.config.test.rotation);
    [next, rotation].into_iter().flatten().min()
}

/// Publishes the order of the MX that the tests want, or the next idle one.
async fn order(appliance: &Appliance, turn: &mut usize, now: Timestamp) {
    let wanted = {
        let publisher = appliance.publisher();
        let Some(current) = publisher.current() else {
            return;
        };
        appliance.live.desk().order(now, current, *turn)
    };
    let Some(wanted) = wanted else {
        return;
    };
    let published = appliance.publisher().publish(wanted, appliance.next_serial, now);
    match published {
        Ok(order) => {
            *turn += 1;
            let _ = appliance.live.step(|desk| ((), desk.published(order))).await;
        }
        Err(error) => tracing::error!("the order of the MX stays as it is: {error}"),
    }
}

/// What is done now and then.
#[derive(Default)]
struct Rounds {
    alive: Option<Timestamp>,
    forgot: Option<Timestamp>,
    retry: Option<Timestamp>,
}

impl Rounds {
    /// Renews certificates and signatures that are due.
    fn renew(&mut self, appliance: &Appliance, presented: &Presented, now: Timestamp) {
        let mut publisher = appliance.publisher();
        if publisher.renewal() > now || self.retry.is_some_and(|retry| retry > now) {
            return;
        }
        self.retry = Some(now + RETRY);
        let renewed = publisher.renew(now, &*appliance.random).and_then(|changed| {
            if changed && let Err(error) = presented.replace(&publisher.certs().snapshot()) {
                tracing::error!("the new certificates are not in service: {error}");
            }
            let order = publisher.current().map(|order| order.order);
            match order {
                Some(order) => publisher.publish(order, appliance.next_serial, now).map(|_| ()),
                None => Ok(()),
            }
        });
        match renewed {
            Ok(()) => self.retry = None,
            Err(error) => tracing::error!("certificates or signatures are not renewed: {error}"),
        }
    }

    /// Notes that we are alive, and forgets what is too old.
    async fn upkeep(&mut self, appliance: &Appliance, outcomes: &Outcomes, now: Timestamp) {
        let journal = appliance.live.journal();
        if self.alive.is_none_or(|last| last + ALIVE <= now) {
            self.alive = Some(now);
            let alive = Batch {
                alive: Some(now),
                ..Batch::default()
            };
            if let Err(error) = journal.commit(alive).await {
                tracing::error!("the journal cannot be written: {error}");
            }
        }
        if self.forgot.is_none_or(|last| last + FORGET <= now) {
            self.forgot = Some(now);
            if let Err(error) = journal.expire(now - appliance.config.retention.connections).await {
                tracing::error!("old records stay in the journal: {error}");
            }
            outcomes.expire(now - appliance.config.retention.results).await;
        }
    }
}
