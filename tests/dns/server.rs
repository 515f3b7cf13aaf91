//! The nameserver under test, on a free port of the loopback interface, with a desk that remembers.

use crate::world::{World, anchor};
use arc_swap::ArcSwap;
use mailproof::base::ports::{Answer, Clock, Decision, Desk, Greeting, Recipient, Unavailable};
use mailproof::base::{Connection, ConnectionId, Fetch, Mailbox, Query, Timestamp};
use mailproof::serve::dns::{Settings, TransferKey, bind, run};
use mailproof::sign::{SignedZone, Snapshot};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct Server {
    pub address: SocketAddr,
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
        Self::shared(zones, Vec::new())
    }

    /// The same, with transfers for who holds one of these keys.
    pub fn shared(zones: Vec<Arc<SignedZone>>, keys: Vec<TransferKey>) -> Self {
        let (tag, digest) = anchor(zones.last().unwrap());
        let runtime = Runtime::new().unwrap();
        let sockets = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = sockets.local_addrs()[0];
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::new(zones)));
        let desk = Arc::new(Notes::default());
        let (stop, shutdown) = watch::channel(false);
        let settings = Settings {
            tcp_clients: 30,
            identity: "ns.lab".to_owned(),
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
pub struct Notes(pub Mutex<Vec<Query>>);

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
    fn queried(&self, query: Query) {
        self.0.lock().unwrap().push(query);
    }
    fn fetched(&self, _: Fetch) {
        unreachable!("a nameserver has no fetches")
    }
}
