//! The live tests: the desk behind one lock, its journal, and the numbers of the evidence.

use super::unsaved::Unsaved;
use crate::base::ports::{Clock, Random, Unavailable};
use crate::base::{ConnectionId, Event, FetchId, QueryId, TestId};
use crate::desk::{Desk, Doomed};
use crate::journal::{Batch, Erasure, Found, Journal, JournalError, Opened, Space};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Mutex as AsyncMutex, Notify, RwLock};
use tokio::task::JoinHandle;

/// Steps whose events are committed together when they had to wait.
const TOGETHER: usize = 256;

/// The live tests behind one lock, their journal, and what numbers the evidence.
pub struct Live {
    desk: Mutex<Desk>,
    journal: Journal,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    next: Next,
    unsaved: Mutex<Unsaved>,
    saving: AsyncMutex<()>,
    quiet: Notify,
    me: Weak<Self>,
    changed: Arc<Notify>,
    /// Held shared by who makes or changes a result, and alone by who erases.
    pub results: RwLock<()>,
}

/// What came of a step, on its way into the journal.
enum Pending {
    /// Nothing.
    Nothing,
    /// Its commit, which goes on whether or not somebody waits for it.
    Queued(JoinHandle<Result<(), Unavailable>>),
    /// It waits behind what could not be committed before.
    Behind,
}

struct Next {
    connection: AtomicU64,
    query: AtomicU64,
    fetch: AtomicU64,
    step: AtomicU64,
}

