//! The servers, each in a directory and a control group of its own, started for one run and gone after it.

use super::measure::group::Group;
use super::measure::machine::Cores;
use super::measure::{Failure, directory, free};
use super::{knot, nsd, ours, probe, questions, rotating};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);
/// How often it is asked in that time.
const LOOK: Duration = Duration::from_millis(50);
/// Domain above the zones.
pub const BASE: &str = "example.org";

/// What all servers are started with.
pub struct Setup {
    home: TempDir,
    pub cores: Cores,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole appliance.
    Ours,
    /// Our nameserver alone, while the order of the MX changes.
    Rotating,
    Nsd,
    Knot,
}

/// One that runs.
pub struct Running {
    pub group: Group,
    pub address: SocketAddr,
    pub home: TempDir,
}

impl Setup {
    /// Makes the directory of this benchmark, with keys, the signed zones as the appliance prints them, and questions.
    ///
    /// # Errors
    /// When something cannot be made.
    pub fn new(cores: Cores) -> Result<Self, Failure> {
        let setup = Self {
            // Not in `/tmp`, which may be in memory: a journal has to be synced to a disk.
            home: directory(Path::new("/var/tmp"))?,
            cores,
        };
        fs::create_dir(setup.keys())?;
        let mut zones = String::new();
        for zone in ["et", "ut"] {
            let text = ours::print(&setup, zone)?;
            fs::write(setup.zone(zone), &text)?;
            zones += &text;
        }
        fs::write(setup.questions(), questions::of(&zones))?;
        Ok(setup)
    }

    /// Where our keys and certificates are kept between runs.
    pub fn keys(&self) -> PathBuf {
        self.home.path().join("keys")
    }

    /// The file of a signed zone.
    pub fn zone(&self, zone: &str) -> PathBuf {
        self.home.path().join(format!("{zone}.{BASE}"))
    }

    /// What dnsperf asks.
    pub fn questions(&self) -> PathBuf {
        self.home.path().join("questions")
    }

    /// Threads or processes for a server.
    pub fn workers(&self) -> usize {
        self.cores.receiver.split(',').count()
    }

    /// Starts a server, and waits until it answers if `wait`.
    ///
    /// # Errors
    /// When it ends, or takes too long; with what it printed.
    pub async fn start(&self, kind: Kind, wait: bool) -> Result<Running, Failure> {
        let home = directory(self.home.path())?;
        let address = free()?;
        let command = match kind {
            Kind::Ours => ours::command(self, address, home.path())?,
            Kind::Rotating => rotating::command(address, home.path())?,
            Kind::Nsd => nsd::command(self, address, home.path())?,
            Kind::Knot => knot::command(self, address, home.path())?,
        };
        let mut group = Group::new()?;
        let log = home.path().join("output");
        let resolv_conf = Path::new("/etc/resolv.conf");
        group.start(&self.cores.receiver, resolv_conf, &command, &log)?;
        let start = Instant::now();
        while wait && !probe::answers(address, LOOK).await? {
            let ended = group.ended();
            if ended.is_some() || start.elapsed() > START {
                let printed = fs::read_to_string(&log)?;
                return Err(format!("{command:?} does not answer ({ended:?}):\n{printed}").into());
            }
        }
        Ok(Running {
            group,
            address,
            home,
        })
    }
}

impl Kind {
    /// In the order of their turns.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Nsd, Self::Knot, Self::Rotating];

    /// The name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "mailproof",
            Self::Rotating => "mailproof's nameserver, MX anew every 100 ms",
            Self::Nsd => "NSD",
            Self::Knot => "Knot DNS",
        }
    }
}

/// A command, started in its directory.
pub fn program(name: &str, home: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(home);
    command
}
