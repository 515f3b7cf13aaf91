//! How many connections there may be, in all and from one client network.

use crate::base::origin::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The open connections.
#[derive(Debug)]
pub(super) struct Clients {
    most: usize,
    most_per_network: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A place among the open connections, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    clients: Arc<Clients>,
    network: IpAddr,
}

impl Clients {
    pub(super) fn new(most: usize, most_per_network: usize) -> Self {
        Self {
            most,
            most_per_network,
            open: Mutex::default(),
        }
    }

    /// A place for this client, unless there are too many.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let network = network(client);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_network.get(&network).copied().unwrap_or_default();
        if open.all >= self.most || own >= self.most_per_network {
            return None;
        }
        open.all += 1;
        open.by_network.insert(network, own + 1);
        let clients = Arc::clone(self);
        Some(Seat { clients, network })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let open = &self.clients.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(own) = open.by_network.get_mut(&self.network) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let clients = Arc::new(Clients::new(3, 2));
        let admit = |address: &str| clients.admit(address.parse().unwrap());
        let first = admit("192.0.2.1");
        let second = admit("192.0.2.200");
        assert!(first.is_some() && second.is_some());
        assert!(admit("192.0.2.3").is_none(), "the network has its two");
        let third = admit("198.51.100.1");
        assert!(third.is_some());
        assert!(admit("203.0.113.1").is_none(), "three in all");
        drop(first);
        assert!(admit("192.0.2.3").is_some());
        drop((second, third));
        let open = clients.open.lock().unwrap();
        assert_eq!((open.all, open.by_network.len()), (0, 0));
    }
}
