//! A recursive resolver that answers everything at once: no such name.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Where it listens: system libraries ask no other port.
pub const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 63, 0, 53), 53);
/// Seconds for which its answers may be kept.
const TTL: u32 = 300;

/// A running resolver; dropping it stops it.
pub struct Resolver {
    questions: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Resolver {
    /// Starts it.
    ///
    /// # Errors
    /// Without root, or when another resolver listens on all addresses.
    pub async fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind(ADDRESS).await?;
        let questions = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&questions);
        Ok(Self {
            questions,
            task: tokio::spawn(async move { serve(&socket, &count).await }),
        })
    }

    /// The questions so far.
    pub fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: &UdpSocket, count: &AtomicU64) {
    let mut buffer = [0; 4096];
    // An error belongs to a client that is gone.
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = answer(&buffer[..length]) {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut answer = Message::from_vec(question).ok()?.into_response();
    answer.metadata.response_code = ResponseCode::NXDomain;
    answer.metadata.recursion_available = true;
    let soa = SOA::new(Name::root(), Name::root(), 1, 3600, 600, 86400, TTL);
    answer.add_authority(Record::from_rdata(Name::root(), TTL, RData::SOA(soa)));
    answer.to_vec().ok()
}
