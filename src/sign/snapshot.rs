//! All zones served, as one value that is replaced whole.

use super::history::History;
use super::name::{Place, QueryName};
use super::signed::{Found, SignedZone};
use super::transfer::{self, Section};
use hickory_proto::rr::RecordType;
use std::sync::Arc;

/// The zones served at one time. Readers keep the one they have while a new one is put in its place.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The deepest apex first. They are few, so that to look at each is faster than to hash.
    zones: Vec<Served>,
}

#[derive(Debug)]
struct Served {
    zone: Arc<SignedZone>,
    history: History,
}

/// A transfer that a secondary asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The whole zone (RFC 5936).
    Whole,
    /// What changed since the version with this serial (RFC 1995).
    Since(u32),
    /// The serial of the current version: what an incremental transfer in a datagram comes to.
    Serial,
}

impl Snapshot {
    /// A snapshot of these zones; of two with the same apex the later one is served. Nothing is known of versions
    /// before.
    #[must_use]
    pub fn new(zones: Vec<Arc<SignedZone>>) -> Self {
        Self::default().followed_by(zones)
    }

    /// The snapshot that takes the place of this one, with the changes between the versions of each zone, for
    /// incremental transfers.
    #[must_use]
    pub fn followed_by(&self, zones: Vec<Arc<SignedZone>>) -> Self {
        let mut next: Vec<Served> = Vec::with_capacity(zones.len());
        for zone in zones {
            let apex = zone.apex().as_bytes();
            let before = self.served(apex);
            let history = before.map(|before| before.history.after(&before.zone, &zone));
            let history = history.unwrap_or_default();
            next.retain(|served| served.zone.apex().as_bytes() != apex);
            next.push(Served { zone, history });
        }
        next.sort_by_key(|served| std::cmp::Reverse(served.zone.labels()));
        Self { zones: next }
    }

    /// The zones, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<SignedZone>> {
        self.zones.iter().map(|served| &served.zone)
    }

    /// What to say about a name, from the zone with the deepest apex; `None` when it lies in no zone of ours.
    ///
    /// DS at an apex is the parent's to answer (RFC 4035 3.1.4.1), where the parent is served here too. `place` is
    /// room to work in.
    #[must_use]
    pub fn find(
        &self,
        name: &QueryName,
        rtype: u16,
        dnssec: bool,
        place: &mut Place,
    ) -> Option<Found<'_>> {
        let ds = rtype == u16::from(RecordType::DS);
        let mut child = None;
        for Served { zone, .. } in &self.zones {
            let Some(skipped) = name.count().checked_sub(zone.labels()) else {
                continue;
            };
            if name.suffix(skipped) == zone.apex().as_bytes() {
                if !ds || skipped > 0 {
                    return Some(zone.find(name, rtype, dnssec, place));
                }
                child = Some(zone);
            }
        }
        Some(child?.find(name, rtype, dnssec, place))
    }

    /// The answer sections of a transfer's messages, at least one; `None` when the name is no apex of ours.
    #[must_use]
    pub fn transfer(&self, apex: &QueryName, wanted: Transfer) -> Option<Vec<Section>> {
        let Served { zone, history } = self.served(apex.as_bytes())?;
        Some(match wanted {
            Transfer::Whole => transfer::whole(zone),
            Transfer::Since(serial) => transfer::changes(zone, history, serial),
            Transfer::Serial => transfer::soa(zone),
        })
    }

    fn served(&self, apex: &[u8]) -> Option<&Served> {
        let mut zones = self.zones.iter();
        zones.find(|served| served.zone.apex().as_bytes() == apex)
    }
}
