//! The places that connections take: so many in all, so many a client network, so many a client.

use crate::base::origin::{client, network};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one kind of listener.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    free: Arc<Semaphore>,
    most_per_network: usize,
    most_per_client: usize,
    taken: Mutex<Taken>,
}

/// How many places are taken, by whom.
#[derive(Debug, Default)]
struct Taken {
    networks: HashMap<IpAddr, usize>,
    clients: HashMap<IpAddr, usize>,
}

/// One of all the places, whoever is to have it.
pub(super) type OneOfAll = OwnedSemaphorePermit;

/// One connection's place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: IpAddr,
    client: IpAddr,
    _one_of_all: OneOfAll,
}

impl Places {
    /// So many places, all of them free; a single client may have as many as its network.
    pub(super) fn new(most: usize, most_per_network: usize) -> Self {
        Self {
            most,
            free: Arc::new(Semaphore::new(most)),
            most_per_network,
            most_per_client: most_per_network,
            taken: Mutex::default(),
        }
    }

    /// The same with so many places for a single client at most.
    pub(super) fn per_client(self, most_per_client: usize) -> Self {
        Self {
            most_per_client,
            ..self
        }
    }

    /// Waits until there is room for another connection; `None` never happens, for the places are never closed.
    pub(super) async fn free(&self) -> Option<OneOfAll> {
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// Room for another connection, if there is any now.
    pub(super) fn free_now(&self) -> Option<OneOfAll> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// Whether less than a quarter of the places is free.
    pub(super) fn are_scarce(&self) -> bool {
        self.free.available_permits() < self.most / 4
    }

    /// A place for a client, unless it or its network has all that it may have.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, one_of_all: OneOfAll) -> Option<Place> {
        let (network, client) = (network(address), client(address));
        let mut taken = self.taken();
        let held = |by: &HashMap<IpAddr, usize>, whose| by.get(&whose).copied().unwrap_or_default();
        if held(&taken.networks, network) >= self.most_per_network
            || held(&taken.clients, client) >= self.most_per_client
        {
            return None;
        }
        *taken.networks.entry(network).or_default() += 1;
        *taken.clients.entry(client).or_default() += 1;
        Some(Place {
            places: Arc::clone(self),
            network,
            client,
            _one_of_all: one_of_all,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        give_back(&mut taken.networks, self.network);
        give_back(&mut taken.clients, self.client);
    }
}

fn give_back(taken: &mut HashMap<IpAddr, usize>, whose: IpAddr) {
    if let Entry::Occupied(mut held) = taken.entry(whose) {
        *held.get_mut() -= 1;
        if *held.get() == 0 {
            held.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let places = Arc::new(Places::new(4, 3).per_client(2));
        let take = |address: &str| places.take(address.parse().unwrap(), places.free_now()?);
        let first = [take("192.0.2.1"), take("192.0.2.1")];
        assert!(first.iter().all(Option::is_some) && !places.are_scarce());
        assert!(take("192.0.2.1").is_none(), "the client has its two");
        let third = take("192.0.2.200");
        assert!(third.is_some());
        assert!(take("192.0.2.3").is_none(), "the network has its three");
        let fourth = take("2001:db8::1");
        assert!(fourth.is_some() && places.are_scarce());
        assert!(take("203.0.113.1").is_none(), "four in all");
        drop(first);
        assert!(take("192.0.2.1").is_some());
        drop((third, fourth));
        let taken = places.taken();
        assert_eq!((taken.networks.len(), taken.clients.len()), (0, 0));
        assert_eq!(places.free.available_permits(), 4);
    }

    #[test]
    fn the_addresses_of_one_ipv6_link_are_one_client() {
        let places = Arc::new(Places::new(9, 3).per_client(1));
        let take = |address: &str| places.take(address.parse().unwrap(), places.free_now()?);
        let first = take("2001:db8::1");
        assert!(first.is_some() && take("2001:db8::2").is_none());
        assert!(take("2001:db8:0:1::1").is_some());
    }
}
