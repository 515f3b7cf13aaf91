//! Takes clients, within limits, until the appliance stops.

use super::visit::{Visit, stopped};
use super::{Ports, Settings};
use crate::base::{limits, origin};
use crate::serve::{Shutdown, listen};
use socket2::SockRef;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

const BACKLOG: i32 = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Why an address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot listen for mail on {}: {}",
            self.address, self.error
        )
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Opens a listener on each address, in their order. Needs a Tokio runtime.
///
/// # Errors
/// The first address that cannot be listened on, with the reason.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    addresses
        .iter()
        .map(|address| {
            listen(*address, BACKLOG).map_err(|error| BindError {
                address: *address,
                error,
            })
        })
        .collect()
}

/// Serves clients on all listeners until `shutdown` becomes `true`, then ends those there are and returns.
///
/// Clients beyond the limits and from denied networks get a `421` and no record; of every other connection the desk gets
/// exactly one record at its end, and one more for each further transaction in it.
pub async fn run(
    listeners: Vec<TcpListener>,
    settings: Arc<Settings>,
    ports: Ports,
    shutdown: Shutdown,
) {
    let door = Arc::new(Door {
        places: Arc::new(Semaphore::new(settings.clients)),
        networks: Mutex::new(HashMap::new()),
        settings,
        ports,
    });
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(door.clone().attend(listener, shutdown.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

/// Who is let in.
struct Door {
    settings: Arc<Settings>,
    ports: Ports,
    places: Arc<Semaphore>,
    /// Clients being served, by network.
    networks: Mutex<HashMap<IpAddr, usize>>,
}

/// A client's right to be served; gives its place back when dropped.
struct Place {
    door: Arc<Door>,
    network: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut networks = self
            .door
            .networks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = networks.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                networks.remove(&self.network);
            }
        }
    }
}

impl Door {
    async fn attend(self: Arc<Self>, listener: TcpListener, mut shutdown: Shutdown) {
        let mut visits = JoinSet::new();
        let mut pause = FIRST_PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                Some(_) = visits.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, _)) => {
                    pause = FIRST_PAUSE;
                    if let Some((place, visit)) = self.admit(&tcp) {
                        let shutdown = shutdown.clone();
                        visits.spawn(async move {
                            visit.serve(tcp, shutdown).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::select! {
                        () = stopped(&mut shutdown) => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(limits::ACCEPT_PAUSE);
                }
            }
        }
        drop(listener);
        while visits.join_next().await.is_some() {}
    }

    /// Lets the client in, or tells it in one line why not.
    fn admit(self: &Arc<Self>, tcp: &TcpStream) -> Option<(Place, Visit)> {
        // Without addresses the client has gone already.
        let client = tcp.peer_addr().ok()?.ip().to_canonical();
        let address = tcp.local_addr().ok()?.ip().to_canonical();
        let denied = self.settings.deny.iter().any(|n| n.contains(client));
        let place = if denied { None } else { self.place(client) };
        let Some(place) = place else {
            let text = match denied {
                true => "421 4.7.1 This network is not served\r\n",
                false => "421 4.3.2 Too many connections, please come again\r\n",
            };
            // A fresh socket's buffer takes one line; if not, the client learns nothing.
            let _ = SockRef::from(tcp).send(text.as_bytes());
            return None;
        };
        // Small replies leave at once; if the system refuses, they leave a little later.
        let _ = tcp.set_nodelay(true);
        let visit = Visit::new(self.settings.clone(), self.ports.clone(), client, address);
        Some((place, visit))
    }

    fn place(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let permit = self.places.clone().try_acquire_owned().ok()?;
        let network = origin::network(client);
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let count = networks.entry(network).or_default();
        if *count >= self.settings.clients_per_network {
            return None;
        }
        *count += 1;
        Some(Place {
            door: self.clone(),
            network,
            _permit: permit,
        })
    }
}