impl Live {
    /// Puts the desk behind its lock; numbers go on where the journal ends.
    pub fn new(
        desk: Desk,
        (journal, opened): (Journal, &Opened),
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            desk: Mutex::new(desk),
            journal,
            clock,
            random,
            next: Next {
                connection: AtomicU64::new(opened.next_connection),
                query: AtomicU64::new(opened.next_query),
                fetch: AtomicU64::new(opened.next_fetch),
                step: AtomicU64::new(0),
            },
            unsaved: Mutex::default(),
            saving: AsyncMutex::new(()),
            quiet: Notify::new(),
            me: Weak::clone(me),
            changed: Arc::new(Notify::new()),
            results: RwLock::new(()),
        })
    }

    /// The next connection's number.
    pub fn connection(&self) -> ConnectionId {
        ConnectionId(self.next.connection.fetch_add(1, Ordering::Relaxed))
    }

    /// The next query's number.
    pub fn query(&self) -> QueryId {
        QueryId(self.next.query.fetch_add(1, Ordering::Relaxed))
    }

    /// The next fetch's number.
    pub fn fetch(&self) -> FetchId {
        FetchId(self.next.fetch.fetch_add(1, Ordering::Relaxed))
    }

    /// The desk, for as long as nothing is awaited.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        // A panic elsewhere leaves the state as it was before or after a step; both are sound.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Tells when something happened that may change what is due.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// A new test's name.
    pub fn fresh(&self) -> TestId {
        let mut bits = [0; 10];
        self.random.fill(&mut bits);
        TestId::from_bits(bits)
    }

    /// Lets the desk make its step and queues what came of it for the journal, in the order of the steps.
    fn start<T>(&self, step: impl FnOnce(&mut Desk) -> (T, Vec<Event>)) -> (T, Pending) {
        let mut desk = self.desk();
        let (value, made) = step(&mut desk);
        let moves = made.iter().any(moves);
        let pending = self.queue(made);
        drop(desk);
        if moves {
            self.changed.notify_one();
        }
        (value, pending)
    }

    /// Queues events for the journal, behind all that came before. The desk is locked.
    fn queue(&self, made: Vec<Event>) -> Pending {
        if made.is_empty() {
            return Pending::Nothing;
        }
        let step = self.next.step.fetch_add(1, Ordering::Relaxed);
        let mut unsaved = self.unsaved();
        let Some(live) = self.me.upgrade().filter(|_| unsaved.is_empty()) else {
            unsaved.keep(step, made, self.clock.now());
            return Pending::Behind;
        };
        unsaved.begun(step);
        let begun = self.clock.now();
        let commit = self.journal.append(made.clone());
        Pending::Queued(tokio::spawn(async move {
            let committed = commit.await;
            let mut unsaved = live.unsaved();
            if committed.is_err() {
                let now = live.clock.now();
                unsaved.failed(begun, now);
                unsaved.keep(step, made, now);
            }
            unsaved.ended(step);
            drop(unsaved);
            live.quiet.notify_waiters();
            committed.map_err(|_| Unavailable)
        }))
    }

    /// Waits until it is committed.
    async fn finish(&self, pending: Pending) -> Result<(), Unavailable> {
        match pending {
            Pending::Nothing => Ok(()),
            Pending::Behind => Err(Unavailable),
            Pending::Queued(commit) => commit.await.unwrap_or(Err(Unavailable)),
        }
    }

    /// Tries to commit what could not be committed before, in its order; not too soon after a failure.
    pub async fn save(&self) {
        let may_be_tried = || {
            let unsaved = self.unsaved();
            !unsaved.is_empty() && !unsaved.rests(self.clock.now())
        };
        if !may_be_tried() {
            return;
        }
        let _one_at_a_time = self.saving.lock().await;
        // Somebody else may just have tried.
        if may_be_tried() {
            self.drain().await;
        }
    }

    /// Tries it now, for there may be no other time.
    pub async fn save_at_last(&self) {
        let _one_at_a_time = self.saving.lock().await;
        self.drain().await;
    }

    async fn drain(&self) {
        // What was queued before the failure may fail as well, and comes first then.
        loop {
            let quiet = self.quiet.notified();
            if self.unsaved().is_quiet() {
                break;
            }
            quiet.await;
        }
        let mut together = TOGETHER;
        loop {
            let first = self.unsaved().first(together);
            let Some((step, events)) = first else {
                break;
            };
            let begun = self.clock.now();
            match self.journal.append(events).await {
                Ok(()) => self.unsaved().settled(step),
                Err(JournalError::TooLarge(_)) if together > 1 => together = 1,
                Err(error @ JournalError::TooLarge(_)) => {
                    tracing::error!("events are lost: {error}");
                    let mut unsaved = self.unsaved();
                    unsaved.lose(self.clock.now());
                    unsaved.settled(step);
                }
                Err(_) => return self.unsaved().failed(begun, self.clock.now()),
            }
        }
        let gap = self.unsaved().gap();
        if let Some(gap) = gap {
            tracing::error!("evidence was lost from {} until {}", gap.from, gap.until);
            let ((), pending) = self.start(|desk| ((), desk.gap(gap)));
            let _ = self.finish(pending).await;
        }
    }

    /// Erases what was found, for every reader at once, and what comes of it later is not kept. `None` when more belongs
    /// to it by now than was looked for; nothing is erased then. Whoever calls holds [`Live::results`] alone.
    ///
    /// # Errors
    /// When it could not be removed from the journal: it is gone from memory, and would be back after a restart.
    pub async fn erase(
        &self,
        doomed: &Arc<Doomed>,
        found: Found,
        removes: Vec<(Space, String)>,
    ) -> Option<Result<u64, JournalError>> {
        // Nobody has events in hand that are erased before they are committed.
        let _nobody_saves = self.saving.lock().await;
        let erased = {
            let mut desk = self.desk();
            let mut now_doomed = doomed.as_ref().clone();
            desk.doom(&mut now_doomed);
            if !doomed.covers(&now_doomed) {
                return None;
            }
            desk.erase(doomed, self.clock.now());
            let step = self.next.step.load(Ordering::Relaxed);
            self.unsaved().erase(step, doomed);
            let holds = Arc::clone(doomed);
            // Behind all that the desk has made so far, before all that it will make.
            self.journal.erase(Erasure {
                found,
                holds: Box::new(move |event| holds.holds(event)),
                removes,
            })
        };
        let erased = erased.await;
        self.changed.notify_one();
        Some(erased)
    }

    /// Why the journal cannot be written, if so.
    pub fn trouble(&self) -> Option<JournalError> {
        self.journal.trouble()
    }

    /// How many events wait for a journal that can be written.
    pub fn waiting(&self) -> usize {
        self.unsaved().events()
    }

    /// A step, committed.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be committed; the events are kept for the next commit.
    pub async fn step<T>(
        &self,
        step: impl FnOnce(&mut Desk) -> (T, Vec<Event>),
    ) -> Result<T, Unavailable> {
        self.save().await;
        let (value, pending) = self.start(step);
        self.finish(pending).await.map(|()| value)
    }

    /// A step that counts even if it cannot be committed now, which is waited for all the same.
    pub async fn step_anyway<T>(&self, step: impl FnOnce(&mut Desk) -> (T, Vec<Event>)) -> T {
        let (value, pending) = self.start(step);
        // The events are kept for the next commit.
        let _ = self.finish(pending).await;
        value
    }

    /// Events that are committed, with what others keep, before they count: all of it happens or nothing.
    ///
    /// # Errors
    /// [`Unavailable`] when nothing happened: it could not be committed, or what came before it is not committed yet.
    pub async fn commit(&self, batch: Batch) -> Result<(), Unavailable> {
        self.save().await;
        if !self.unsaved().is_empty() {
            return Err(Unavailable);
        }
        let events = batch.events.clone();
        let committed = self.journal.commit(batch).await;
        committed.map_err(|_| Unavailable)?;
        let mut desk = self.desk();
        events.iter().for_each(|event| desk.apply(event));
        drop(desk);
        self.changed.notify_one();
        Ok(())
    }

    /// A step now, to be committed soon.
    pub fn step_now(&self, step: impl FnOnce(&mut Desk) -> Vec<Event>) {
        // What cannot be committed is kept for later.
        let _ = self.start(|desk| ((), step(desk)));
    }

    fn unsaved(&self) -> MutexGuard<'_, Unsaved> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an event may change what is due. Sightings and gaps do not; they may come in thousands.
