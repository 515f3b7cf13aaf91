//! Datagrams by the batch, received and sent with one system call each (recvmmsg(2), sendmmsg(2)), in buffers that are
//! made once. Nothing here knows what they say.

use crate::base::limits;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rustix::io::Errno;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use smallvec::SmallVec;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

/// Datagrams in a batch.
const SIZE: usize = limits::DNS_BATCH;
/// As many as are asked for at least.
const FEW: usize = 8;
/// One octet more than is read of a query, so that a longer datagram shows as malformed.
const QUERY: usize = limits::DNS_QUERY + 1;

/// What the system tells of received datagrams, of one socket: it keeps the length of an address that it once had, and
/// sockets of another family have longer ones.
pub(super) struct Headers(MultiHeaders<SockaddrStorage>);

impl Headers {
    pub(super) fn new() -> Self {
        Self(MultiHeaders::preallocate(SIZE, None))
    }
}

/// Queries and their answers.
pub(super) struct Batch {
    queries: Box<[[u8; QUERY]; SIZE]>,
    answers: [Vec<u8>; SIZE],
    clients: [SocketAddrAny; SIZE],
    /// How many queries came last.
    received: usize,
    /// How many answers there are to send.
    filled: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Self {
            queries: Box::new([[0; QUERY]; SIZE]),
            answers: std::array::from_fn(|_| Vec::new()),
            clients: std::array::from_fn(|_| nobody.into()),
            received: 0,
            filled: 0,
        }
    }

    /// Receives what there is, up to a batch, and has each query answered into an empty buffer, which stays empty where
    /// there is nothing to say. Never waits. Answers that were not sent are forgotten.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` when there is nothing to receive.
    pub(super) fn receive(
        &mut self,
        socket: &UdpSocket,
        headers: &mut Headers,
        mut answer: impl FnMut(&[u8], SocketAddr, &mut Vec<u8>),
    ) -> io::Result<()> {
        self.filled = 0;
        // What came last time, and room for twice as many.
        let wanted = (2 * self.received).clamp(FEW, SIZE);
        self.received = 0;
        let mut slices = self
            .queries
            .each_mut()
            .map(|query| [IoSliceMut::new(query)]);
        let received = recvmmsg(
            socket.as_raw_fd(),
            &mut headers.0,
            slices.iter_mut().take(wanted),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        for datagram in received {
            self.received += 1;
            let Some(client) = datagram.address.as_ref().and_then(address) else {
                continue;
            };
            let out = &mut self.answers[self.filled];
            out.clear();
            answer(datagram.iovs().next().unwrap_or_default(), client, out);
            if !out.is_empty() {
                self.clients[self.filled] = client.into();
                self.filled += 1;
            }
        }
        Ok(())
    }

    /// Sends the answers. What cannot be sent is dropped, as the network may drop it at any time: a client asks again.
    pub(super) fn send(&mut self, socket: &UdpSocket) {
        if self.filled == 0 {
            return;
        }
        let filled = self.clients.iter().zip(&self.answers).take(self.filled);
        let mut parts: SmallVec<[_; SIZE]> = filled
            .map(|(client, answer)| {
                let nothing = SendAncillaryBuffer::default();
                (client, [IoSlice::new(answer)], nothing)
            })
            .collect();
        let mut messages: SmallVec<[_; SIZE]> = parts
            .iter_mut()
            .map(|(client, slice, nothing)| MMsgHdr::new_with_addr(client, slice, nothing))
            .collect();
        let mut rest = &mut messages[..];
        while !rest.is_empty() {
            let done = match sendmmsg(socket, rest, SendFlags::DONTWAIT) {
                Ok(sent) => sent.max(1),
                Err(Errno::INTR) => 0,
                Err(error) => {
                    tracing::debug!(%error, "a DNS answer could not be sent");
                    match error {
                        // The system has no room for any.
                        Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM => rest.len(),
                        // This one leads nowhere.
                        _ => 1,
                    }
                }
            };
            rest = &mut rest[done..];
        }
        self.filled = 0;
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|address| SocketAddr::from(*address));
    v4.or_else(|| {
        storage
            .as_sockaddr_in6()
            .map(|address| SocketAddr::from(*address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// A server's socket and a client's, of this address.
    fn pair(address: &str) -> [UdpSocket; 2] {
        [(); 2].map(|()| {
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            socket
        })
    }

    /// Receives until so many datagrams have come.
    fn receive(
        batch: &mut Batch,
        socket: &UdpSocket,
        headers: &mut Headers,
        most: usize,
    ) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut seen = Vec::new();
        while seen.len() < most {
            let done = batch.receive(socket, headers, |query, client, out| {
                seen.push((query.to_vec(), client));
                out.extend(query.iter().rev());
            });
            match done {
                Ok(()) => batch.send(socket),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        seen
    }

    #[test]
    fn each_client_gets_the_answer_to_its_own_query() {
        let mut batch = Batch::new();
        // One batch for both families, as in a worker.
        for address in ["127.0.0.1", "::1", "127.0.0.1"] {
            let [server, client] = pair(address);
            let mut headers = Headers::new();
            let other = UdpSocket::bind((address, 0)).unwrap();
            other.send_to(b"ab", server.local_addr().unwrap()).unwrap();
            for number in 0..100_u8 {
                let query = [number, 0, 1];
                client
                    .send_to(&query, server.local_addr().unwrap())
                    .unwrap();
            }
            let seen = receive(&mut batch, &server, &mut headers, 101);
            assert_eq!(seen[0], (b"ab".to_vec(), other.local_addr().unwrap()));
            assert!(
                seen[1..]
                    .iter()
                    .all(|(_, from)| *from == client.local_addr().unwrap())
            );
            let answers: BTreeSet<_> = (0..100)
                .map(|_| {
                    let mut buffer = [0; 10];
                    let length = client.recv(&mut buffer).unwrap();
                    assert_eq!(buffer[..2], [1, 0]);
                    buffer[length - 1]
                })
                .collect();
            assert_eq!(answers.len(), 100);
        }
    }

    #[test]
    fn empty_and_long_datagrams_are_told_apart_and_silence_is_kept() {
        let [server, client] = pair("127.0.0.1");
        let (mut batch, mut headers) = (Batch::new(), Headers::new());
        for length in [0, QUERY - 1, QUERY, QUERY + 100, 1] {
            client
                .send_to(&vec![7; length], server.local_addr().unwrap())
                .unwrap();
        }
        let mut lengths = Vec::new();
        while lengths.len() < 5 {
            let done = batch.receive(&server, &mut headers, |query, _, out| {
                lengths.push(query.len());
                if query.len() == 1 {
                    out.extend(query);
                }
            });
            if done.is_ok() {
                batch.send(&server);
            }
        }
        assert_eq!(lengths, [0, QUERY - 1, QUERY, QUERY, 1]);
        let mut buffer = [0; 10];
        assert_eq!(client.recv(&mut buffer).unwrap(), 1);
    }

    #[test]
    fn an_answer_that_cannot_be_sent_costs_no_other() {
        let [server, client] = pair("127.0.0.1");
        let mut batch = Batch::new();
        let to = client.local_addr().unwrap();
        // A socket of IPv4 cannot send to IPv6, and nobody can send to port 0.
        let nowhere =
            ["[::1]:53", "127.0.0.1:0"].map(|address| address.parse::<SocketAddr>().unwrap());
        for (number, to) in [nowhere[0], to, nowhere[1], nowhere[1], to, nowhere[0]]
            .into_iter()
            .enumerate()
        {
            batch.answers[number] = vec![number as u8];
            batch.clients[number] = to.into();
        }
        batch.filled = 6;
        batch.send(&server);
        let mut buffer = [0; 10];
        let received = [(); 2].map(|()| {
            client.recv(&mut buffer).unwrap();
            buffer[0]
        });
        assert_eq!(received, [1, 4]);
    }
}
