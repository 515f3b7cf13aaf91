//! Queries over TCP: two octets of length before each message, any number of messages on a connection (RFC 7766).

use super::stopped;
use super::worker::{Shared, Worker};
use crate::base::limits;
use crate::serve::Shutdown;
use crate::serve::places::Places;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// Pause after the first failure to accept a connection; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Octets of answers that are gathered before they are sent.
const GATHERED: usize = 16 * 1024;

/// Accepts connections until shutdown, then waits for those there are to end, which they do with their next answer.
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
                    let worker = Worker::new(Arc::clone(&shared));
                    let shutdown = shutdown.clone();
                    connections.spawn(async move {
                        let _place = place;
                        if let Err(error) = converse(stream, client, worker, shutdown).await {
                            tracing::debug!(%client, %error, "a DNS connection failed");
                        }
                    });
                }
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

/// Answers queries in their order until the client closes, falls silent or sends what is too long, or at shutdown.
async fn converse(
    mut stream: TcpStream,
    client: SocketAddr,
    mut worker: Worker,
    mut shutdown: Shutdown,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let mut deadline = Instant::now() + limits::DNS_TCP_IDLE;
    loop {
        let mut read = 0;
        while let Some(query) = message(&input[read..])? {
            read += 2 + query.len();
            worker.framed(query, client, &mut output);
            if output.len() > GATHERED {
                send(&mut stream, &mut output).await?;
            }
        }
        if read > 0 {
            input.drain(..read);
            send(&mut stream, &mut output).await?;
            deadline = Instant::now() + limits::DNS_TCP_IDLE;
        }
        // What is read at a time goes behind the one message at most that is not yet whole.
        input.reserve(limits::DNS_QUERY);
        tokio::select! {
            biased;
            () = stopped(&mut shutdown) => return Ok(()),
            received = timeout_at(deadline, stream.read_buf(&mut input)) => match received {
                Ok(Ok(0)) | Err(_) => return Ok(()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

async fn send(stream: &mut TcpStream, output: &mut Vec<u8>) -> io::Result<()> {
    // A client that does not take its answers holds a place that others need.
    timeout(limits::DNS_TCP_IDLE, stream.write_all(output))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    output.clear();
    Ok(())
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
}
