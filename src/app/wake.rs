//! The one wake loop: it sleeps until something is due or has changed, and does what is due.

use super::alarm::Alarm;
use super::appliance::Appliance;
use super::certifier::Certifier;
use super::outcome::Outcomes;
use crate::base::{Order, Timestamp};
use crate::journal::Batch;
use crate::serve::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// The longest sleep.
const REST: Duration = Duration::from_secs(30);
/// How often the journal notes that the appliance is alive, so that a gap begins where it ended.
const ALIVE: Duration = Duration::from_secs(60);
/// The pause after a change before all is looked at again, so that a flood of changes is one look.
const GATHER: Duration = Duration::from_millis(250);
/// The pause before what is still due, because it failed, is tried again; what was done wakes the loop at once.
const AGAIN: Duration = Duration::from_secs(1);
/// How often records beyond their retention are forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3600);
/// The pause before a renewal that failed is tried again.
const RETRY: Duration = Duration::from_secs(300);

/// Runs until shutdown.
pub async fn run(
    appliance: &Appliance,
    outcomes: &Arc<Outcomes>,
    certifier: &Arc<Certifier>,
    alarm: &Alarm,
    mut shutdown: Shutdown,
) {
    let changed = appliance.live.changed();
    let mut rounds = Rounds::default();
    let mut turn = 1;
    while !*shutdown.borrow() {
        let now = appliance.clock.now();
        let next = tests(appliance, outcomes, now).await;
        order(appliance, &mut turn, now).await;
        rounds.renew(appliance, certifier, now).await;
        let certificates = certifier.look(&shutdown);
        rounds.upkeep(appliance, outcomes, now).await;
        let sleep = match [next, certificates].into_iter().flatten().min() {
            // What could not be written is tried again in every round.
            _ if appliance.live.waiting() > 0 => AGAIN,
            Some(next) if next > now => until(now, next).min(REST),
            Some(_) => AGAIN,
            None => REST,
        };
        tokio::select! {
            () = changed.notified() => tokio::time::sleep(GATHER).await,
            () = slept(alarm, appliance.clock.now() + sleep) => {}
            _ = shutdown.changed() => {}
        }
    }
}

