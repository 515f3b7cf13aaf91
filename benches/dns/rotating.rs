//! Our nameserver alone, with the appliance's zone `et`, whose MX change every 100 milliseconds.

use super::measure::Failure;
use super::ours::RATE_LIMIT;
use super::server::{BASE, program};
use arc_swap::ArcSwap;
use mailproof::base::ports::{Answer, Clock, Decision, Desk, Greeting, Recipient, Unavailable};
use mailproof::base::{
    Connection, ConnectionId, Domain, Fetch, Mailbox, Query, Server, Timestamp, Zone,
};
use mailproof::cases::order::IDLE;
use mailproof::config::Family;
use mailproof::keys::ZoneKeys;
use mailproof::serve::dns::{CookieSecret, Settings, bind, run};
use mailproof::sign::{SignatureCache, Snapshot, Terms, Validity, sign};
use mailproof::zone::{self, Inputs, Operator, Ttls};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two orders.
const PAUSE: Duration = Duration::from_millis(100);
/// The file of the durations.
const REBUILDS: &str = "rebuilds";

/// This program as that server.
pub fn command(address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    let mut command = program(&std::env::current_exe()?.to_string_lossy(), home);
    command.args(["--bench", "rotating", &address.to_string(), REBUILDS]);
    Ok(command)
}

/// How long each rebuild took, in milliseconds: from the zone's inputs to the snapshot in service.
///
/// # Errors
/// When the server did not tell.
pub fn rebuilds(home: &Path) -> Result<Vec<f64>, Failure> {
    let text = fs::read_to_string(home.join(REBUILDS))?;
    let took: Result<Vec<_>, _> = text.lines().map(str::parse).collect();
    Ok(took?)
}

/// Serves until it is killed.
///
/// # Errors
/// When the zone cannot be made, or the address not be bound.
pub async fn serve(address: SocketAddr, rebuilds: &Path) -> Result<(), Failure> {
    let sockets = bind(&[address])?;
    let mut et = Et::new()?;
    let snapshot = Arc::new(ArcSwap::from_pointee(et.next(0, &Snapshot::default())?));
    let mut told = fs::File::create(rebuilds)?;
    let (_stop, shutdown) = watch::channel(false);
    let settings = Settings {
        tcp_clients: 100,
        identity: String::new(),
        rate_limit: RATE_LIMIT,
        cookie_secret: CookieSecret([7; 16]),
        keys: Vec::new(),
    };
    let served = tokio::spawn(run(
        sockets,
        Arc::clone(&snapshot),
        settings,
        Arc::new(Nobody),
        Arc::new(Wall),
        shutdown,
    ));
    let mut pause = tokio::time::interval(PAUSE);
    for turn in 1.. {
        pause.tick().await;
        if served.is_finished() {
            break;
        }
        let start = Instant::now();
        snapshot.store(Arc::new(et.next(turn, &snapshot.load())?));
        writeln!(told, "{}", start.elapsed().as_secs_f64() * 1e3)?;
    }
    Ok(served.await??)
}

/// The zone with what it takes to make it anew.
struct Et {
    base: Domain,
    keys: ZoneKeys,
    tlsa: BTreeMap<Server, Vec<[u8; 32]>>,
    signatures: SignatureCache,
}

impl Et {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            base: Domain::parse(BASE)?,
            keys: ZoneKeys::generate(Timestamp::now())?,
            tlsa: (Server::ALL.into_iter())
                .map(|server| (server, vec![[server.number(); 32]]))
                .collect(),
            signatures: SignatureCache::default(),
        })
    }

    /// The snapshot that takes the place of another one.
    fn next(&mut self, turn: usize, old: &Snapshot) -> Result<Snapshot, Failure> {
        let inputs = Inputs {
            zone: Zone::Et,
            base_domain: &self.base,
            addresses: &[IpAddr::from([192, 0, 2, 25])],
            servers: &BTreeMap::new(),
            mx_family: Family::Ipv4,
            ttls: Ttls {
                mx: 60,
                records: 300,
                negative: 60,
                keys: 3600,
            },
            tlsa: &self.tlsa,
            dkim: &[],
            caa: None,
            challenges: &[],
            order: IDLE[turn % IDLE.len()],
            serial: u32::try_from(turn)? + 1,
        };
        let zone = zone::build(&inputs, &Operator::default())?;
        let terms = Terms {
            ttl_keys: 3600,
            validity: Validity::default(),
        };
        let now = Timestamp::now();
        let signed = sign(&zone, &self.keys, &terms, now, &mut self.signatures)?;
        Ok(old.followed_by(vec![Arc::new(signed)]))
    }
}

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A desk that forgets the queries and is asked nothing else.
struct Nobody;

impl Desk for Nobody {
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
        unreachable!("a nameserver has no transactions")
    }
    fn turned_away(&self, _: Option<IpAddr>) {}
    fn closed(&self, _: Connection) {
        unreachable!("a nameserver has no SMTP connections")
    }
    fn queried(&self, _: Query) {}
    fn fetched(&self, _: Fetch) {
        unreachable!("a nameserver has no fetches")
    }
}
