//! One worker: answers queries of any transport with buffers of its own.

use super::answer::{Asked, Circumstances, Kind, Outcome, Scratch, Transport, answer, shorten};
use super::cookie::CookieSecret;
use super::observe::{is_evidence, note};
use super::opt::Cookies;
use super::rate::{Rate, Verdict};
use super::special::{self, Specials};
use crate::base::ports::{Clock, Desk};
use crate::base::{Query, Timestamp};
use crate::sign::Snapshot;
use arc_swap::{ArcSwap, Cache};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all workers share.
pub(super) struct Shared {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) specials: Specials,
    /// What NSID tells.
    pub(super) identity: String,
    pub(super) secret: CookieSecret,
    /// The limits of answers over UDP, if there are any.
    pub(super) rate: Option<Rate>,
    pub(super) desk: Arc<dyn Desk>,
    pub(super) clock: Arc<dyn Clock>,
    /// What the time of the limits is counted from; no clock that is set touches it.
    pub(super) started: Instant,
}

/// A worker.
pub(super) struct Worker {
    shared: Arc<Shared>,
    snapshot: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    scratch: Scratch,
    out: Vec<u8>,
    /// Evidence that is not handed over yet.
    noted: Vec<Query>,
    now: Timestamp,
    running: Duration,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            snapshot: Cache::new(Arc::clone(&shared.snapshot)),
            scratch: Scratch::default(),
            out: Vec::new(),
            noted: Vec::new(),
            now: shared.clock.now(),
            running: shared.started.elapsed(),
            shared,
        }
    }

    /// Takes the time for the queries that follow.
    pub(super) fn begin(&mut self) {
        self.now = self.shared.clock.now();
        self.running = self.shared.started.elapsed();
    }

    /// Answers a query in a datagram into an empty buffer, which stays empty when it deserves no answer. What it shows
    /// is kept to be handed over.
    pub(super) fn datagram(&mut self, query: &[u8], client: SocketAddr, out: &mut Vec<u8>) {
        if let Some(only) = self.reply(query, client, Transport::Udp, out).pop() {
            out.clear();
            out.extend_from_slice(&only);
            let proven = self.scratch.kind.proven;
            self.scratch.kind = Kind::of(&only, &mut self.scratch.name);
            self.scratch.kind.proven = proven;
        }
        let kind = self.scratch.kind;
        if let Some(rate) = &self.shared.rate
            && !out.is_empty()
            && !kind.proven
        {
            match rate.judge(client.ip(), kind.same, self.running) {
                Verdict::Send => {}
                Verdict::Shorten => shorten(out, kind),
                Verdict::Withhold => out.clear(),
            }
        }
    }

    /// Appends the messages that answer a query on a connection, each behind its length; what it shows is handed to the
    /// desk.
    pub(super) fn framed(&mut self, query: &[u8], client: SocketAddr, output: &mut Vec<u8>) {
        self.begin();
        let mut out = std::mem::take(&mut self.out);
        let more = self.reply(query, client, Transport::Tcp, &mut out);
        for message in std::iter::once(&out).chain(&more) {
            if let Ok(length @ 1..) = u16::try_from(message.len()) {
                output.extend(length.to_be_bytes());
                output.extend_from_slice(message);
            }
        }
        self.out = out;
        self.hand_over();
    }

    /// Hands what the queries showed to the desk, once they are answered.
    pub(super) fn hand_over(&mut self) {
        for query in self.noted.drain(..) {
            self.shared.desk.queried(query);
        }
    }

    /// Answers into `out`; what is no plain question is answered with the messages returned.
    fn reply(
        &mut self,
        query: &[u8],
        client: SocketAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Vec<Vec<u8>> {
        // One snapshot for the whole answer, whatever is put in its place meanwhile.
        let snapshot = self.snapshot.load();
        let circumstances = Circumstances {
            transport,
            identity: &self.shared.identity,
            cookies: Some(Cookies {
                secret: &self.shared.secret,
                client: client.ip(),
                now: seconds(self.now),
            }),
        };
        match answer(snapshot, query, out, &mut self.scratch, circumstances) {
            Outcome::Silence | Outcome::Answered(None) => {}
            Outcome::Answered(Some(asked)) => self.observe(asked, client),
            Outcome::Special => {
                return self.shared.specials.answer(special::Asked {
                    query,
                    client,
                    transport,
                    snapshot,
                    now: self.now,
                });
            }
        }
        Vec::new()
    }

    fn observe(&mut self, asked: Asked, client: SocketAddr) {
        let name = &self.scratch.name;
        // Under a flood most are not admitted, and cost no more than to be counted.
        if is_evidence(name, asked)
            && self.shared.desk.admits(client.ip(), self.now)
            && let Some(query) = note(name, asked, client.ip(), self.now)
        {
            self.noted.push(query);
        }
    }
}

/// Seconds since 1970, modulo 2^32, as cookies have them.
fn seconds(time: Timestamp) -> u32 {
    // The remainder is never negative and fits.
    u32::try_from(time.as_second().rem_euclid(1 << 32)).unwrap_or_default()
}
