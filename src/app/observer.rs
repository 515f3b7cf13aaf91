//! The desk as the listeners see it: look-ups around the live tests, and observations taken without waiting.

use super::live::Live;
use crate::base::ports::{Answer, Clock, Decision, Desk, Greeting, Recipient, Unavailable};
use crate::base::{
    Connection, ConnectionId, Fetch, Gap, GapKind, Mailbox, Query, Timestamp, limits,
};
use crate::dial::Dial;
use crate::serve::Shutdown;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The port.
pub struct Observer {
    live: Arc<Live>,
    dial: Dial,
    clock: Arc<dyn Clock>,
    observed: mpsc::Sender<Query>,
    lost: Mutex<Option<(Timestamp, Timestamp)>>,
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
            lost: Mutex::new(None),
        };
        (Arc::new(observer), queries)
    }

    /// Takes the queries seen into the desk, several in one commit; after shutdown those that wait, then it returns.
    pub async fn observe(&self, mut queries: mpsc::Receiver<Query>, mut shutdown: Shutdown) {
        let mut batch = Vec::new();
        loop {
            let count = tokio::select! {
                count = queries.recv_many(&mut batch, 256) => count,
                _ = shutdown.wait_for(|stop| *stop), if !queries.is_closed() => {
                    queries.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            let lost = self
                .lost
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            // What cannot be committed now is kept for the next commit.
            let _ = self
                .live
                .step(|desk| {
                    let mut events = Vec::new();
                    for query in batch.drain(..) {
                        let id = self.live.query();
                        events.extend(desk.queried(Query { id, ..query }));
                    }
                    if let Some((from, until)) = lost {
                        let what = GapKind::Queries;
                        events.extend(desk.gap(Gap { from, until, what }));
                    }
                    ((), events)
                })
                .await;
        }
    }
}

impl Desk for Observer {
    fn connected(&self) -> ConnectionId {
        self.live.connection()
    }

    fn greet<'a>(&'a self, client: IpAddr, ehlo: &'a str) -> Answer<'a, Greeting> {
        Box::pin(async move {
            let ptr = self.dial.resolver().reverse(client).await;
            let now = self.clock.now();
            let (starttls, without_sni) = self.live.desk().greet(client, ptr.as_ref(), ehlo, now);
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
                    let done = desk.transacted(&connection, fresh, now);
                    (done.decision, done.events)
                })
                .await
        })
    }

    fn closed(&self, connection: Connection) {
        self.live.step_now(|desk| desk.closed(&connection));
    }

    fn queried(&self, query: Query) {
        let time = query.time;
        if self.observed.try_send(query).is_err() {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            *lost = Some((lost.map_or(time, |(from, _)| from), time));
        }
    }

    fn fetched(&self, fetch: Fetch) {
        let (live, dial) = (Arc::clone(&self.live), self.dial.clone());
        tokio::spawn(async move {
            let ptr = dial.resolver().reverse(fetch.client).await;
            let id = live.fetch();
            live.step_now(|desk| desk.fetched(Fetch { id, ptr, ..fetch }));
        });
    }
}
