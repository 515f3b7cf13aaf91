//! One worker: answers queries of any transport with buffers of its own.

use super::answer::{Outcome, Scratch, Transport, answer};
use super::observe::note;
use super::special::{self, Specials};
use crate::base::ports::{Clock, Desk};
use crate::sign::Snapshot;
use arc_swap::{ArcSwap, Cache};
use std::net::SocketAddr;
use std::sync::Arc;

/// What all workers share.
pub(super) struct Shared {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) specials: Specials,
    pub(super) desk: Arc<dyn Desk>,
    pub(super) clock: Arc<dyn Clock>,
}

/// A worker.
pub(super) struct Worker {
    shared: Arc<Shared>,
    snapshot: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    scratch: Scratch,
    out: Vec<u8>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            snapshot: Cache::new(Arc::clone(&shared.snapshot)),
            shared,
            scratch: Scratch::default(),
            out: Vec::new(),
        }
    }

    /// The answer to a query in a datagram, empty when it deserves none; what it shows is handed to the desk.
    pub(super) fn datagram(&mut self, query: &[u8], client: SocketAddr) -> &[u8] {
        let mut replies = self.reply(query, client, Transport::Udp);
        if let Some(only) = replies.pop() {
            self.out = only;
        }
        &self.out
    }

    /// Appends the messages that answer a query on a connection, each behind its length.
    pub(super) fn framed(&mut self, query: &[u8], client: SocketAddr, output: &mut Vec<u8>) {
        let more = self.reply(query, client, Transport::Tcp);
        for message in std::iter::once(&self.out).chain(&more) {
            if let Ok(length @ 1..) = u16::try_from(message.len()) {
                output.extend(length.to_be_bytes());
                output.extend_from_slice(message);
            }
        }
    }

    /// Answers into `out`; what is no plain question is answered with the messages returned.
    fn reply(&mut self, query: &[u8], client: SocketAddr, transport: Transport) -> Vec<Vec<u8>> {
        // One snapshot for the whole answer, whatever is put in its place meanwhile.
        let snapshot = self.snapshot.load();
        match answer(snapshot, query, &mut self.out, &mut self.scratch, transport) {
            Outcome::Silence | Outcome::Answered(None) => {}
            Outcome::Answered(Some(asked)) => {
                let now = self.shared.clock.now();
                if let Some(query) = note(&self.scratch.name, asked, client.ip(), now) {
                    self.shared.desk.queried(query);
                }
            }
            Outcome::Special => {
                return self.shared.specials.answer(special::Asked {
                    query,
                    client,
                    transport,
                    snapshot,
                    now: self.shared.clock.now(),
                });
            }
        }
        Vec::new()
    }
}
