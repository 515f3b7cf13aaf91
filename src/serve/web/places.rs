//! The places that connections take: so many in all, so many a client network.

use crate::base::origin::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of connections.
pub(super) struct Places {
    all: Arc<Semaphore>,
    by_network: Mutex<HashMap<IpAddr, usize>>,
    per_network: usize,
}

/// One connection's place, free again when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    network: IpAddr,
    _one_of_all: OwnedSemaphorePermit,
}

impl Places {
    /// Places, all of them free.
    pub(super) fn new(all: usize, per_network: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            by_network: Mutex::default(),
            per_network,
        }
    }

    /// Waits until there is room for another connection; `None` never happens, for the places are never closed.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_network
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a client, unless its network has all that it may have.
    pub(super) fn take(
        self: &Arc<Self>,
        client: IpAddr,
        one_of_all: OwnedSemaphorePermit,
    ) -> Option<Place> {
        let network = network(client);
        let mut taken = self.taken();
        let count = taken.entry(network).or_default();
        if *count >= self.per_network {
            return None;
        }
        *count += 1;
        Some(Place {
            places: Arc::clone(self),
            network,
            _one_of_all: one_of_all,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}
