//! Nameservers of others, serving zones that we signed.

use crate::ask::PATIENCE;
use crate::master::master;
use mailproof::sign::SignedZone;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A nameserver that can be had as a Debian package.
pub struct Kind {
    package: &'static str,
    program: &'static str,
    /// What stands before the configuration file.
    arguments: &'static [&'static str],
    /// The head of the configuration; `HOME` and `PORT` are filled in.
    server: &'static str,
    /// What is said of each zone; `ORIGIN` and `FILE` are filled in.
    zone: &'static str,
}

pub const KNOT: Kind = Kind {
    package: "knot",
    program: "knotd",
    arguments: &["-c"],
    server: r#"
server:
  rundir: "HOME"
  listen: 127.0.0.1@PORT
database:
  storage: "HOME"
template:
  - id: default
    storage: "HOME"
    zonefile-load: whole
    journal-content: none
zone:
"#,
    zone: "  - domain: \"ORIGIN\"\n    file: \"FILE\"\n",
};

pub const NSD: Kind = Kind {
    package: "nsd",
    program: "nsd",
    arguments: &["-d", "-c"],
    server: r#"
server:
  server-count: 1
  ip-address: 127.0.0.1@PORT
  username: ""
  chroot: ""
  zonesdir: "HOME"
  database: ""
  pidfile: "HOME/nsd.pid"
  xfrdfile: "HOME/xfrd.state"
  xfrdir: "HOME"
  zonelistfile: "HOME/zone.list"
  logfile: "HOME/log"
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
"#,
    zone: "zone:\n  name: \"ORIGIN\"\n  zonefile: \"FILE\"\n",
};

/// One that runs.
pub struct Rival {
    process: Child,
    pub address: SocketAddr,
    _home: TempDir,
}

impl Rival {
    /// Starts it on a free port of the loopback interface and waits until it listens.
    pub fn start(kind: &Kind, zones: &[Arc<SignedZone>]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let at = home.path().display().to_string();
        let mut config = kind
            .server
            .replace("HOME", &at)
            .replace("PORT", &address.port().to_string());
        for (number, zone) in zones.iter().enumerate() {
            let file = home.path().join(format!("zone{number}"));
            fs::write(&file, master(zone)).unwrap();
            config += &kind
                .zone
                .replace("ORIGIN", &zone.origin().to_string())
                .replace("FILE", &file.display().to_string());
        }
        let file = home.path().join("config");
        fs::write(&file, config).unwrap();
        let log = fs::File::create(home.path().join("output")).unwrap();
        let process = Command::new(kind.program)
            .args(kind.arguments)
            .arg(file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let mut process = process.unwrap_or_else(|error| {
            let Kind {
                program, package, ..
            } = kind;
            panic!("{program} does not start ({error}); it is in the Debian package {package}")
        });
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = process.try_wait().unwrap().is_some();
            let words = || fs::read_to_string(home.path().join("output")).unwrap();
            assert!(!ended, "{} ended: {}", kind.program, words());
            let late = started.elapsed() > PATIENCE;
            assert!(!late, "{} does not listen: {}", kind.program, words());
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            process,
            address,
            _home: home,
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // NSD ends its other processes only when it is told to end.
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let told = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && told.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
