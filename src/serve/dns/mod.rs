//! The nameserver: plain questions over UDP and TCP are answered from a snapshot of signed zones, the rest through
//! hickory-server. Queries that show how a sender protects its mail are handed to the desk.
//!
//! Nothing here signs, changes a zone, recurses or caches. The snapshot is replaced from outside; every answer comes
//! from one snapshot whole.

mod answer;
mod observe;
mod question;
mod sockets;
mod special;
mod tcp;
mod transfer;
mod tsig;
mod udp;
mod worker;

pub use answer::{Asked, Outcome, Scratch, Transport, answer};
pub use sockets::{BindError, Sockets, bind};
pub use tsig::TransferKey;

use super::Shutdown;
use super::places::Places;
use crate::base::limits;
use crate::base::ports::{Clock, Desk};
use crate::sign::Snapshot;
use arc_swap::ArcSwap;
use special::Specials;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use worker::Shared;

/// What the nameserver can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// TCP connections at one time.
    pub tcp_clients: usize,
    /// What `id.server` in the class CHAOS tells (RFC 4892); empty: nothing.
    pub identity: String,
    /// Who holds one of these may fetch the zones.
    pub keys: Vec<TransferKey>,
}

/// Serves until shutdown, then ends when the last answer is sent.
///
/// # Errors
/// When a socket cannot be handed to the runtime; nothing is served then.
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
            identity: settings.identity,
            keys: settings.keys,
        },
        desk,
        clock,
    });
    let places = Places::new(settings.tcp_clients, limits::DNS_TCP_PER_NETWORK);
    let places = Arc::new(places);
    let mut tasks = JoinSet::new();
    for bound in sockets.bound {
        tasks.spawn(tcp::serve(
            TcpListener::from_std(bound.tcp)?,
            Arc::clone(&places),
            Arc::clone(&shared),
            shutdown.clone(),
        ));
        for socket in bound.udp {
            let socket = UdpSocket::from_std(socket)?;
            tasks.spawn(udp::serve(socket, Arc::clone(&shared), shutdown.clone()));
        }
    }
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
