//! Queries over TCP: two octets of length before each message, any number of messages on a connection (RFC 7766).

use super::stopped;
use super::worker::{Shared, Worker};
use crate::base::limits;
use crate::serve::Shutdown;
use crate::serve::places::Places;
use nix::errno::Errno;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Pause after the first failure to accept a connection; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Octets of answers that are gathered before they are sent.
const GATHERED: usize = 16 * 1024;

/// Accepts connections until shutdown, then waits for those there are to end, which they do when they have sent what
/// they have.
pub(super) async fn serve(
    listener: TcpListener,
    places: Arc<Places>,
    shared: Arc<Shared>,
    mut shutdown: Shutdown,
) {
    let mut connections = JoinSet::new();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut shutdown) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                pause = SHORTEST_PAUSE;
                // A client that finds no place sees its connection closed and comes again.
                let free = places.free_now();
                if let Some(place) = free.and_then(|free| places.take(client.ip(), free)) {
                    let connection = Connection {
                        stream,
                        client,
                        worker: Worker::new(Arc::clone(&shared)),
                        output: Vec::new(),
                    };
                    let (places, shutdown) = (Arc::clone(&places), shutdown.clone());
                    connections.spawn(async move {
                        if let Err(error) = connection.converse(&places, shutdown).await {
                            tracing::debug!(%client, %error, "a DNS connection failed");
                        }
                        drop(place);
                    });
                }
            }
            Err(error) if is_of_the_connection(&error) => {
                tracing::debug!(%error, "a DNS connection ended before it was accepted");
            }
            Err(error) => {
                // Out of file descriptors, mostly: accepting again at once would fail again, for ever.
                tracing::warn!(%error, "no DNS connection can be accepted");
                tokio::select! {
                    () = stopped(&mut shutdown) => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Whether this was the error of one connection, so that the next can be accepted at once (accept(2)).
fn is_of_the_connection(error: &io::Error) -> bool {
    use Errno::{
        ECONNABORTED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ENONET,
        ENOPROTOOPT, EOPNOTSUPP, EPERM, EPROTO,
    };
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(
            ECONNABORTED
                | ECONNRESET
                | EHOSTDOWN
                | EHOSTUNREACH
                | ENETDOWN
                | ENETUNREACH
                | ENONET
                | ENOPROTOOPT
                | EOPNOTSUPP
                | EPERM
                | EPROTO
        )
    )
}

struct Connection {
    stream: TcpStream,
    client: SocketAddr,
    worker: Worker,
    /// Answers that are not sent yet, each behind its length.
    output: Vec<u8>,
}

impl Connection {
    /// Answers queries in their order until the client closes, falls silent or sends what is too long, or at shutdown.
    async fn converse(mut self, places: &Places, mut shutdown: Shutdown) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        // Else the system keeps megabytes for a client that sends and never reads.
        let socket = SockRef::from(&self.stream);
        socket.set_recv_buffer_size(limits::DNS_TCP_BUFFER)?;
        socket.set_send_buffer_size(limits::DNS_TCP_BUFFER)?;
        let mut input = Vec::new();
        let mut since = Instant::now();
        loop {
            let mut read = 0;
            while let Some(query) = message(&input[read..])? {
                read += 2 + query.len();
                self.worker.framed(query, self.client, &mut self.output);
                if self.output.len() > GATHERED {
                    self.send().await?;
                    since = Instant::now();
                    if *shutdown.borrow() {
                        return Ok(());
                    }
                }
            }
            input.drain(..read);
            // What deserves no answer keeps no connection open, nor does part of a message.
            if !self.output.is_empty() {
                self.send().await?;
                since = Instant::now();
            }
            // What is read at a time goes behind the one message at most that is not yet whole.
            input.reserve(limits::DNS_QUERY);
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => return Ok(()),
                () = silence(places, since) => return Ok(()),
                received = self.stream.read_buf(&mut input) => if received? == 0 {
                    return Ok(());
                },
            }
        }
    }

    async fn send(&mut self) -> io::Result<()> {
        // A client that does not take its answers holds a place that others need.
        timeout(limits::DNS_TCP_IDLE, self.stream.write_all(&self.output))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.output.clear();
        // One long answer is no reason to keep its room for as long as the connection lasts.
        self.output.shrink_to(GATHERED);
        Ok(())
    }
}

/// Waits until a client has been silent for too long: sooner while places are scarce.
async fn silence(places: &Places, since: Instant) {
    sleep_until(since + limits::DNS_TCP_SCARCE).await;
    while !places.are_scarce() && since.elapsed() < limits::DNS_TCP_IDLE {
        sleep(limits::DNS_TCP_SCARCE).await;
    }
}

/// The message at the start of what was read, once it is whole.
fn message(input: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some((length, rest)) = input.split_first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > limits::DNS_QUERY {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a query is too long",
        ));
    }
    Ok(rest.get(..length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_when_whole() {
        for (input, whole) in [
            (&b""[..], None),
            (b"\0", None),
            (b"\0\x03ab", None),
            (b"\0\x03abc", Some(&b"abc"[..])),
            (b"\0\x03abcd", Some(b"abc")),
            (b"\0\0", Some(b"")),
        ] {
            assert_eq!(message(input).unwrap(), whole, "{input:?}");
        }
        assert!(message(b"\xff\xff").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_less_patience_while_places_are_scarce() {
        let places = Arc::new(Places::new(4, 4));
        let lasts = async |places: &Places| {
            let since = Instant::now();
            silence(places, since).await;
            since.elapsed()
        };
        assert_eq!(lasts(&places).await, limits::DNS_TCP_IDLE);
        let held: Vec<_> = (0..4).map(|_| places.free_now()).collect();
        assert_eq!(lasts(&places).await, limits::DNS_TCP_SCARCE);
        // Who waits already notices.
        drop(held);
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { lasts(&places).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let held: Vec<_> = (0..4).map(|_| places.free_now()).collect();
        assert_eq!(waiting.await.unwrap(), limits::DNS_TCP_SCARCE);
        drop(held);
    }

    #[test]
    fn only_the_errors_of_connections_let_the_next_be_accepted_at_once() {
        for (errno, theirs) in [
            (Errno::ECONNABORTED, true),
            (Errno::EPROTO, true),
            (Errno::EMFILE, false),
            (Errno::ENFILE, false),
            (Errno::ENOBUFS, false),
            (Errno::EBADF, false),
        ] {
            assert_eq!(is_of_the_connection(&errno.into()), theirs, "{errno}");
        }
    }
}