/// Waits for a time of day, or until the clock was set or the machine woke up: then all that may be due is looked at.
async fn slept(alarm: &Alarm, time: Timestamp) {
    if let Err(error) = alarm.until(time).await {
        tracing::warn!(%error, "no alarm can be set");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether the pause since the last time is over; it is when the clock was set back, too.
fn is_over(last: Option<Timestamp>, pause: Duration, now: Timestamp) -> bool {
    last.is_none_or(|last| now < last || until(last, now) >= pause)
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// Ends tests that time has ended, and begins the results that are due.
async fn tests(
    appliance: &Appliance,
    outcomes: &Arc<Outcomes>,
    now: Timestamp,
) -> Option<Timestamp> {
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
    let rotation = appliance
        .publisher()
        .current()
        .map(|order| order.time + appliance.config.test.rotation);
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
    let published = appliance
        .publisher()
        .publish(wanted, appliance.last_serial, now);
    match published {
        Ok(order) => {
            *turn += 1;
            note(appliance, order).await;
        }
        Err(error) => tracing::error!("the order of the MX stays as it is: {error}"),
    }
}

/// Notes an order with its serial, which the next start must not fall behind.
async fn note(appliance: &Appliance, order: Order) {
    let _ = appliance
        .live
        .step(|desk| ((), desk.published(order)))
        .await;
}

/// What is done now and then.
#[derive(Default)]
struct Rounds {
    alive: Option<Timestamp>,
    forgot: Option<Timestamp>,
    failed: Option<Timestamp>,
}

impl Rounds {
    /// Renews certificates and signatures that are due.
    async fn renew(&mut self, appliance: &Appliance, certifier: &Certifier, now: Timestamp) {
        if !is_over(self.failed, RETRY, now) {
            return;
        }
        let renewed = certifier.renew().and_then(|renewed| {
            let mut publisher = appliance.publisher();
            let due = renewed || publisher.is_due(now);
            let order = publisher.current().filter(|_| due).map(|order| order.order);
            order
                .map(|order| publisher.publish(order, appliance.last_serial, now))
                .transpose()
        });
        self.failed = renewed.is_err().then_some(now);
        match renewed {
            Ok(Some(order)) => note(appliance, order).await,
            Ok(None) => {}
            Err(error) => tracing::error!("certificates or signatures are not renewed: {error}"),
        }
    }

    /// Notes that we are alive, and forgets what is too old.
    async fn upkeep(&mut self, appliance: &Appliance, outcomes: &Outcomes, now: Timestamp) {
        let journal = appliance.live.journal();
        if is_over(self.alive, ALIVE, now) {
            self.alive = Some(now);
            let alive = Batch {
                alive: Some(now),
                ..Batch::default()
            };
            if let Err(error) = journal.commit(alive).await {
                tracing::error!("the journal cannot be written: {error}");
            }
        }
        if is_over(self.forgot, FORGET, now) {
            self.forgot = Some(now);
            // A test keeps its evidence, over a restart as well.
            let wanted = appliance.live.desk().horizon(now);
            let before = wanted.min(now - appliance.config.retention.connections);
            if let Err(error) = journal.expire(before).await {
                tracing::error!("old records stay in the journal: {error}");
            }
            outcomes
                .expire(now - appliance.config.retention.results)
                .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::presented::Presented;
    use super::super::world::SystemBits;
    use super::super::{World, publish};
    use super::*;
    use crate::base::ports::Clock;
    use crate::base::{Connection, ConnectionId, Server};
    use crate::config::Config;
    use crate::desk::Desk;
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};

    struct Hands(AtomicI64);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
        }
    }

    fn appliance(home: &Path, clock: &Arc<Hands>) -> Appliance {
        let text = "base_domain = \"example.org\"\n[network]\naddresses = [\"192.0.2.25\"]\n\
                    [certificates]\nissuer = \"internal\"\n[reply]\noperator = \"a@example.org\"\n";
        let config = Config::parse(&home.join("mailproof.toml"), text).unwrap();
        std::fs::create_dir_all(home.join("zones")).unwrap();
        for zone in ["et", "ut"] {
            std::fs::write(home.join(format!("zones/{zone}.zone")), "").unwrap();
        }
        let world = World {
            clock: Arc::<Hands>::clone(clock),
            random: Arc::new(SystemBits::open().unwrap()),
        };
        let operator = publish::operator(&config).unwrap();
        Appliance::open(config, operator, world).unwrap()
    }

    fn serial(appliance: &Appliance) -> u32 {
        appliance.publisher().current().unwrap().serial
    }

    #[tokio::test]
    async fn a_clock_set_back_leaves_no_signature_in_the_future_and_no_serial_behind() {
        let home = tempfile::tempdir().unwrap();
        let year = 365 * 24 * 3600;
        let clock = Arc::new(Hands(AtomicI64::new(1_800_000_000 + year)));
        let first = appliance(home.path(), &clock);
        first.publish_first().await.unwrap();
        let certificates = first.publisher().certs().snapshot();
        let presented = Presented::new(&first.config, &certificates).unwrap();
        let dial = super::super::way_out::dial(&first.config).unwrap();
        let certifier = first.certifier(&dial, &Arc::new(presented)).unwrap();
        let wrong = serial(&first);
        let mut rounds = Rounds::default();
        rounds.renew(&first, &certifier, clock.now()).await;
        assert_eq!(serial(&first), wrong, "nothing is due");

        clock.0.fetch_sub(year, Ordering::Relaxed);
        rounds.renew(&first, &certifier, clock.now()).await;
        assert_eq!(serial(&first), wrong + 1);
        assert_eq!(first.publisher().current().unwrap().time, clock.now());
        let certificates = first.publisher().certs().snapshot();
        for served in certificates.mail.values() {
            assert!(served.not_after < clock.now() + 10 * 366 * Duration::from_secs(24 * 3600));
        }
        rounds.renew(&first, &certifier, clock.now()).await;
        assert_eq!(serial(&first), wrong + 1, "nothing is due any more");

        drop((first, certifier));
        let second = appliance(home.path(), &clock);
        assert_eq!(second.last_serial, Some(wrong + 1));
    }

    #[tokio::test]
    async fn what_a_test_wants_outlives_a_short_retention() {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(1_800_000_000)));
        let appliance = appliance(home.path(), &clock);
        let day = 24 * 3600;
        let connection = |number, sender: Option<&str>| {
            let (client, address) = ("198.51.100.7", "192.0.2.25");
            let (client, address) = (client.parse().unwrap(), address.parse().unwrap());
            let mut record = Connection::new(ConnectionId(number), client, address, clock.now());
            record.ehlo = Some("out.sender.example".to_owned());
            record.server = Some(Server::One);
            record.from = sender.map(|sender| sender.parse().ok());
            record.to = vec!["en@et.example.org".parse().unwrap()];
            record
        };
        let before = connection(1, None);
        appliance.live.step_now(|desk| desk.closed(&before));
        clock.0.fetch_add(3600, Ordering::Relaxed);
        let (own, fresh) = (
            connection(2, Some("jim@sender.example")),
            appliance.live.fresh(),
        );
        let open = |desk: &mut Desk| ((), desk.transacted(&own, fresh.clone(), clock.now()).events);
        appliance.live.step(open).await.unwrap();
        let outcomes = Outcomes::new(
            &appliance,
            super::super::way_out::dial(&appliance.config).unwrap(),
        );
        let outcomes = outcomes.unwrap();
        let mut rounds = Rounds::default();
        let journal = appliance.live.journal();
        let left = || {
            let mut left = 0;
            journal.replay(|_| left += 1).unwrap();
            left
        };
        for (days, expected) in [(1, 3), (13, 3), (1, 3), (1, 0)] {
            clock.0.fetch_add(days * day, Ordering::Relaxed);
            if expected == 0 {
                appliance.live.desk().drop_test(&fresh);
            }
            rounds.upkeep(&appliance, &outcomes, clock.now()).await;
            assert_eq!(left(), expected);
        }
    }

    #[tokio::test]
    async fn looking_what_is_due_wakes_nobody() {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(1_800_000_000)));
        let appliance = appliance(home.path(), &clock);
        let changed = appliance.live.changed();
        let is_woken = || {
            let waiting = std::pin::pin!(changed.notified());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            waiting.poll(&mut context).is_ready()
        };
        appliance.publish_first().await.unwrap();
        assert!(is_woken(), "an order was noted");
        let now = clock.now();
        let ticked = appliance
            .live
            .step(|desk| ((), desk.tick(now).events))
            .await;
        assert_eq!((ticked, is_woken()), (Ok(()), false));
    }
}