const fn moves(event: &Event) -> bool {
    !matches!(
        event,
        Event::Query(_) | Event::Fetch(_) | Event::Gap(_) | Event::Window { .. }
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::app::world::SystemBits;
    use crate::base::{Domain, Gap, GapKind, Order, Query, Server, Timestamp, limits};
    use crate::desk::Settings;
    use crate::journal::tests::on_a_disk;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, AtomicI64};
    use std::time::Duration;

    fn settings() -> Settings {
        let hour = Duration::from_secs(3600);
        Settings {
            base_domain: Domain::parse("example.org").unwrap(),
            plaintext_window: Duration::from_secs(180),
            rotation: Duration::from_secs(300),
            patience: hour,
            patience_attempts: 24,
            attempt_gap: Duration::from_secs(60),
            settle: Duration::from_secs(60),
            deadline: hour * 20,
            quiet: hour,
            order_ttl: 60,
            token_key: [7; 32],
            reply_from: "emailtest".to_owned(),
        }
    }

    /// A clock that is set by hand, in seconds.
    pub struct Hands(pub AtomicI64);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
        }
    }

    /// An empty desk, its journal on a disk, and what fills that.
    pub fn live(folder: &Path) -> (Arc<Live>, Arc<AtomicBool>, Arc<Hands>) {
        let (journal, opened, full) = on_a_disk(&folder.join("journal.redb"));
        let random = Arc::new(SystemBits::open().unwrap());
        let clock = Arc::new(Hands(AtomicI64::new(1_800_000_000)));
        let desk = Desk::new(settings());
        let live = Live::new(
            desk,
            (journal, &opened),
            Arc::<Hands>::clone(&clock),
            random,
        );
        (live, full, clock)
    }

    fn order(serial: u32) -> Order {
        Order {
            time: Timestamp::from_second(1_800_000_000 + i64::from(serial)).unwrap(),
            order: [Server::Five, Server::Four, Server::Three, Server::Six],
            serial,
        }
    }

    /// Whether somebody who waits for a change would be woken now.
    fn woken(live: &Live) -> bool {
        let changed = live.changed();
        let woken = changed.notified();
        let mut woken = std::pin::pin!(woken);
        woken.as_mut().enable()
    }

    #[tokio::test]
    async fn only_what_may_change_what_is_due_wakes() {
        let folder = tempfile::tempdir().unwrap();
        let (live, ..) = live(folder.path());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let gap = Gap {
            from: now,
            until: now,
            what: GapKind::Queries,
            network: None,
        };
        live.step(|desk| ((), desk.tick(now).events)).await.unwrap();
        assert!(!woken(&live), "a tick without events");
        live.step(|desk| ((), desk.gap(gap))).await.unwrap();
        assert!(!woken(&live), "a gap");
        live.step(|desk| ((), desk.published(order(1))))
            .await
            .unwrap();
        assert!(woken(&live), "an order");
    }

    #[tokio::test]
    async fn what_a_full_disk_held_up_is_committed_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let (live, full, clock) = live(folder.path());
        full.store(true, Ordering::SeqCst);
        for serial in 1..4 {
            live.step_now(|desk| desk.published(order(serial)));
        }
        let fourth = live.step(|desk| ((), desk.published(order(4)))).await;
        assert_eq!(fourth, Err(Unavailable));
        assert!(live.trouble().is_some());
        full.store(false, Ordering::SeqCst);
        let fifth = live.step(|desk| ((), desk.published(order(5)))).await;
        assert_eq!((fifth, live.waiting()), (Err(Unavailable), 5), "too soon");
        clock.0.fetch_add(1, Ordering::Relaxed);
        let sixth = live.step(|desk| ((), desk.published(order(6)))).await;
        assert_eq!((sixth, live.waiting()), (Ok(()), 0));
        assert_eq!(live.trouble(), None);
        let committed = || {
            let mut serials = Vec::new();
            let each = |event| match event {
                Event::Order(order) => serials.push(order.serial),
                other => panic!("{other:?}"),
            };
            live.journal().replay(each).unwrap();
            serials
        };
        assert_eq!(committed(), [1, 2, 3, 4, 5, 6]);
    }

    #[tokio::test]
    async fn what_was_too_much_to_keep_is_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let (live, full, clock) = live(folder.path());
        full.store(true, Ordering::SeqCst);
        let sighting = |number: usize| Query {
            id: live.query(),
            time: order(u32::try_from(number).unwrap()).time,
            resolver: "198.51.100.53".parse().unwrap(),
            name: Domain::parse("et.example.org").unwrap(),
            rrtype: "MX".to_owned(),
            dnssec_ok: false,
            checking_disabled: false,
        };
        let begun = clock.now();
        let first = live.step(|desk| ((), desk.queried(sighting(0)))).await;
        assert_eq!(first, Err(Unavailable));
        clock.0.fetch_add(60, Ordering::Relaxed);
        for number in 1..limits::EVENT_QUEUE + 10 {
            live.step_now(|desk| desk.queried(sighting(number)));
        }
        assert_eq!(live.waiting(), limits::EVENT_QUEUE);
        clock.0.fetch_add(60, Ordering::Relaxed);
        full.store(false, Ordering::SeqCst);
        live.save().await;
        assert_eq!(live.waiting(), 0);
        let (mut queries, mut gaps) = (0, Vec::new());
        let each = |event| match event {
            Event::Query(_) => queries += 1,
            Event::Gap(gap) => gaps.push((gap.what, gap.from, gap.until)),
            other => panic!("{other:?}"),
        };
        live.journal().replay(each).unwrap();
        let lost = begun + Duration::from_secs(60);
        assert_eq!(queries, limits::EVENT_QUEUE);
        assert_eq!(gaps, [(GapKind::Connections, lost, lost)]);
    }
}
