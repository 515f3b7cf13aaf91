//! The nameserver under test, on a free port of the loopback interface, with a desk that remembers.

use crate::allocation::allocations;
use crate::world::{World, anchor};
use arc_swap::ArcSwap;
use mailproof::base::ports::{Answer, Clock, Decision, Desk, Greeting, Recipient, Unavailable};
use mailproof::base::{Connection, ConnectionId, Fetch, Mailbox, Query, Timestamp};
use mailproof::serve::dns::{CookieSecret, Settings, TransferKey, bind, run};
use mailproof::sign::{SignedZone, Snapshot};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct Server {
    pub address: SocketAddr,
    pub addresses: Vec<SocketAddr>,
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    pub desk: Arc<Notes>,
    pub directory: tempfile::TempDir,
    stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
    runtime: Runtime,
}

impl Server {
    /// Serves these zones, of which the last is the root.
    pub fn start(zones: Vec<Arc<SignedZone>>) -> Self {
        Self::start_at(&["127.0.0.1:0"], 0, zones)
    }

    /// The same, with transfers for who holds one of these keys.
    pub fn shared(zones: Vec<Arc<SignedZone>>, keys: Vec<TransferKey>) -> Self {
        Self::start_with(&["127.0.0.1:0"], 0, zones, keys)
    }

    /// The same at these addresses, the first of which is its `address`, with so many equal answers a second.
    pub fn start_at(addresses: &[&str], rate_limit: u32, zones: Vec<Arc<SignedZone>>) -> Self {
        Self::start_with(addresses, rate_limit, zones, Vec::new())
    }

    fn start_with(
        addresses: &[&str],
        rate_limit: u32,
        zones: Vec<Arc<SignedZone>>,
        keys: Vec<TransferKey>,
    ) -> Self {
        let (tag, digest) = anchor(zones.last().unwrap());
        let runtime = Runtime::new().unwrap();
        let wanted: Vec<_> = (addresses.iter())
            .map(|address| address.parse().unwrap())
            .collect();
        let sockets = bind(&wanted).unwrap();
        let addresses = sockets.local_addrs();
        let address = addresses[0];
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::new(zones)));
        let desk = Arc::new(Notes::default());
        let (stop, shutdown) = watch::channel(false);
        let settings = Settings {
            tcp_clients: 30,
            identity: "ns.lab".to_owned(),
            rate_limit,
            cookie_secret: CookieSecret([7; 16]),
            keys,
        };
        let task = runtime.spawn(run(
            sockets,
            Arc::clone(&snapshot),
            settings,
            desk.clone(),
            Arc::new(Wall),
            shutdown,
        ));
        let directory = tempfile::tempdir().unwrap();
        let write = |file: &str, text: String| {
            std::fs::write(directory.path().join(file), text).unwrap();
        };
        let delv = format!("trust-anchors {{ . static-ds {tag} 13 2 \"{digest}\"; }};\n");
        write("anchors", delv);
        let port = address.port();
        let mut unbound = format!(
            "server:\n chroot: \"\"\n username: \"\"\n do-not-query-localhost: no\n \
             module-config: \"validator iterator\"\n trust-anchor: \". DS {tag} 13 2 {digest}\"\n \
             use-caps-for-id: yes\n local-zone: \"127.in-addr.arpa.\" nodefault\n"
        );
        for zone in snapshot.load().zones() {
            let origin = zone.origin();
            unbound += &format!("stub-zone:\n name: \"{origin}\"\n stub-addr: 127.0.0.1@{port}\n");
        }
        write("unbound.conf", unbound);
        Self {
            address,
            addresses,
            snapshot,
            desk,
            directory,
            stop,
            task,
            runtime,
        }
    }

    /// Serves the whole world.
    pub fn of(world: &World) -> Self {
        Self::start(world.zones.clone())
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Stops it and returns when the last client is served.
    pub fn stop(self) {
        self.stop.send(true).unwrap();
        self.runtime.block_on(self.task).unwrap().unwrap();
    }
}

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A desk that keeps the queries and is asked nothing else.
#[derive(Default)]
pub struct Notes(pub Mutex<Vec<Query>>, pub Temper);

/// How the desk behaves when it is asked whether it takes a query.
#[derive(Default)]
pub struct Temper {
    /// It fails, once.
    pub fails: AtomicBool,
    /// It takes none, but counts what its thread has allocated.
    pub counts: AtomicBool,
    /// What it counted last.
    pub allocations: AtomicUsize,
}

impl Desk for Notes {
    fn connected(&self) -> ConnectionId {
        unreachable!("a nameserver has no SMTP connections")
    }
    fn greet<'a>(&'a self, _: IpAddr, _: &'a str) -> Answer<'a, Greeting> {
        unreachable!("a nameserver greets nobody")
    }
    fn recipient(&self, _: &Mailbox) -> Recipient {
        unreachable!("a nameserver has no recipients")
    }
    fn known(&self, _: &Connection) -> bool {
        unreachable!("a nameserver has no SMTP connections")
    }
    fn transacted(&self, _: Connection) -> Answer<'_, Result<Decision, Unavailable>> {
        unreachable!("a nameserver has no transactions")
    }
    fn refused(&self, _: Connection) -> Answer<'_, Result<(), Unavailable>> {
        unreachable!()
    }

    fn turned_away(&self, _: Option<IpAddr>) {
        unreachable!()
    }

    fn closed(&self, _: Connection) {
        unreachable!("a nameserver has no SMTP connections")
    }
    fn admits(&self, _: IpAddr, _: Timestamp) -> bool {
        let temper = &self.1;
        let fails = temper.fails.swap(false, Ordering::Relaxed);
        assert!(!fails, "a fault, on purpose");
        temper.allocations.store(allocations(), Ordering::Relaxed);
        !temper.counts.load(Ordering::Relaxed)
    }
    fn queried(&self, query: Query) {
        self.0.lock().unwrap().push(query);
    }
    fn fetched(&self, _: Fetch) {
        unreachable!("a nameserver has no fetches")
    }
}
