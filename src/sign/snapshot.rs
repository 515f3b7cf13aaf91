//! All zones served, as one value that is replaced whole.

use super::history::History;
use super::name::{Place, QueryName};
use super::signed::{Found, SignedZone};
use super::transfer::{self, Section};
use hickory_proto::rr::RecordType;
use std::collections::HashMap;
use std::sync::Arc;

/// The zones served at one time. Readers keep the one they have while a new one is put in its place.
#[derive(Debug, Default)]
pub struct Snapshot {
    zones: HashMap<Box<[u8]>, Served>,
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
        let served = |zone: Arc<SignedZone>| {
            let apex: Box<[u8]> = zone.apex().as_bytes().into();
            let before = self.zones.get(&apex);
            let history = before.map(|before| before.history.after(&before.zone, &zone));
            let history = history.unwrap_or_default();
            (apex, Served { zone, history })
        };
        Self {
            zones: zones.into_iter().map(served).collect(),
        }
    }

    /// The zones, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<SignedZone>> {
        self.zones.values().map(|served| &served.zone)
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
        let from = usize::from(rtype == u16::from(RecordType::DS) && name.count() > 0);
        let mut above = (from..=name.count()).filter_map(|skipped| self.zone(name.suffix(skipped)));
        let zone = above.next().or_else(|| self.zone(name.as_bytes()))?;
        Some(zone.find(name, rtype, dnssec, place))
    }

    /// The answer sections of a transfer's messages, at least one; `None` when the name is no apex of ours.
    #[must_use]
    pub fn transfer(&self, apex: &QueryName, wanted: Transfer) -> Option<Vec<Section>> {
        let Served { zone, history } = self.zones.get(apex.as_bytes())?;
        Some(match wanted {
            Transfer::Whole => transfer::whole(zone),
            Transfer::Since(serial) => transfer::changes(zone, history, serial),
            Transfer::Serial => transfer::soa(zone),
        })
    }

    fn zone(&self, apex: &[u8]) -> Option<&SignedZone> {
        self.zones.get(apex).map(|served| served.zone.as_ref())
    }
}
