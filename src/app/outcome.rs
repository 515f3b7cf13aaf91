//! From a test that is over to its stored result and its result mail.

use super::amend;
use super::appliance::Appliance;
use super::checks::Checks;
use super::live::Live;
use super::results::{each, find, kept, unfinished};
use crate::base::ports::{Clock, Random};
use crate::base::{Domain, Event, Mailbox, Test, TestId, TestState, Timestamp, Zone, limits};
use crate::dial::Dial;
use crate::dial::deliver::StsCache;
use crate::journal::{Batch, Space};
use crate::keys::DkimKeys;
use crate::mail::compose::compose;
use crate::mail::gate::gate;
use crate::mail::queue::{Item, Queue};
use crate::mail::send::Sender;
use crate::report::{Reply, ReplyState, Report};
use crate::serve::Shutdown;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

/// The longest sleep of the queue, and the pause after a result that could not be made.
const REST: Duration = Duration::from_secs(60);

/// Makes results, each test's once, and sends their mails.
pub struct Outcomes {
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    own: Vec<Domain>,
    from: Mailbox,
    dkim: DkimKeys,
    checks: Checks,
    places: Semaphore,
    sender: Sender,
    queue: Mutex<Queue>,
    queued: Notify,
    in_hand: Mutex<BTreeSet<TestId>>,
}

