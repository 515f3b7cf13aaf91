//! All zones served, as one value that is replaced whole.

use super::name::{Place, QueryName};
use super::signed::{Found, SignedZone};
use hickory_proto::rr::RecordType;
use std::collections::HashMap;
use std::sync::Arc;

/// The zones served at one time. Readers keep the one they have while a new one is put in its place.
#[derive(Debug, Default)]
pub struct Snapshot {
    zones: HashMap<Box<[u8]>, Arc<SignedZone>>,
}

impl Snapshot {
    /// A snapshot of these zones; of two with the same apex the later one is served.
    #[must_use]
    pub fn new(zones: Vec<Arc<SignedZone>>) -> Self {
        let by_apex = |zone: Arc<SignedZone>| (zone.apex().as_bytes().into(), zone);
        Self {
            zones: zones.into_iter().map(by_apex).collect(),
        }
    }

    /// The zones, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<SignedZone>> {
        self.zones.values()
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

    fn zone(&self, apex: &[u8]) -> Option<&SignedZone> {
        self.zones.get(apex).map(Arc::as_ref)
    }
}
