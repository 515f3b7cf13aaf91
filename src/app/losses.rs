//! Evidence that was not taken, until it is noted as gaps. Pure.

use crate::base::{Gap, GapKind, Timestamp, limits};
use std::collections::HashMap;
use std::net::IpAddr;

/// What was lost, since when and until when, by kind and network.
#[derive(Debug, Default)]
pub struct Losses {
    spans: HashMap<(GapKind, Option<IpAddr>), (Timestamp, Timestamp)>,
}

impl Losses {
    /// Notes that a piece of evidence was lost: of this network, or of anybody. Beyond `limits::GAP_NETWORKS` networks
    /// it counts as anybody's.
    pub fn add(&mut self, what: GapKind, network: Option<IpAddr>, time: Timestamp) {
        let known = self.spans.contains_key(&(what, network));
        let network = network.filter(|_| known || self.spans.len() < limits::GAP_NETWORKS);
        let (from, until) = self.spans.entry((what, network)).or_insert((time, time));
        (*from, *until) = (time.min(*from), time.max(*until));
    }

    /// The gaps since this was asked last.
    pub fn take(&mut self) -> Vec<Gap> {
        let spans = self.spans.drain();
        spans
            .map(|((what, network), (from, until))| Gap {
                from,
                until,
                what,
                network,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GapKind::{Connections, Queries};

    #[test]
    fn losses_are_one_gap_a_network_and_no_more_than_can_be_kept() {
        let time = |second| Timestamp::from_second(second).unwrap();
        let mut losses = Losses::default();
        let network = |number: usize| Some([10, (number >> 8) as u8, number as u8, 0].into());
        for second in [5, 3, 9] {
            losses.add(Connections, network(0), time(second));
        }
        losses.add(Queries, network(0), time(4));
        for number in 1..limits::GAP_NETWORKS + 50 {
            losses.add(Connections, network(number), time(20 + number as i64));
        }
        let gaps = losses.take();
        assert_eq!(gaps.len(), limits::GAP_NETWORKS + 1);
        let find = |what, network| {
            let gap = gaps
                .iter()
                .find(|gap| (gap.what, gap.network) == (what, network));
            gap.map(|gap| (gap.from, gap.until))
        };
        assert_eq!(find(Connections, network(0)), Some((time(3), time(9))));
        assert_eq!(find(Queries, network(0)), Some((time(4), time(4))));
        let first = limits::GAP_NETWORKS as i64 - 1;
        assert_eq!(
            find(Connections, None),
            Some((time(20 + first), time(69 + first + 1)))
        );
        assert_eq!(losses.take(), []);
    }
}
