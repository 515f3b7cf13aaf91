//! What to look at: the MX hosts by preference, and which of their addresses.

use crate::base::{Domain, Lookup, Mx, limits};
use std::net::IpAddr;

/// A host that takes mail for the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub host: Domain,
    /// Lower is tried first; 0 where no MX record says so.
    pub preference: u16,
}

/// How the domain names its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By MX records.
    Listed,
    /// Not at all: its own addresses take its mail, if any do (RFC 5321 5.1).
    Implicit,
    /// It takes no mail (RFC 7505).
    NullMx,
    /// The MX records could not be found out.
    Unknown,
}

/// The hosts to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How they are named.
    pub naming: Naming,
    /// At most `limits::MX_HOSTS`, by preference, then by name; each once.
    pub exchanges: Vec<Exchange>,
    /// How many hosts are beyond that.
    pub left_out: usize,
}

/// Reads the plan out of the look-up of the MX records.
#[must_use]
pub fn plan(domain: &Domain, mx: &Lookup<Mx>) -> Plan {
    let bare = |naming| Plan {
        naming,
        exchanges: Vec::new(),
        left_out: 0,
    };
    if mx.failed.is_some() {
        return bare(Naming::Unknown);
    }
    if mx.records.is_empty() {
        return Plan {
            exchanges: vec![Exchange {
                host: domain.clone(),
                preference: 0,
            }],
            ..bare(Naming::Implicit)
        };
    }
    let mut records: Vec<_> = mx.records.clone();
    records.sort();
    let mut exchanges: Vec<Exchange> = Vec::new();
    for record in records {
        if let Some(host) = record.host
            && exchanges.iter().all(|known| known.host != host)
        {
            exchanges.push(Exchange {
                host,
                preference: record.preference,
            });
        }
    }
    if exchanges.is_empty() {
        return bare(Naming::NullMx);
    }
    let left_out = exchanges.len().saturating_sub(limits::MX_HOSTS);
    exchanges.truncate(limits::MX_HOSTS);
    Plan {
        naming: Naming::Listed,
        exchanges,
        left_out,
    }
}

/// The address of a host that is to be connected; the host by its place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Which host.
    pub host: usize,
    /// Which of its addresses.
    pub address: IpAddr,
}

/// Chooses at most `limits::MX_ADDRESSES`: the first of each host, then the second of each, and so on, so that no host
/// is left out for the many addresses of another. Returns how many are left out, too.
#[must_use]
pub fn visits(addresses: &[Vec<IpAddr>]) -> (Vec<Visit>, usize) {
    let longest = addresses.iter().map(Vec::len).max().unwrap_or(0);
    let mut visits: Vec<_> = (0..longest)
        .flat_map(|rank| {
            let of_rank = move |(host, all): (usize, &Vec<IpAddr>)| {
                let address = *all.get(rank)?;
                Some(Visit { host, address })
            };
            addresses.iter().enumerate().filter_map(of_rank)
        })
        .collect();
    let left_out = visits.len().saturating_sub(limits::MX_ADDRESSES);
    visits.truncate(limits::MX_ADDRESSES);
    (visits, left_out)
}

/// The names to ask for CAA records of a host in turn: itself, then its parents, the root not among them (RFC 8659 3);
/// `None` behind the last when there are more than `limits::CAA_CLIMB`.
#[must_use]
pub fn climb(host: &Domain) -> Vec<Option<Domain>> {
    let mut names = Vec::new();
    let mut rest = Some(host.as_str());
    while let Some(name) = rest {
        if names.len() == limits::CAA_CLIMB {
            names.push(None);
            break;
        }
        names.extend(Domain::parse(name).ok().map(Some));
        rest = name.split_once('.').map(|(_, parent)| parent);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Security;

    fn name(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    fn answer(records: &[(u16, &str)]) -> Lookup<Mx> {
        let record = |(preference, host): &(u16, &str)| Mx {
            preference: *preference,
            host: (!host.is_empty()).then(|| name(host)),
        };
        Lookup::found(records.iter().map(record).collect(), Security::Secure)
    }

    #[test]
    fn hosts_come_by_preference_each_once() {
        for (records, naming, hosts) in [
            (&[][..], Naming::Implicit, "0 d.example"),
            (&[(0, "")], Naming::NullMx, ""),
            (&[(10, "")], Naming::NullMx, ""),
            // A null MX beside others is a fault, not a refusal of mail (RFC 7505 3).
            (
                &[(0, ""), (10, "a.example")],
                Naming::Listed,
                "10 a.example",
            ),
            (
                &[
                    (20, "c.example"),
                    (10, "b.example"),
                    (10, "a.example"),
                    (30, "a.example"),
                ],
                Naming::Listed,
                "10 a.example, 10 b.example, 20 c.example",
            ),
        ] {
            let plan = plan(&name("d.example"), &answer(records));
            let shown: Vec<_> = plan
                .exchanges
                .iter()
                .map(|one| format!("{} {}", one.preference, one.host))
                .collect();
            assert_eq!((plan.naming, shown.join(", ")), (naming, hosts.to_owned()));
        }
        let failed = Lookup::failure(Security::Unknown, "no answer".to_owned());
        let unknown = plan(&name("d.example"), &failed);
        assert_eq!(
            (unknown.naming, unknown.exchanges),
            (Naming::Unknown, Vec::new())
        );
    }

    #[test]
    fn beyond_the_limits_hosts_and_addresses_are_counted() {
        let hosts: Vec<_> = (0..13_u16).map(|n| (n, format!("mx{n}.example"))).collect();
        let rows: Vec<_> = hosts.iter().map(|(n, host)| (*n, host.as_str())).collect();
        let plan = plan(&name("d.example"), &answer(&rows));
        assert_eq!((plan.exchanges.len(), plan.left_out), (limits::MX_HOSTS, 3));

        let address = |host: u8, rank: u8| IpAddr::from([192, 0, host, rank]);
        let many = |host, count| (0..count).map(|rank| address(host, rank)).collect();
        let (visits, left_out) = visits(&[many(0, 30), many(1, 1), Vec::new(), many(3, 2)]);
        assert_eq!((visits.len(), left_out), (limits::MX_ADDRESSES, 13));
        let first: Vec<_> = visits
            .iter()
            .take(5)
            .map(|one| (one.host, one.address))
            .collect();
        assert_eq!(
            first,
            [
                (0, address(0, 0)),
                (1, address(1, 0)),
                (3, address(3, 0)),
                (0, address(0, 1)),
                (3, address(3, 1))
            ]
        );
    }

    #[test]
    fn the_climb_ends_below_the_root_or_at_its_limit() {
        let shown = |host: &str| {
            let names = climb(&name(host)).into_iter();
            let shown: Vec<_> = names
                .map(|name| name.map_or("...".to_owned(), String::from))
                .collect();
            shown.join(" ")
        };
        assert_eq!(shown("mx.d.example"), "mx.d.example d.example example");
        let deep = shown("1.2.3.4.5.6.7.8.9.10.11.12");
        assert!(deep.ends_with(" 10.11.12 ..."), "{deep}");
    }
}