impl Outcomes {
    /// For the tests of this appliance; takes up the mails that waited when it stopped.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn new(appliance: &Appliance, dial: Dial) -> Result<Arc<Self>, String> {
        let (queue, faults) =
            Queue::load(appliance.live.journal()).map_err(|error| error.to_string())?;
        for fault in faults {
            tracing::error!("{fault}");
        }
        let config = &appliance.config;
        let (clock, random) = (Arc::clone(&appliance.clock), Arc::clone(&appliance.random));
        let policies = StsCache::default();
        Ok(Arc::new(Self {
            live: Arc::clone(&appliance.live),
            sender: Sender::new(
                dial.clone(),
                policies,
                None,
                Arc::clone(&clock),
                Arc::clone(&random),
            ),
            checks: Checks::new(dial),
            clock,
            random,
            own: Zone::ALL
                .into_iter()
                .map(|zone| config.zone_name(zone))
                .collect(),
            from: config.reply.from.clone(),
            dkim: appliance.publisher().keys().dkim.clone(),
            places: Semaphore::new(limits::RESULTS),
            queue: Mutex::new(queue),
            queued: Notify::new(),
            in_hand: Mutex::default(),
        }))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the result of a test, unless it is in hand already.
    pub fn begin(self: &Arc<Self>, test: TestId) {
        let in_hand = |outcomes: &Self| {
            outcomes
                .in_hand
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(test.clone())
        };
        if !in_hand(self) {
            return;
        }
        let outcomes = Arc::clone(self);
        tokio::spawn(async move {
            // Never closed; after a long pause thousands may be due at once.
            let place = outcomes.places.acquire().await;
            if let Err(error) = outcomes.make(&test).await {
                tracing::error!("test {test}: no result yet: {error}");
                drop(place);
                // It stays due and is named in every round.
                tokio::time::sleep(REST).await;
            }
            outcomes
                .in_hand
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&test);
        });
    }

    /// Looks at the sender's domain where the gate allows it, and commits result, mail and the end of the test as one.
    pub(super) async fn make(&self, id: &TestId) -> Result<(), String> {
        // Asked now, when nobody else has the test in hand: its result may have been made since it was named.
        let over = |test: &Test| matches!(test.state, TestState::Acked | TestState::Expired);
        let Some(test) = self.live.desk().test(id).filter(over) else {
            return Ok(());
        };
        let allowed = gate(&test, &self.own);
        let inbound = match &allowed {
            Ok(()) => Some(self.checks.of(&test.sender.domain, self.clock.now()).await),
            Err(_) => None,
        };
        let mut report = unfinished(test);
        report.inbound = inbound;
        if report.test.state == TestState::Acked {
            report.test.state = TestState::Reported;
        }
        let now = self.clock.now();
        let item = match allowed {
            Ok(()) => self.answer(&mut report, now),
            Err(withheld) => {
                report.reply = Reply {
                    state: ReplyState::Withheld,
                    reason: withheld.to_string(),
                };
                None
            }
        };
        let reported = Event::Reported {
            test: id.clone(),
            time: now,
        };
        let shared = self.live.results.read().await;
        if self.live.desk().test(id).filter(over).is_none() {
            tracing::info!("test {id} was erased before its result was made");
            return Ok(());
        }
        let mut batch = Batch {
            events: vec![reported],
            puts: vec![kept(&report)?],
            ..Batch::default()
        };
        batch.puts.extend(item.as_ref().map(Item::put));
        self.live
            .commit(batch)
            .await
            .map_err(|_| "the journal cannot be written".to_owned())?;
        if let Some(item) = item {
            self.queue().insert(item);
            self.queued.notify_one();
        }
        drop(shared);
        // A report that came while the result was made is not in it.
        if let Err(error) = amend::one(&self.live, id).await {
            tracing::error!("test {id}: its result may lack TLS reports: {error}");
        }
        Ok(())
    }

    /// The mail for a result, which says from now on that it is queued, or why it is not.
    fn answer(&self, report: &mut Report, now: Timestamp) -> Option<Item> {
        report.reply = Reply {
            state: ReplyState::Queued,
            reason: String::new(),
        };
        let item = compose(report, &self.from, &self.dkim, now, &*self.random)
            .map_err(|error| error.to_string())
            .and_then(|message| {
                let to = &report.test.sender;
                self.queue()
                    .admit(&report.test.id, to, message, now)
                    .map_err(|error| error.to_string())
            });
        match item {
            Ok(item) => Some(item),
            Err(reason) => {
                tracing::error!("test {}: no result mail: {reason}", report.test.id);
                report.reply = Reply {
                    state: ReplyState::Failed,
                    reason,
                };
                None
            }
        }
    }

    /// Sends what is queued, until shutdown, and returns when what is under way then is done: a mail that was taken and
    /// not noted would be sent again.
    pub async fn send_queued(self: Arc<Self>, mut shutdown: Shutdown) {
        let mut under_way = JoinSet::new();
        while !*shutdown.borrow() {
            let now = self.clock.now();
            for item in self.queue().due(now) {
                under_way.spawn(Arc::clone(&self).send(item));
            }
            let wake = self.queue().wake();
            let sleep = wake.map_or(REST, |wake| {
                Duration::try_from(wake.duration_since(now))
                    .unwrap_or_default()
                    .min(REST)
            });
            tokio::select! {
                () = self.queued.notified() => {}
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(sleep) => {}
                _ = shutdown.changed() => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn send(self: Arc<Self>, item: Item) {
        let attempt = self.sender.send_one(&item).await;
        let _shared = self.live.results.read().await;
        let settled = self.queue().settle(item, attempt, self.clock.now());
        let mut batch = settled.batch;
        match find(self.live.journal(), &settled.test) {
            Ok(Some(mut report)) => {
                // What the other server said may quote an address: it stays in the result.
                tracing::info!(
                    "result mail of test {}: {:?}",
                    settled.test,
                    settled.reply.state
                );
                report.reply = settled.reply;
                batch.puts.extend(kept(&report).ok());
            }
            Ok(None) => {}
            Err(error) => tracing::error!("test {}: {error}", settled.test),
        }
        if let Err(error) = self.live.journal().commit(batch).await {
            tracing::error!(
                "test {}: what became of its mail is not noted: {error}",
                settled.test
            );
        }
    }

    /// Forgets the mails of tests that are erased.
    pub fn forget<'a>(&self, tests: impl IntoIterator<Item = &'a TestId>) {
        let mut queue = self.queue();
        tests.into_iter().for_each(|test| queue.forget(test));
    }

    /// Forgets results of tests that began before this.
    pub async fn expire(&self, before: Timestamp) {
        let journal = self.live.journal();
        let reader = journal.clone();
        let read = move || {
            let mut old = Vec::new();
            each(&reader, |report| {
                old.extend((report.test.started < before).then_some(report.test.id));
            })
            .map(|()| old)
        };
        let old = tokio::task::spawn_blocking(read).await;
        let old = old.unwrap_or_else(|error| Err(error.to_string()));
        let forget = |id: TestId| (Space::Results, id.to_string());
        let removes = match old {
            Ok(old) => old.into_iter().map(forget).collect(),
            Err(error) => return tracing::error!("old results stay: {error}"),
        };
        let batch = Batch {
            removes,
            ..Batch::default()
        };
        if let Err(error) = journal.commit(batch).await {
            tracing::error!("old results stay: {error}");
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::app::erase::erase;
    use crate::app::{World, world};
    use crate::base::{Connection, ConnectionId};
    use crate::config::Config;
    use crate::desk::Whom;
    use std::collections::BTreeMap;

    pub const NOW: i64 = 1_800_000_000;

    /// An appliance in this folder, and a test of its that is over; its one connection has this oddity.
    pub fn over(folder: &std::path::Path, oddity: &str) -> (Appliance, TestId) {
        let text = "base_domain = \"example.org\"\n[network]\naddresses = [\"192.0.2.25\"]\n\
                    [certificates]\nissuer = \"internal\"\n[reply]\noperator = \"op@example.net\"\n\
                    [dial]\nresolvers = [\"127.0.0.1:1\"]\n";
        let config = Config::parse(&folder.join("mailproof.toml"), text).unwrap();
        let World { clock, random } = world().unwrap();
        let world = World { clock, random };
        let appliance = Appliance::open(config, BTreeMap::new(), world).unwrap();
        let time = Timestamp::from_second(NOW).unwrap();
        let (client, address) = (
            "198.51.100.7".parse().unwrap(),
            "192.0.2.25".parse().unwrap(),
        );
        let mut connection = Connection::new(ConnectionId(1), client, address, time);
        connection.from = Some("jim@sender.example".parse().ok());
        connection.to = vec!["en@et.example.org".parse().unwrap()];
        connection.oddities = vec![oddity.to_owned()];
        let test = TestId::from_bits([1; 10]);
        let events = [
            Event::Opened {
                test: test.clone(),
                time,
                by: ConnectionId(1),
            },
            Event::Connection(Box::new(connection)),
            Event::Acknowledged {
                test: test.clone(),
                time,
            },
        ];
        let mut desk = appliance.live.desk();
        events.iter().for_each(|event| desk.apply(event));
        drop(desk);
        (appliance, test)
    }

    fn state(appliance: &Appliance, test: &TestId) -> TestState {
        appliance.live.desk().test(test).unwrap().state
    }

    pub fn of(appliance: &Appliance) -> Arc<Outcomes> {
        let dial = crate::app::way_out::dial(&appliance.config).unwrap();
        Outcomes::new(appliance, dial).unwrap()
    }

    #[tokio::test]
    async fn a_test_named_twice_has_one_result() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let outcomes = of(&appliance);
        outcomes.make(&test).await.unwrap();
        assert_eq!(state(&appliance, &test), TestState::Reported);
        let journal = appliance.live.journal();
        assert!(find(journal, &test).unwrap().is_some());
        journal.remove(Space::Results, test.as_str()).await.unwrap();
        outcomes.make(&test).await.unwrap();
        assert!(find(journal, &test).unwrap().is_none());
    }

    async fn erased(appliance: &Appliance, outcomes: &Outcomes, test: &TestId) {
        let whom = Whom::Test(test.clone());
        let erased = erase(&appliance.live, Some(outcomes), whom).await;
        assert!(erased.is_ok(), "{erased:?}");
    }

    #[tokio::test]
    async fn a_result_in_the_making_does_not_bring_back_what_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let outcomes = of(&appliance);
        // Nobody may commit a result yet, so that it is ready when it is erased.
        let making = {
            let _alone = appliance.live.results.write().await;
            let (maker, id) = (Arc::clone(&outcomes), test.clone());
            let making = tokio::spawn(async move { maker.make(&id).await });
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            appliance.live.desk().drop_test(&test);
            making
        };
        making.await.unwrap().unwrap();
        assert_eq!(find(appliance.live.journal(), &test), Ok(None));
        assert_eq!(
            appliance.live.journal().list(Space::Queue).unwrap().len(),
            0
        );
    }

    #[tokio::test]
    async fn a_mail_under_way_does_not_bring_back_what_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let outcomes = of(&appliance);
        outcomes.make(&test).await.unwrap();
        let journal = appliance.live.journal();
        let (to, now) = ("jim@sender.example".parse().unwrap(), appliance.clock.now());
        let waiting = |message| outcomes.queue().admit(&test, &to, message, now).unwrap();
        for is_under_way in [true, false] {
            let item = waiting(b"Message-ID: <1@sender.example>".to_vec());
            let put = item.put();
            journal.put(put.0, &put.1, put.2).await.unwrap();
            outcomes.queue().insert(item);
            let begun = is_under_way.then(|| outcomes.queue().due(now));
            erased(&appliance, &outcomes, &test).await;
            for item in begun.into_iter().flatten() {
                // The look-up fails, so that it would be tried again.
                Arc::clone(&outcomes).send(item).await;
            }
            assert!(outcomes.queue().is_empty());
            for space in [Space::Queue, Space::Results] {
                assert_eq!(journal.list(space).unwrap().len(), 0, "{space:?}");
            }
        }
        let told = erase(&appliance.live, Some(&outcomes), Whom::Person(to)).await;
        assert!(told.unwrap_err().contains("nothing is known"));
    }

    #[tokio::test]
    async fn a_damaged_result_keeps_no_other_from_being_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let outcomes = of(&appliance);
        outcomes.make(&test).await.unwrap();
        let journal = appliance.live.journal();
        let damaged = TestId::from_bits([0; 10]).to_string();
        journal
            .put(Space::Results, &damaged, vec![9])
            .await
            .unwrap();
        let time = |second| Timestamp::from_second(NOW + second).unwrap();
        outcomes.expire(time(0)).await;
        assert!(find(journal, &test).unwrap().is_some());
        outcomes.expire(time(1)).await;
        assert!(find(journal, &test).unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stop_waits_for_the_mail_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), "");
        let outcomes = of(&appliance);
        let to = "jim@sender.example".parse().unwrap();
        let now = Timestamp::from_second(NOW).unwrap();
        let item = outcomes.queue().admit(&test, &to, Vec::new(), now).unwrap();
        outcomes.queue().insert(Item {
            next: Timestamp::UNIX_EPOCH,
            ..item
        });
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let sending = tokio::spawn(Arc::clone(&outcomes).send_queued(stopped));
        while outcomes.queue().wake().is_some() {
            tokio::task::yield_now().await;
        }
        stop.send_replace(true);
        sending.await.unwrap();
        // It waits for its next attempt: the look-up failed.
        assert!(outcomes.queue().wake().is_some());
    }

    #[tokio::test]
    async fn a_test_whose_result_cannot_be_kept_stays_due() {
        let folder = tempfile::tempdir().unwrap();
        let (appliance, test) = over(folder.path(), &"x".repeat(limits::STORED));
        let outcomes = of(&appliance);
        assert!(outcomes.make(&test).await.is_err());
        assert_eq!(state(&appliance, &test), TestState::Acked);
    }
}
