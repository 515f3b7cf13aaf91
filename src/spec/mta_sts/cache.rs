//! Policies kept for `max_age`, and when to fetch anew (RFC 8461 3.3, 5.1).

use super::policy::{Mode, Policy};
use crate::base::{Domain, Timestamp, limits};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Pause between fetches of one id after a failure (RFC 8461 3.3: five minutes or longer).
const PAUSE: Duration = Duration::from_secs(300);

/// What to do about a domain's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// This policy applies.
    Use(Arc<Policy>),
    /// None applies.
    Without,
    /// Fetch the policy of this id, then tell [`Cache::fetched`].
    Fetch(String),
}

#[derive(Clone, Debug, Default)]
struct Entry {
    policy: Option<(String, Arc<Policy>, Timestamp)>,
    failed: Option<(String, Timestamp)>,
}

impl Entry {
    fn valid(&self, now: Timestamp) -> Option<(&str, &Arc<Policy>)> {
        let (id, policy, expires) = self.policy.as_ref()?;
        (now < *expires).then_some((id.as_str(), policy))
    }

    fn is_dead(&self, now: Timestamp) -> bool {
        let pausing = self
            .failed
            .as_ref()
            .is_some_and(|(_, at)| now < *at + PAUSE);
        self.valid(now).is_none() && !pausing
    }
}

/// Policies by domain; at most `limits::STS_POLICIES`.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    entries: HashMap<Domain, Entry>,
}

impl Cache {
    /// What applies to `domain`, given the id in its TXT record; `None` when there is no record that counts. A record
    /// that vanished does not end a policy before its time (RFC 8461 3.1).
    #[must_use]
    pub fn plan(&self, domain: &Domain, id: Option<&str>, now: Timestamp) -> Plan {
        let entry = self.entries.get(domain);
        let kept = entry.and_then(|entry| entry.valid(now));
        let pausing = |id: &str| {
            entry
                .and_then(|entry| entry.failed.as_ref())
                .is_some_and(|(failed, at)| failed == id && now < *at + PAUSE)
        };
        match (kept, id) {
            (Some((known, policy)), Some(id)) if known == id => Plan::Use(policy.clone()),
            (_, Some(id)) if !pausing(id) => Plan::Fetch(id.to_owned()),
            (Some((_, policy)), _) => Plan::Use(policy.clone()),
            (None, _) => Plan::Without,
        }
    }

    /// Takes the outcome of a fetch and says which policy applies now: a kept one outlives a failed fetch.
    pub fn fetched(
        &mut self,
        domain: &Domain,
        id: &str,
        policy: Option<Policy>,
        now: Timestamp,
    ) -> Option<Arc<Policy>> {
        if !self.entries.contains_key(domain) {
            self.make_room(now);
        }
        let entry = self.entries.entry(domain.clone()).or_default();
        match policy {
            Some(policy) => {
                let expires = now + policy.lifetime();
                entry.policy = Some((id.to_owned(), Arc::new(policy), expires));
                entry.failed = None;
                // What was just fetched applies to this message even with a max_age of zero.
                entry.policy.as_ref().map(|(_, policy, _)| policy.clone())
            }
            None => {
                entry.failed = Some((id.to_owned(), now));
                entry.valid(now).map(|(_, policy)| policy.clone())
            }
        }
    }

    /// Forgets what is past, and if that is not enough the policy that ends first.
    fn make_room(&mut self, now: Timestamp) {
        if self.entries.len() < limits::STS_POLICIES {
            return;
        }
        self.entries.retain(|_, entry| !entry.is_dead(now));
        if self.entries.len() < limits::STS_POLICIES {
            return;
        }
        let ends = |entry: &Entry| entry.policy.as_ref().map(|(_, _, expires)| *expires);
        let first = self
            .entries
            .iter()
            .min_by_key(|(_, entry)| ends(entry))
            .map(|(domain, _)| domain.clone());
        if let Some(first) = first {
            self.entries.remove(&first);
        }
    }
}

impl Policy {
    /// Whether hosts must pass this policy.
    #[must_use]
    pub const fn is_enforced(&self) -> bool {
        matches!(self.mode, Mode::Enforce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn policy(mode: Mode, max_age: u64) -> Policy {
        Policy {
            mode,
            mx: Vec::new(),
            max_age,
        }
    }

    #[test]
    fn a_policy_lives_by_its_id_and_age() {
        let domain = Domain::parse("example.org").unwrap();
        let mut cache = Cache::default();
        let fetch = |id: &str| Plan::Fetch(id.to_owned());
        assert_eq!(cache.plan(&domain, None, at(0)), Plan::Without);
        assert_eq!(cache.plan(&domain, Some("1"), at(0)), fetch("1"));
        let first = cache
            .fetched(&domain, "1", Some(policy(Mode::Enforce, 1000)), at(0))
            .unwrap();
        let kept = Plan::Use(first);
        for (id, now, plan) in [
            (Some("1"), 999, kept.clone()),
            // The record may vanish, the policy stays.
            (None, 999, kept.clone()),
            (Some("2"), 10, fetch("2")),
            (Some("1"), 1000, fetch("1")),
            (None, 1000, Plan::Without),
        ] {
            assert_eq!(cache.plan(&domain, id, at(now)), plan, "{id:?} {now}");
        }
        // A fetch that fails leaves the old one, and is not repeated for five minutes.
        assert!(cache.fetched(&domain, "2", None, at(10)).is_some());
        assert_eq!(cache.plan(&domain, Some("2"), at(300)), kept);
        assert_eq!(cache.plan(&domain, Some("3"), at(300)), fetch("3"));
        assert_eq!(cache.plan(&domain, Some("2"), at(310)), fetch("2"));
        cache.fetched(&domain, "2", Some(policy(Mode::None, 1000)), at(310));
        assert!(
            matches!(cache.plan(&domain, Some("2"), at(311)), Plan::Use(policy) if !policy.is_enforced())
        );
    }

    #[test]
    fn the_cache_is_bounded_and_forgets_the_dead_first() {
        let mut cache = Cache::default();
        let domain = |number: usize| Domain::parse(&format!("d{number}.example")).unwrap();
        for number in 0..limits::STS_POLICIES {
            let age = if number == 7 { 1 } else { 1000 };
            cache.fetched(
                &domain(number),
                "1",
                Some(policy(Mode::Enforce, age)),
                at(0),
            );
        }
        cache.fetched(
            &domain(limits::STS_POLICIES),
            "1",
            Some(policy(Mode::Enforce, 9)),
            at(2),
        );
        assert_eq!(cache.entries.len(), limits::STS_POLICIES);
        assert_eq!(cache.plan(&domain(7), None, at(2)), Plan::Without);
        cache.fetched(&domain(limits::STS_POLICIES + 1), "1", None, at(3));
        assert_eq!(
            cache.plan(&domain(limits::STS_POLICIES), None, at(3)),
            Plan::Without
        );
        assert_eq!(cache.entries.len(), limits::STS_POLICIES);
    }
}
