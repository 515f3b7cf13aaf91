//! The live tests: the desk behind one lock, its journal, and the numbers of the evidence.

use crate::base::ports::{Answer, Clock, Random, Unavailable};
use crate::base::{ConnectionId, Event, FetchId, Gap, GapKind, QueryId, TestId, limits};
use crate::desk::Desk;
use crate::journal::{Batch, Journal, JournalError, Opened};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// The live tests behind one lock, their journal, and what numbers the evidence.
pub struct Live {
    desk: Mutex<Desk>,
    journal: Journal,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    next: Next,
    unsaved: Mutex<Vec<Event>>,
    me: Weak<Self>,
    changed: Arc<Notify>,
}

/// Events on their way into the journal.
struct Pending {
    events: Vec<Event>,
    commit: Option<Answer<'static, Result<(), JournalError>>>,
}

struct Next {
    connection: AtomicU64,
    query: AtomicU64,
    fetch: AtomicU64,
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
            },
            unsaved: Mutex::new(Vec::new()),
            me: Weak::clone(me),
            changed: Arc::new(Notify::new()),
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
        let mut events = std::mem::take(&mut *self.unsaved());
        events.extend(made);
        let moves = events.iter().any(moves);
        let commit =
            (!events.is_empty()).then(|| Box::pin(self.journal.append(events.clone())) as _);
        drop(desk);
        if moves {
            self.changed.notify_one();
        }
        (value, Pending { events, commit })
    }

    /// Waits until it is committed.
    async fn finish(&self, pending: Pending) -> Result<(), Unavailable> {
        let Some(commit) = pending.commit else {
            return Ok(());
        };
        commit.await.map_err(|error| {
            tracing::error!("the journal took nothing: {error}");
            self.keep(pending.events);
            Unavailable
        })
    }

    /// A step, committed.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be committed; the events are kept for the next commit.
    pub async fn step<T>(
        &self,
        step: impl FnOnce(&mut Desk) -> (T, Vec<Event>),
    ) -> Result<T, Unavailable> {
        let (value, pending) = self.start(step);
        self.finish(pending).await.map(|()| value)
    }

    /// Events that are committed, with what others keep, before they count: all of it happens or nothing.
    ///
    /// # Errors
    /// [`Unavailable`] when nothing happened: it could not be committed, or what came before it is not committed yet.
    pub async fn commit(&self, batch: Batch) -> Result<(), Unavailable> {
        if !self.unsaved().is_empty() {
            return Err(Unavailable);
        }
        let events = batch.events.clone();
        self.journal.commit(batch).await.map_err(|error| {
            tracing::error!("the journal took nothing: {error}");
            Unavailable
        })?;
        let mut desk = self.desk();
        events.iter().for_each(|event| desk.apply(event));
        drop(desk);
        self.changed.notify_one();
        Ok(())
    }

    /// A step now, to be committed soon.
    pub fn step_now(&self, step: impl FnOnce(&mut Desk) -> Vec<Event>) {
        let ((), pending) = self.start(|desk| ((), step(desk)));
        if let Some(live) = self.me.upgrade() {
            tokio::spawn(async move {
                // What cannot be committed is kept for the next commit.
                let _ = live.finish(pending).await;
            });
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, Vec<Event>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps events for the next commit; beyond the limit they are lost, and a gap says so.
    fn keep(&self, mut events: Vec<Event>) {
        let mut unsaved = self.unsaved();
        events.append(&mut unsaved);
        if events.len() > limits::EVENT_QUEUE {
            let now = self.clock.now();
            events.truncate(limits::EVENT_QUEUE - 1);
            events.push(Event::Gap(Gap {
                from: now,
                until: now,
                what: GapKind::Connections,
            }));
        }
        *unsaved = events;
    }
}

/// Whether an event may change what is due. Sightings and gaps do not; they may come in thousands.
const fn moves(event: &Event) -> bool {
    !matches!(event, Event::Query(_) | Event::Fetch(_) | Event::Gap(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::world::{SystemBits, SystemClock};
    use crate::base::{Domain, Order, Server, Timestamp};
    use crate::desk::Settings;
    use std::path::Path;
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

    fn live(folder: &Path) -> Arc<Live> {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (journal, opened) = Journal::open(&folder.join("journal.redb"), now).unwrap();
        let random = Arc::new(SystemBits::open().unwrap());
        let desk = Desk::new(settings());
        Live::new(desk, (journal, &opened), Arc::new(SystemClock), random)
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
        let live = live(folder.path());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let gap = Gap {
            from: now,
            until: now,
            what: GapKind::Queries,
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
}
