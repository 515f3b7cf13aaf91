//! Inbound checks of senders' domains, each kept for a while.

use crate::base::{Domain, Timestamp, limits};
use crate::dial::Dial;
use crate::probe::{self, inbound::Inbound};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// A check that was made, or is under way.
type Check = Arc<OnceCell<Inbound>>;

/// How domains receive mail, as far as it was looked at.
pub struct Checks {
    dial: Dial,
    settings: probe::Settings,
    kept: Mutex<BTreeMap<Domain, (Timestamp, Check)>>,
}

impl Checks {
    /// None yet.
    pub fn new(dial: Dial) -> Self {
        Self {
            dial,
            settings: probe::Settings::default(),
            kept: Mutex::default(),
        }
    }

    /// How a domain receives mail; a check a moment ago, or under way, stands for all, so that nobody is looked at again
    /// and again, or twice at a time.
    pub async fn of(&self, domain: &Domain, now: Timestamp) -> Inbound {
        let check = self.check(domain, now);
        let probe = || probe::probe(&self.dial, domain, &self.settings, now);
        check.get_or_init(probe).await.clone()
    }

    /// Where the inbound check of a domain is, or comes.
    fn check(&self, domain: &Domain, now: Timestamp) -> Check {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (time, check)| {
            *time + limits::PROBE_KEPT > now || Arc::strong_count(check) > 1
        });
        if let Some((_, check)) = kept.get(domain) {
            return Arc::clone(check);
        }
        let check = Arc::default();
        if kept.len() < limits::PROBES_KEPT {
            kept.insert(domain.clone(), (now, Arc::clone(&check)));
        }
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::Settings;

    #[test]
    fn a_domain_is_looked_at_once_in_a_while() {
        let dial = Dial::new(Settings {
            resolvers: vec!["127.0.0.1:1".parse().unwrap()],
            ..Settings::default()
        });
        let checks = Checks::new(dial.unwrap());
        let domain = |name| Domain::parse(name).unwrap();
        let time = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let first = checks.check(&domain("a.example"), time(0));
        let under_way = checks.check(&domain("a.example"), time(1200));
        assert!(Arc::ptr_eq(&first, &under_way));
        let other = checks.check(&domain("b.example"), time(0));
        assert!(!Arc::ptr_eq(&first, &other));
        let old = Arc::downgrade(&first);
        drop((first, under_way));
        checks.check(&domain("b.example"), time(1200));
        assert!(old.upgrade().is_none(), "an old check stands no longer");
    }
}
