//! A client that asks for the MX all the time and judges each answer as a validator does.

use super::measure::Failure;
use super::server::BASE;
use hickory_proto::dnssec::Verifier as _;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long an answer may take under load until it counts as lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Answers in all.
    pub answers: u64,
    /// Without a signature.
    pub unsigned: u64,
    /// With a signature that does not fit, or is not valid now.
    pub bogus: u64,
    /// Different versions of the MX, each with a signature of its own.
    pub versions: usize,
    /// Questions without an answer.
    pub lost: u64,
}

/// The client at work.
pub struct Probe {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Seen, Failure>>,
}

impl Probe {
    /// Starts to ask.
    ///
    /// # Errors
    /// When names cannot be made.
    pub fn start(address: SocketAddr) -> Result<Self, Failure> {
        let apex = Name::from_ascii(format!("et.{BASE}."))?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(ask(address, apex, stopped));
        Ok(Self { stop, task })
    }

    /// Stops, and returns what was seen.
    ///
    /// # Errors
    /// When a question could not be put at all.
    pub async fn stop(self) -> Result<Seen, Failure> {
        self.stop.send(true)?;
        self.task.await?
    }
}

/// Whether a server answers within this time.
///
/// # Errors
/// When the question could not be put at all.
pub async fn answers(address: SocketAddr, within: Duration) -> Result<bool, Failure> {
    let apex = Name::from_ascii(format!("et.{BASE}."))?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let asked = exchange(&socket, address, &apex, RecordType::SOA, within).await;
    let is_there = asked.is_some_and(|answer| !answer.answers.is_empty());
    if !is_there {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(is_there)
}

async fn exchange(
    socket: &UdpSocket,
    address: SocketAddr,
    apex: &Name,
    rtype: RecordType,
    within: Duration,
) -> Option<Message> {
    let mut query = Message::new(7, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(apex.clone(), rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_dnssec_ok(true);
    query.set_edns(edns);
    socket.send_to(&query.to_vec().ok()?, address).await.ok()?;
    let mut buffer = [0; 4096];
    let received = tokio::time::timeout(within, socket.recv(&mut buffer)).await;
    Message::from_vec(&buffer[..received.ok()?.ok()?]).ok()
}

async fn ask(
    address: SocketAddr,
    apex: Name,
    stopped: watch::Receiver<bool>,
) -> Result<Seen, Failure> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let keys = exchange(&socket, address, &apex, RecordType::DNSKEY, PATIENCE).await;
    let zsk = keys
        .and_then(|keys| keys.answers.iter().find_map(zsk))
        .ok_or("no zone signing key")?;
    let (mut seen, mut versions) = (Seen::default(), BTreeSet::new());
    while !*stopped.borrow() {
        // A late answer is never taken for the next one.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let answer = exchange(&socket, address, &apex, RecordType::MX, PATIENCE).await;
        let Some(answer) = answer else {
            seen.lost += 1;
            continue;
        };
        seen.answers += 1;
        match answer.answers.iter().find_map(signature) {
            None => seen.unsigned += 1,
            Some(rrsig) if is_valid(&zsk, &apex, &rrsig, &answer) => {}
            Some(_) => seen.bogus += 1,
        }
        versions.insert(format!(
            "{:?}",
            answer.answers.iter().map(|mx| &mx.data).collect::<Vec<_>>()
        ));
    }
    seen.versions = versions.len();
    Ok(seen)
}

fn zsk(record: &Record) -> Option<DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) if !key.secure_entry_point() => Some(key.clone()),
        _ => None,
    }
}

fn signature(record: &Record) -> Option<RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig.clone()),
        _ => None,
    }
}

fn is_valid(zsk: &DNSKEY, apex: &Name, rrsig: &RRSIG, answer: &Message) -> bool {
    let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    let input = rrsig.input();
    (input.sig_inception.get()..=input.sig_expiration.get()).contains(&now)
        && zsk
            .verify_rrsig(apex, DNSClass::IN, rrsig, answer.answers.iter())
            .is_ok()
}
