//! Queries over UDP: a thread for each core, with a socket of its own at every address.

use super::batch::{Batch, Headers};
use super::stopped;
use super::worker::{Shared, Worker};
use crate::base::limits;
use crate::serve::Shutdown;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc;

/// Pause after a failure to wait or to receive.
const PAUSE: Duration = Duration::from_millis(50);

/// What ends the threads, also when it is dropped.
struct Bell(Arc<OwnedFd>);

impl Bell {
    fn ring(&self) {
        // It can only fail when it was rung 2^64 times.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

/// The threads.
pub(super) struct Threads {
    bell: Bell,
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<()>,
}

impl Threads {
    /// Starts a thread for each of these sets of sockets.
    ///
    /// # Errors
    /// When the system has no more threads or descriptors; none runs then.
    pub(super) fn start(sets: Vec<Vec<UdpSocket>>, shared: &Arc<Shared>) -> io::Result<Self> {
        let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        // Closed when the last thread has dropped its end.
        let (running, ended) = mpsc::channel(1);
        let mut started = Self {
            bell: Bell(Arc::clone(&bell)),
            threads: Vec::new(),
            ended,
        };
        for (number, sockets) in sets.into_iter().enumerate() {
            let (bell, shared, running) = (Arc::clone(&bell), Arc::clone(shared), running.clone());
            let thread = thread::Builder::new()
                .name(format!("dns-udp-{number}"))
                .spawn(move || {
                    work(&sockets, &bell, &shared);
                    drop((sockets, running));
                })?;
            started.threads.push(thread);
        }
        Ok(started)
    }

    /// Returns at shutdown, when the last thread has ended.
    pub(super) async fn serve(mut self, mut shutdown: Shutdown) {
        tokio::select! {
            () = stopped(&mut shutdown) => {}
            // Not before they are told to.
            _ = self.ended.recv() => {}
        }
        self.bell.ring();
        self.ended.recv().await;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a DNS thread failed");
            }
        }
    }
}

/// Answers until the bell rings. A query that finds a fault in the worker costs the batch that it came with.
fn work(sockets: &[UdpSocket], bell: &OwnedFd, shared: &Arc<Shared>) {
    let mut batch = Batch::new();
    let mut headers: Vec<_> = sockets.iter().map(|_| Headers::new()).collect();
    loop {
        let mut worker = Worker::new(Arc::clone(shared));
        let answer_all = || answer_all(sockets, bell, (&mut batch, &mut headers), &mut worker);
        match catch_unwind(AssertUnwindSafe(answer_all)) {
            Ok(()) => return,
            Err(_) => tracing::error!("a DNS worker failed and is replaced"),
        }
    }
}

fn answer_all(
    sockets: &[UdpSocket],
    bell: &OwnedFd,
    (batch, headers): (&mut Batch, &mut [Headers]),
    worker: &mut Worker,
) {
    let ready = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut waiting = vec![ready(std::os::fd::AsFd::as_fd(bell))];
    waiting.extend(
        sockets
            .iter()
            .map(|socket| ready(std::os::fd::AsFd::as_fd(socket))),
    );
    loop {
        match poll(&mut waiting, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => {
                tracing::warn!(%error, "DNS sockets cannot be waited for");
                thread::sleep(PAUSE);
                continue;
            }
        }
        let mut happened = waiting.iter().map(|fd| !fd.revents().is_empty());
        if happened.next() == Some(true) {
            return;
        }
        for ((happened, socket), headers) in happened.zip(sockets).zip(headers.iter_mut()) {
            if happened {
                turn(socket, batch, headers, worker);
            }
        }
    }
}

/// Answers what has come to a socket. Under load more comes meanwhile, which need not be waited for; but the other
/// sockets have their turn.
fn turn(socket: &UdpSocket, batch: &mut Batch, headers: &mut Headers, worker: &mut Worker) {
    for _ in 0..limits::DNS_BATCHES {
        worker.begin();
        let received = batch.receive(socket, headers, |query, client, out| {
            worker.datagram(query, client, out);
        });
        match received {
            Ok(()) => batch.send(socket),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                tracing::debug!(%error, "DNS queries could not be received");
                thread::sleep(PAUSE);
            }
        }
        worker.hand_over();
    }
}
