//! What is forgotten, and when, so that memory stays bounded however long the appliance runs.

use super::Desk;
use super::settings::after;
use crate::base::{TestId, Timestamp, limits};

impl Desk {
    /// Drops ended tests after `deadline`, and origins, orders and gaps that no test can want any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.forgotten = now;
        let stale: Vec<_> = (self.tests.values())
            .filter(|dossier| {
                let old = |ended| now >= after(ended, self.settings.deadline);
                dossier.ended.is_some_and(old) && self.due(dossier).is_none()
            })
            .map(|dossier| dossier.id.clone())
            .collect();
        for id in &stale {
            self.drop_test(id);
        }
        self.drop_surplus();
        let settings = &self.settings;
        for source in self.sources.values_mut() {
            self.kept -= source.forget(now, settings).min(self.kept);
        }
        let idle = (self.sources.iter()).filter(|(_, source)| source.is_idle(now, settings));
        let idle: Vec<_> = idle.map(|(origin, _)| origin.clone()).collect();
        for origin in &idle {
            self.drop_source(origin);
        }
        let horizon = self.horizon(now);
        while (self.orders.get(1)).is_some_and(|second| second.time <= horizon) {
            self.orders.pop_front();
        }
        self.gaps.retain(|gap| gap.until >= horizon);
        self.reports.forget(now);
        self.forget_erased(now);
    }

    /// Forgets a test at once, with all that belongs to it alone.
    pub fn drop_test(&mut self, id: &TestId) {
        let id = self.joined.get(id).unwrap_or(id).clone();
        self.leave_networks(&id);
        let Some(dossier) = self.tests.remove(&id) else {
            return;
        };
        self.open.remove(&id);
        self.wishes.clear();
        for key in &dossier.keys {
            if self.keys.get(key) == Some(&id) {
                self.keys.remove(key);
            }
        }
        for connection in &dossier.connections {
            self.owners.remove(&connection.id);
        }
        for origin in &dossier.origins {
            if let Some(source) = self.sources.get_mut(origin) {
                source.tests.remove(&id);
            }
        }
        self.joined.retain(|_, stays| *stays != id);
    }

    /// Drops the oldest ended tests beyond the limit.
    fn drop_surplus(&mut self) {
        let surplus = (self.tests.len() - self.open.len()).saturating_sub(limits::ENDED_TESTS);
        if surplus == 0 {
            return;
        }
        let mut ended: Vec<_> = (self.tests.values())
            .filter_map(|dossier| Some((dossier.ended?, dossier.id.clone())))
            .collect();
        ended.sort();
        for (_, id) in ended.iter().take(surplus) {
            self.drop_test(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::{minute, settings};
    use super::*;
    use crate::base::{Connection, ConnectionId, Server, TestId};
    use std::net::Ipv4Addr;

    /// A stranger's connection without a sender, each from a network of its own.
    fn stranger(number: u32, at: i64) -> Connection {
        let client = Ipv4Addr::from(0x1400_0000 + number * 256).into();
        let address = "192.0.2.25".parse().unwrap();
        let mut record = Connection::new(ConnectionId(number.into()), client, address, minute(at));
        record.ehlo = Some("scanner.example".to_owned());
        record.server = Some(Server::One);
        record.ended = Some(minute(at));
        record
    }

    #[test]
    fn strangers_without_number_fill_no_memory() {
        let mut desk = Desk::new(settings());
        let most = u32::try_from(limits::ORIGINS).unwrap();
        for number in 0..most + 3000 {
            let at = i64::from(number / 100);
            let record = stranger(number, at);
            desk.greet(record.client, None, "scanner.example", minute(at));
            desk.closed(&record);
        }
        assert!(desk.sources.len() <= limits::ORIGINS + 100);
        let kept: usize = desk
            .sources
            .values()
            .map(|source| source.shared.len())
            .sum();
        assert_eq!(desk.kept, kept);
        desk.tick(minute(100_000));
        assert_eq!((desk.sources.len(), desk.kept), (0, 0));
    }

    #[test]
    fn strangers_in_a_rush_fill_no_memory_either() {
        let mut desk = Desk::new(settings());
        let most = u32::try_from(limits::ORIGINS).unwrap();
        desk.tick(minute(0));
        for number in 0..5 * most {
            let client = Ipv4Addr::from(0x1400_0000 + number * 256).into();
            desk.greet(client, None, "scanner.example", minute(0));
        }
        assert!(desk.sources.len() <= 2 * limits::ORIGINS);
    }

    #[test]
    fn a_forgotten_test_leaves_nothing() {
        let mut desk = Desk::new(settings());
        let mut record = stranger(1, 0);
        record.starttls_offered = true;
        record.from = Some("jim@sender.example".parse().ok());
        record.to = vec!["en@et.example.org".parse().unwrap()];
        desk.transacted(&record, TestId::from_bits([1; 10]), minute(0));
        assert_eq!(desk.tests().len(), 1);
        desk.drop_test(&TestId::from_bits([1; 10]));
        desk.tick(minute(100_000));
        let left = [
            desk.tests.len(),
            desk.open.len(),
            desk.keys.len(),
            desk.owners.len(),
            desk.near.len(),
            desk.sources.len(),
        ];
        assert_eq!(left, [0; 6]);
    }
}
