//! The nameserver: plain questions over UDP and TCP are answered from a snapshot of signed zones, the rest through
//! hickory-server. Queries that show how a sender protects its mail are handed to the desk.
//!
//! Nothing here signs, changes a zone, recurses or caches. The snapshot is replaced from outside; every answer comes
//! from one snapshot whole.

mod answer;
mod batch;
mod cookie;
mod observe;
mod opt;
mod question;
mod rate;
mod sockets;
mod special;
mod tcp;
mod transfer;
mod tsig;
mod udp;
mod worker;

pub use answer::{Asked, Circumstances, Outcome, Scratch, Transport, answer};
pub use cookie::CookieSecret;
pub use opt::Cookies;
pub use sockets::{BindError, Sockets, bind};
pub use tsig::TransferKey;

use super::Shutdown;
use super::places::Places;
use crate::base::limits;
use crate::base::ports::{Clock, Desk};
use crate::sign::Snapshot;
use arc_swap::ArcSwap;
use rate::Rate;
use special::Specials;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use udp::Threads;
use worker::Shared;

/// What the nameserver can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// TCP connections at one time.
    pub tcp_clients: usize,
    /// What `id.server` in the class CHAOS (RFC 4892) and NSID (RFC 5001) tell; empty: nothing.
    pub identity: String,
    /// Equal answers a second to one client network over UDP; 0: any number.
    pub rate_limit: u32,
    /// What DNS cookies are made with. Cookies made with another one are not known any more.
    pub cookie_secret: CookieSecret,
    /// Who holds one of these may fetch the zones.
    pub keys: Vec<TransferKey>,
}

/// Serves until shutdown, then ends when the last answer is sent.
///
/// # Errors
/// When a socket cannot be handed to the runtime, or a thread cannot be started; nothing is served then.
pub async fn run(
    sockets: Sockets,
    snapshot: Arc<ArcSwap<Snapshot>>,
    settings: Settings,
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) -> io::Result<()> {
    let shared = Arc::new(Shared {
        snapshot,
        specials: Specials {
            identity: settings.identity.clone(),
            keys: settings.keys,
        },
        identity: settings.identity,
        secret: settings.cookie_secret,
        rate: (settings.rate_limit > 0).then(|| Rate::new(settings.rate_limit)),
        desk,
        clock,
        started: Instant::now(),
    });
    let places = Places::new(settings.tcp_clients, limits::DNS_TCP_PER_NETWORK);
    let places = Arc::new(places);
    let mut tasks = JoinSet::new();
    // Worker k has the k-th socket of every address.
    let mut sets: Vec<Vec<_>> = Vec::new();
    for bound in sockets.bound {
        tasks.spawn(tcp::serve(
            TcpListener::from_std(bound.tcp)?,
            Arc::clone(&places),
            Arc::clone(&shared),
            shutdown.clone(),
        ));
        for (worker, socket) in bound.udp.into_iter().enumerate() {
            if worker == sets.len() {
                sets.push(Vec::new());
            }
            sets[worker].push(socket);
        }
    }
    tasks.spawn(Threads::start(sets, &shared)?.serve(shutdown));
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a DNS listener failed");
        }
    }
    Ok(())
}

/// Waits until the appliance stops; also when nobody is left who could say so.
async fn stopped(shutdown: &mut Shutdown) {
    // An error means that the sender is gone.
    let _ = shutdown.wait_for(|stopping| *stopping).await;
}
