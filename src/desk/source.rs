//! What is kept of an origin: its windows, its networks, and connections that name no sender.

use super::need::Need;
use super::settings::{Settings, after};
use super::window::Window;
use crate::base::origin::network;
use crate::base::{Certificate, Connection, Server, TestId, Timestamp, limits};
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

/// One origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub window: Window,
    /// When it first refused the certificate shown to clients that name no host.
    refused: Option<Timestamp>,
    /// Its tests, ended ones included as long as they are kept.
    pub tests: BTreeSet<TestId>,
    /// Its connections that ended before MAIL, by commit.
    pub shared: VecDeque<Connection>,
    /// The last sign of it.
    pub last: Option<Timestamp>,
}

impl Source {
    /// The certificate for its clients that name no host of ours, on a shared address.
    pub(super) fn without_sni(
        &self,
        now: Timestamp,
        need: Need,
        settings: &Settings,
    ) -> Certificate {
        match self.refused {
            Some(time) if need.open || now < after(time, settings.deadline) => {
                Certificate::Host(Server::Seven)
            }
            _ => Certificate::SelfSigned,
        }
    }

    /// Takes in a connection, whichever test it belongs to.
    pub(super) fn met(&mut self, connection: &Connection, open: bool, settings: &Settings) {
        self.last = self.last.max(Some(connection.started));
        if connection.refused() && connection.certificate == Some(Certificate::SelfSigned) {
            let time = connection.ended.unwrap_or(connection.started);
            let still = |before: &Timestamp| open || time < after(*before, settings.deadline);
            self.refused = self.refused.filter(still).or(Some(time));
        }
    }

    /// Keeps a connection that ended before MAIL; a later record of it replaces an earlier one.
    /// Returns the one that had to go for it.
    pub(super) fn keep(&mut self, connection: Connection) -> Option<Connection> {
        if let Some(known) = self.shared.iter_mut().find(|kept| kept.id == connection.id) {
            *known = connection;
            return None;
        }
        self.shared.push_back(connection);
        let most = limits::TEST_CONNECTIONS;
        (self.shared.len() > most).then(|| self.shared.pop_front())?
    }

    /// A test of it ended; `open` says whether another one is still open.
    pub(super) fn tested(&mut self, ended: Timestamp, open: bool, settings: &Settings) {
        self.window.tested(ended, settings);
        if !open {
            self.refused = None;
        }
    }

    /// Drops connections that no test can want any more; returns how many.
    pub(super) fn forget(&mut self, now: Timestamp, settings: &Settings) -> usize {
        let before = self.shared.len();
        if self.tests.is_empty() {
            self.shared
                .retain(|kept| now < after(kept.ended.unwrap_or(kept.started), settings.deadline));
        }
        before - self.shared.len()
    }

    /// Whether it may be forgotten.
    pub(super) fn is_idle(&self, now: Timestamp, settings: &Settings) -> bool {
        let refused = |time| now < after(time, settings.deadline);
        self.tests.is_empty()
            && self.shared.is_empty()
            && !self.refused.is_some_and(refused)
            && !self.window.matters(now, settings)
    }

    /// The networks that its kept connections came from.
    pub(super) fn networks(&self) -> impl Iterator<Item = IpAddr> {
        self.shared.iter().map(|kept| network(kept.client))
    }
}
