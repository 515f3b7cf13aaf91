//! Confirmed reverse names, so that a DNS that does not answer for a moment makes nobody somebody else. Pure.

use crate::base::{Domain, Lookup, Timestamp, limits};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The names last confirmed, and when.
#[derive(Debug, Default)]
pub struct Names {
    known: BTreeMap<IpAddr, (Domain, Timestamp)>,
}

impl Names {
    /// The name of a client after this look-up: what was found; where nothing could be found out, what was found last,
    /// for as long as `limits::NAME_KEPT`.
    pub fn settle(
        &mut self,
        client: IpAddr,
        found: &Lookup<Domain>,
        now: Timestamp,
    ) -> Option<Domain> {
        if let Some(name) = found.records.first() {
            self.make_room();
            self.known.insert(client, (name.clone(), now));
            return Some(name.clone());
        }
        if found.failed.is_none() {
            self.known.remove(&client);
            return None;
        }
        let (name, time) = self.known.get(&client)?;
        (*time + limits::NAME_KEPT > now).then(|| name.clone())
    }

    /// Forgets the older half when there are too many.
    fn make_room(&mut self) {
        if self.known.len() < limits::NAMES_KEPT {
            return;
        }
        let mut times: Vec<_> = self.known.values().map(|(_, time)| *time).collect();
        times.sort();
        let middle = times[times.len() / 2];
        self.known.retain(|_, (_, time)| *time > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Security;

    #[test]
    fn a_name_outlives_a_moment_without_dns() {
        let client = "198.51.100.7".parse().unwrap();
        let name = || Domain::parse("out.sender.example").ok();
        let found = Lookup::found(name().into_iter().collect(), Security::Insecure);
        let none = Lookup::found(Vec::new(), Security::Insecure);
        let failed = Lookup::failure(Security::Unknown, "no answer".to_owned());
        let hour = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let mut names = Names::default();
        for (at, lookup, expected) in [
            (0, &failed, None),
            (1, &found, name()),
            (2, &failed, name()),
            (22, &failed, None),
            (23, &found, name()),
            (24, &none, None),
            (25, &failed, None),
        ] {
            assert_eq!(names.settle(client, lookup, hour(at)), expected, "{at}");
        }
    }

    #[test]
    fn names_without_number_fill_no_memory() {
        let mut names = Names::default();
        let name = Domain::parse("out.sender.example").unwrap();
        let found = Lookup::found(vec![name], Security::Insecure);
        for number in 0..3 * limits::NAMES_KEPT as u32 {
            let time = Timestamp::from_second(number.into()).unwrap();
            names.settle(std::net::Ipv4Addr::from(number).into(), &found, time);
        }
        assert!(names.known.len() <= limits::NAMES_KEPT);
    }
}
