//! The desk as the listeners see it: look-ups around the live tests, and observations taken without waiting.

use super::live::Live;
use super::losses::Losses;
use super::names::Names;
use crate::base::origin::network;
use crate::base::ports::{Answer, Clock, Decision, Desk, Greeting, Recipient, Unavailable};
use crate::base::{
    Connection, ConnectionId, Event, Fetch, Gap, GapKind, Mailbox, Query, Timestamp, limits,
};
use crate::desk;
use crate::dial::Dial;
use crate::serve::Shutdown;
use crate::serve::pace::Pace;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval};

/// How often what was lost is noted; a loss that goes on is one gap.
const NOTING: Duration = Duration::from_secs(10);
/// Queries that share a commit.
const TOGETHER: usize = 256;

/// The port.
pub struct Observer {
    live: Arc<Live>,
    dial: Dial,
    clock: Arc<dyn Clock>,
    observed: mpsc::Sender<Query>,
    pace: Pace,
    lookups: Arc<Semaphore>,
    losses: Mutex<Losses>,
    /// DNS queries that were evidence and not noted, since the start.
    not_noted: AtomicU64,
    names: Mutex<Names>,
}

impl Observer {
    /// Makes the port, and what [`Observer::observe`] takes queries from.
    pub fn new(
        live: Arc<Live>,
        dial: Dial,
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, mpsc::Receiver<Query>) {
        let (observed, queries) = mpsc::channel(limits::EVENT_QUEUE);
        let observer = Self {
            live,
            dial,
            clock,
            observed,
            pace: Pace::new(limits::SIGHTING_RATE).in_all(limits::SIGHTING_RATE_IN_ALL),
            lookups: Arc::new(Semaphore::new(limits::REVERSE_LOOKUPS)),
            losses: Mutex::default(),
            not_noted: AtomicU64::new(0),
            names: Mutex::default(),
        };
        (Arc::new(observer), queries)
    }

    /// Takes the queries seen into the desk, several in one commit, and notes what was lost; after shutdown those that
    /// wait, then it returns.
    pub async fn observe(&self, mut queries: mpsc::Receiver<Query>, mut shutdown: Shutdown) {
        let mut batch = Vec::new();
        let mut told = 0;
        let mut noting = interval(NOTING);
        noting.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let over = tokio::select! {
                count = queries.recv_many(&mut batch, TOGETHER) => count == 0,
                _ = noting.tick() => {
                    told = self.tell(told);
                    false
                }
                _ = shutdown.wait_for(|stop| *stop), if !queries.is_closed() => {
                    queries.close();
                    continue;
                }
            };
            // Losses come before the end, and not with every batch.
            let gaps = match batch.is_empty() {
                true => self.losses().take(),
                false => Vec::new(),
            };
            // What cannot be committed now is kept for the next commit.
            let _ = self
                .live
                .step(|desk| ((), self.noted(desk, batch.drain(..), gaps)))
                .await;
            if over {
                return;
            }
        }
    }

    /// DNS queries that were evidence and not noted, since the start.
    pub fn not_noted(&self) -> u64 {
        self.not_noted.load(Ordering::Relaxed)
    }

    /// Logs how many queries more than these were not noted, and returns how many there are now.
    fn tell(&self, before: u64) -> u64 {
        let now = self.not_noted();
        if now > before {
            tracing::warn!(
                "{} DNS queries were not noted as evidence in the last {} s: more came than are noted",
                now - before,
                NOTING.as_secs()
            );
        }
        now
    }

    fn noted(
        &self,
        desk: &mut desk::Desk,
        queries: impl Iterator<Item = Query>,
        gaps: Vec<Gap>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for query in queries {
            let id = self.live.query();
            events.extend(desk.queried(Query { id, ..query }));
        }
        for gap in gaps {
            events.extend(desk.gap(gap));
        }
        events
    }

    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose_query(&self, client: Option<IpAddr>, time: Timestamp) {
        self.not_noted.fetch_add(1, Ordering::Relaxed);
        self.lose(GapKind::Queries, client, time);
    }

    fn lose(&self, what: GapKind, client: Option<IpAddr>, time: Timestamp) {
        self.losses().add(what, client.map(network), time);
    }
}

impl Desk for Observer {
    fn connected(&self) -> ConnectionId {
        self.live.connection()
    }

    fn greet<'a>(&'a self, client: IpAddr, ehlo: &'a str) -> Answer<'a, Greeting> {
        Box::pin(async move {
            let found = self.dial.resolver().reverse(client).await;
            let now = self.clock.now();
            let ptr = self.names().settle(client, &found, now);
            let greet = |desk: &mut desk::Desk| {
                let greeted = desk.greet(client, ptr.as_ref(), ehlo, now);
                ((greeted.starttls, greeted.without_sni), greeted.events)
            };
            // If it cannot be noted now that a window began, it has begun all the same.
            let (starttls, without_sni) = self.live.step_anyway(greet).await;
            Greeting {
                ptr,
                starttls,
                without_sni,
            }
        })
    }

    fn recipient(&self, address: &Mailbox) -> Recipient {
        self.live.desk().recipient(address)
    }

    fn known(&self, connection: &Connection) -> bool {
        self.live.desk().known(connection)
    }

    fn transacted(&self, connection: Connection) -> Answer<'_, Result<Decision, Unavailable>> {
        Box::pin(async move {
            let (now, fresh) = (self.clock.now(), self.live.fresh());
            self.live
                .step(|desk| {
                    // What cannot be committed now cannot be answered with 250: it counts, and acknowledges nothing.
                    if self.live.waiting() > 0 {
                        return (Decision::Later, desk.refused(&connection, fresh, now));
                    }
                    let done = desk.transacted(&connection, fresh, now);
                    (done.decision, done.events)
                })
                .await
        })
    }

    fn refused(&self, connection: Connection) -> Answer<'_, Result<(), Unavailable>> {
        Box::pin(async move {
            let (now, fresh) = (self.clock.now(), self.live.fresh());
            self.live
                .step(|desk| ((), desk.refused(&connection, fresh, now)))
                .await
        })
    }

    fn turned_away(&self, client: Option<IpAddr>) {
        let (now, what) = (self.clock.now(), GapKind::Connections);
        // No verdict of the next moments may rest on what was not seen; it is noted a little later.
        self.live.desk().apply(&Event::Gap(Gap {
            from: now,
            until: now,
            what,
            network: client.map(network),
        }));
        self.lose(what, client, now);
    }

    fn closed(&self, connection: Connection) {
        self.live.step_now(|desk| desk.closed(&connection));
    }

    fn admits(&self, client: IpAddr, time: Timestamp) -> bool {
        let allowed = self.pace.allow(client);
        if let Err(whose) = allowed {
            self.lose_query(whose, time);
        }
        allowed.is_ok()
    }

    fn queried(&self, query: Query) {
        let time = query.time;
        if self.observed.try_send(query).is_err() {
            self.lose_query(None, time);
        }
    }

    fn fetched(&self, fetch: Fetch) {
        if let Err(whose) = self.pace.allow(fetch.client) {
            return self.lose(GapKind::Queries, whose, fetch.time);
        }
        let (live, dial) = (Arc::clone(&self.live), self.dial.clone());
        // Beyond that many nobody's name is known.
        let place = Arc::clone(&self.lookups).try_acquire_owned().ok();
        tokio::spawn(async move {
            let ptr = match place {
                Some(_place) => dial.resolver().reverse(fetch.client).await.records.pop(),
                None => None,
            };
            let id = live.fetch();
            live.step_now(|desk| desk.fetched(Fetch { id, ptr, ..fetch }));
        });
    }
}
