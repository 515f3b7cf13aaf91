//! What the open tests of an origin say of its window.

use super::Desk;
use super::dossier::Dossier;
use super::settings::after;
use crate::base::{Connection, Origin, Timestamp};
use std::time::Duration;

/// The longest pause between attempts after which a sender is still expected, so that its window is kept for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 3600);

/// What they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// A test of the origin is open.
    pub open: bool,
    /// One of them has seen no clear text of its own.
    pub evidence: bool,
}

impl Desk {
    /// What the open tests of an origin say of its window.
    pub(super) fn need(&self, origin: &Origin, now: Timestamp) -> Need {
        let mut need = Need::default();
        for dossier in self.open_at(origin) {
            need.open = true;
            let expected = now < after(dossier.last(), LONGEST_PAUSE);
            need.evidence = need.evidence || (expected && !self.saw_window(dossier));
        }
        need
    }

    /// Whether a test of an origin is open.
    pub(super) fn is_tested(&self, origin: &Origin) -> bool {
        self.open_at(origin).next().is_some()
    }

    fn open_at(&self, origin: &Origin) -> impl Iterator<Item = &Dossier> {
        let source = self.sources.get(origin).into_iter();
        source
            .flat_map(|source| source.tests.iter().filter_map(|id| self.tests.get(id)))
            .filter(|dossier| dossier.is_open())
    }

    /// Whether the test has evidence from a window that is not older than its message.
    fn saw_window(&self, dossier: &Dossier) -> bool {
        let withheld =
            |connection: &Connection| connection.ehlo.is_some() && !connection.starttls_offered;
        let oldest = dossier.oldest_shared();
        let own = (dossier.connections.iter()).filter(|own| dossier.counts(own));
        own.clone().any(withheld)
            || self
                .shared(dossier)
                .any(|shared| shared.started >= oldest && withheld(shared))
    }
}
