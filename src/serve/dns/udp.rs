//! Queries over UDP.

use super::stopped;
use super::worker::{Shared, Worker};
use crate::base::limits;
use crate::serve::Shutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Datagrams answered before the worker looks whether it should stop.
const BURST: usize = 64;
/// Pause after a failure to receive, and before a worker that failed starts again.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves a socket until shutdown. A worker that panics is replaced, so that a query which finds a fault in it costs
/// its own answer only.
pub(super) async fn serve(socket: UdpSocket, shared: Arc<Shared>, mut shutdown: Shutdown) {
    let socket = Arc::new(socket);
    loop {
        let mut worker = JoinSet::new();
        worker.spawn(work(
            Arc::clone(&socket),
            Worker::new(Arc::clone(&shared)),
            shutdown.clone(),
        ));
        match worker.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(%error, "a DNS worker failed and is replaced");
            }
            _ => return,
        }
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn work(socket: Arc<UdpSocket>, mut worker: Worker, mut shutdown: Shutdown) {
    // One octet more than is read, so that a longer datagram shows as malformed.
    let mut buffer = vec![0; limits::DNS_QUERY + 1];
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut shutdown) => return,
            ready = socket.readable() => if let Err(error) = ready {
                tracing::debug!(%error, "a DNS socket is not readable");
                tokio::time::sleep(PAUSE).await;
            }
        }
        for _ in 0..BURST {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, client)) => {
                    let query = &buffer[..length];
                    let reply = worker.datagram(query, client);
                    if !reply.is_empty()
                        && let Err(error) = socket.send_to(reply, client).await
                    {
                        tracing::debug!(%client, %error, "a DNS answer could not be sent");
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::debug!(%error, "a DNS query could not be received");
                    tokio::time::sleep(PAUSE).await;
                    break;
                }
            }
        }
    }
}
