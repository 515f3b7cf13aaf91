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
    fn start<T>(
        &self,
        with: Batch,
        step: impl FnOnce(&mut Desk) -> (T, Vec<Event>),
    ) -> (T, Pending) {
        let mut desk = self.desk();
        let (value, made) = step(&mut desk);
        let changed = !made.is_empty();
        let mut events = std::mem::take(&mut *self.unsaved());
        events.extend(made);
        let nothing = events.is_empty() && with.puts.is_empty() && with.removes.is_empty();
        let batch = Batch {
            events: events.clone(),
            ..with
        };
        let commit = (!nothing).then(|| Box::pin(self.journal.commit(batch)) as _);
        drop(desk);
        // Not for a step that changed nothing: looking whether anything is due is such a step.
        if changed {
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
        self.step_with(Batch::default(), step).await
    }

    /// A step, committed as one with what others keep in the journal.
    ///
    /// # Errors
    /// As [`Live::step`]; what others keep is not kept then.
    pub async fn step_with<T>(
        &self,
        with: Batch,
        step: impl FnOnce(&mut Desk) -> (T, Vec<Event>),
    ) -> Result<T, Unavailable> {
        let (value, pending) = self.start(with, step);
        self.finish(pending).await.map(|()| value)
    }

    /// A step now, to be committed soon.
    pub fn step_now(&self, step: impl FnOnce(&mut Desk) -> Vec<Event>) {
        let ((), pending) = self.start(Batch::default(), |desk| ((), step(desk)));
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
