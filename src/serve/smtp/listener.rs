//! Takes clients, within limits, until the appliance stops.

use super::room::Room;
use super::visit::{Visit, stopped};
use super::{Ports, Settings};
use crate::base::limits;
use crate::serve::pace::Pace;
use crate::serve::places::{Place, Places};
use crate::serve::{Shutdown, listen};
use socket2::SockRef;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
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
/// Clients beyond the limits, those that come while there are no certificates, and those from denied networks get a `421`
/// and no record, and of all but the last the desk is told; of every other connection it gets exactly one record at its end, and one more for each further transaction in it.
pub async fn run(
    listeners: Vec<TcpListener>,
    settings: Arc<Settings>,
    ports: Ports,
    shutdown: Shutdown,
) {
    let door = Arc::new(Door::new(settings, ports));
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
    places: Arc<Places>,
    pace: Pace,
    room: Arc<Room>,
}

impl Door {
    fn new(settings: Arc<Settings>, ports: Ports) -> Self {
        let per_network = settings.clients_per_network;
        // A single client leaves room for its neighbours.
        let places = Places::new(settings.clients, per_network).per_client(per_network.div_ceil(2));
        let places = Arc::new(places);
        Self {
            pace: Pace::new(limits::SMTP_RATE),
            room: Arc::new(Room::new(places.clone())),
            places,
            settings,
            ports,
        }
    }

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

    /// Lets the client in, or tells it in one line why not. Who is turned away at a limit may be missed as evidence; who
    /// is denied is not.
    fn admit(&self, tcp: &TcpStream) -> Option<(Place, Visit)> {
        // Without addresses the client has gone already.
        let client = tcp.peer_addr().ok()?.ip().to_canonical();
        let address = tcp.local_addr().ok()?.ip().to_canonical();
        if self.settings.deny.iter().any(|n| n.contains(client)) {
            return turn_away(tcp, "421 4.7.1 This network is not served\r\n");
        }
        if self.settings.tls.load().is_empty() {
            self.ports.desk.turned_away(None);
            return turn_away(
                tcp,
                "421 4.3.2 Certificates are on their way, please come again\r\n",
            );
        }
        let place = match self.place(client) {
            Ok(place) => place,
            Err(whose) => {
                self.ports.desk.turned_away(whose);
                return turn_away(tcp, "421 4.3.2 Too many connections, please come again\r\n");
            }
        };
        // Small replies leave at once; if the system refuses, they leave a little later.
        let _ = tcp.set_nodelay(true);
        let visit = Visit::new(
            self.settings.clone(),
            self.ports.clone(),
            self.room.clone(),
            client,
            address,
        );
        Some((place, visit))
    }

    /// A place; else whose limit forbids it, the client's or nobody's in particular.
    fn place(&self, client: IpAddr) -> Result<Place, Option<IpAddr>> {
        let free = self.places.free_now().ok_or(None)?;
        let place = self.places.take(client, free).ok_or(Some(client))?;
        self.pace.allow(client).map(|()| place)
    }
}

fn turn_away<T>(tcp: &TcpStream, why: &str) -> Option<T> {
    // A fresh socket's buffer takes one line; if not, the client learns nothing.
    let _ = SockRef::from(tcp).send(why.as_bytes());
    None
}
