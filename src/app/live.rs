//! The desk as the listeners see it: numbers, look-ups and commits around the pure step.

use crate::base::ports::{Answer, Clock, Decision, Desk as DeskPort, Greeting, Random, Recipient, Unavailable};
use crate::base::{
    Connection, ConnectionId, Event, Fetch, FetchId, Gap, GapKind, Mailbox, Query, QueryId, TestId,
    Timestamp, limits,
};
use crate::desk::Desk;
use crate::dial::Dial;
use crate::journal::{Journal, JournalError, Opened};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Notify, mpsc};

/// The live tests behind one lock, their journal, and what numbers the evidence.
pub struct Live {
    desk: Mutex<Desk>,
    journal: Journal,
    dial: Dial,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    next: Next,
    unsaved: Mutex<Vec<Event>>,
    observed: mpsc::Sender<Query>,
    me: Weak<Self>,
    lost: Mutex<Option<(Timestamp, Timestamp)>>,
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
    /// Puts the desk behind its port. Queries seen come out of the returned receiver, for [`Live::observe`].
    pub fn new(
        desk: Desk,
        (journal, opened): (Journal, &Opened),
        dial: Dial,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> (Arc<Self>, mpsc::Receiver<Query>) {
        let (observed, queries) = mpsc::channel(limits::EVENT_QUEUE);
        let live = Arc::new_cyclic(|me| Self {
            desk: Mutex::new(desk),
            journal,
            dial,
            clock,
            random,
            next: Next {
                connection: AtomicU64::new(opened.next_connection),
                query: AtomicU64::new(opened.next_query),
                fetch: AtomicU64::new(opened.next_fetch),
            },
            unsaved: Mutex::new(Vec::new()),
            observed,
            me: Weak::clone(me),
            lost: Mutex::new(None),
            changed: Arc::new(Notify::new()),
        });
        (live, queries)
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
    fn fresh(&self) -> TestId {
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
        let commit = (!events.is_empty()).then(|| Box::pin(self.journal.append(events.clone())) as _);
        drop(desk);
        self.changed.notify_one();
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
    pub async fn step<T>(&self, step: impl FnOnce(&mut Desk) -> (T, Vec<Event>)) -> Result<T, Unavailable> {
        let (value, pending) = self.start(step);
        self.finish(pending).await.map(|()| value)
    }

    /// A step now, to be committed soon.
    fn step_now(&self, step: impl FnOnce(&mut Desk) -> Vec<Event>) {
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

    /// Takes the queries seen into the desk, several in one commit; returns when the sender is gone.
    pub async fn observe(&self, mut queries: mpsc::Receiver<Query>) {
        let mut batch = Vec::new();
        while queries.recv_many(&mut batch, 256).await > 0 {
            let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
            // What cannot be committed now is kept for the next commit.
            let _ = self
                .step(|desk| {
                    let mut events = Vec::new();
                    for query in batch.drain(..) {
                        let id = QueryId(self.next.query.fetch_add(1, Ordering::Relaxed));
                        events.extend(desk.queried(Query { id, ..query }));
                    }
                    if let Some((from, until)) = lost {
                        events.extend(desk.gap(Gap {
                            from,
                            until,
                            what: GapKind::Queries,
                        }));
                    }
                    ((), events)
                })
                .await;
        }
    }

    /// A greeting's answer, once the reverse name is known.
    fn greeting(&self, client: IpAddr, ptr: Option<crate::base::Domain>, ehlo: &str) -> Greeting {
        let now = self.clock.now();
        let (starttls, without_sni) = self.desk().greet(client, ptr.as_ref(), ehlo, now);
        Greeting {
            ptr,
            starttls,
            without_sni,
        }
    }
}

impl DeskPort for Live {
    fn connected(&self) -> ConnectionId {
        ConnectionId(self.next.connection.fetch_add(1, Ordering::Relaxed))
    }

    fn greet<'a>(&'a self, client: IpAddr, ehlo: &'a str) -> Answer<'a, Greeting> {
        Box::pin(async move {
            let ptr = self.dial.resolver().reverse(client).await;
            self.greeting(client, ptr, ehlo)
        })
    }

    fn recipient(&self, address: &Mailbox) -> Recipient {
        self.desk().recipient(address)
    }

    fn known(&self, connection: &Connection) -> bool {
        self.desk().known(connection)
    }

    fn transacted(&self, connection: Connection) -> Answer<'_, Result<Decision, Unavailable>> {
        Box::pin(async move {
            let (now, fresh) = (self.clock.now(), self.fresh());
            self.step(|desk| {
                let done = desk.transacted(&connection, fresh, now);
                (done.decision, done.events)
            })
            .await
        })
    }

    fn closed(&self, connection: Connection) {
        let now = self.clock.now();
        self.step_now(|desk| desk.closed(connection, now));
    }

    fn queried(&self, query: Query) {
        let time = query.time;
        if self.observed.try_send(query).is_err() {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            *lost = Some((lost.map_or(time, |(from, _)| from), time));
        }
    }

    fn fetched(&self, fetch: Fetch) {
        let Some(live) = self.me.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            let ptr = live.dial.resolver().reverse(fetch.client).await;
            let id = FetchId(live.next.fetch.fetch_add(1, Ordering::Relaxed));
            live.step_now(|desk| desk.fetched(Fetch { id, ptr, ..fetch }));
        });
    }
}
