//! NSD and Knot DNS as secondaries of the real binary, set up as the README says, while the order of the MX changes
//! every second.

use crate::ask::PATIENCE;
use crate::master::verifies;
use crate::validators::tool;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Versions that each secondary has to be seen with.
const ROTATIONS: usize = 100;
/// Only keeps a broken run from hanging.
const LIMIT: Duration = Duration::from_secs(900);

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(package: &str, program: &str, arguments: &[&str], home: &Path) -> Process {
    let log = fs::OpenOptions::new();
    let log = { log }.append(true).create(true).open(home.join("log"));
    let log = log.unwrap();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let child = command.spawn().unwrap_or_else(|error| {
        panic!("{program} does not start ({error}); it is in the Debian package {package}")
    });
    Process(child)
}

/// A port that nobody has, neither for TCP nor for UDP.
fn free(ip: IpAddr) -> SocketAddr {
    loop {
        let tcp = TcpListener::bind((ip, 0)).unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE * 3, "{what}: still not");
        sleep(Duration::from_millis(100));
    }
}

/// The records of `et.example.org` that a server gives away, with their serial; `None` when it gives none.
fn fetched(server: SocketAddr, zone: &str, key: &[&str]) -> Option<(u32, String)> {
    let (ip, port) = (format!("@{}", server.ip()), server.port().to_string());
    let mut arguments = vec![&*ip, "-p", &port, "+time=10", "+tries=1", "+onesoa"];
    arguments.extend(key);
    arguments.extend(["AXFR", zone]);
    let output = tool("bind9-dnsutils", "dig", &arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines();
    let records: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with(';') && !line.contains("\tTSIG\t"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let soa = records.first()?.split(' ').nth(6)?;
    let serial = soa.parse().ok()?;
    // In one order, so that the same version is the same text.
    let (first, others) = records.split_first()?;
    let others: BTreeSet<_> = others.iter().map(String::as_str).collect();
    let others = Vec::from_iter(others).join("\n");
    Some((serial, format!("{first}\n{others}\n")))
}

struct Primary {
    home: PathBuf,
    dns: SocketAddr,
    process: Option<Process>,
}

impl Primary {
    fn start(home: &Path, secondaries: &[(SocketAddr, &str)]) -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, 99, high, low.max(1)).into();
        let ports = [free(ip), free(ip), free(ip)].map(|address| address.port());
        fs::create_dir(home.join("zones")).unwrap();
        for zone in ["et", "ut"] {
            let ns = "@ NS ns1.et.example.org.\n@ NS ns.example.net.\n";
            fs::write(home.join(format!("zones/{zone}.zone")), ns).unwrap();
        }
        let secondaries: Vec<_> = secondaries
            .iter()
            .map(|(address, key)| format!("{{ address = \"{address}\", key = \"{key}\" }}"))
            .collect();
        let config = format!(
            "base_domain = \"example.org\"\n\
             [network]\naddresses = [\"192.0.2.25\"]\nlisten = [\"{ip}\"]\n\
             dns_port = {}\nsmtp_port = {}\nhttps_port = {}\nhttp_port = 0\ncontrol = \"control\"\n\
             [test]\nrotation = \"1s\"\n[dns]\nsecondaries = [{}]\n\
             [certificates]\nissuer = \"internal\"\n\
             [reply]\noperator = \"postmaster@operator.example\"\n[state]\nuser = \"\"\n",
            ports[0],
            ports[1],
            ports[2],
            secondaries.join(", ")
        );
        fs::write(home.join("mailproof.toml"), config).unwrap();
        let program = env!("CARGO_BIN_EXE_mailproof");
        let arguments = ["--config", "mailproof.toml", "serve"];
        let process = start("mailproof", program, &arguments, home);
        let primary = Self {
            home: home.to_owned(),
            dns: (ip, ports[0]).into(),
            process: Some(process),
        };
        wait_for("the appliance", || primary.try_status().is_some());
        primary
    }

    /// What a command prints.
    fn command(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_mailproof"))
            .args(["--config", "mailproof.toml"])
            .args(arguments)
            .current_dir(&self.home)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn try_status(&self) -> Option<Value> {
        let status: Value = serde_json::from_str(&self.command(&["status", "--json"])).ok()?;
        (status["running"] == true).then_some(status)
    }

    /// The row of `status` for `et` at this secondary.
    fn row(&self, secondary: SocketAddr) -> Value {
        let status = self.try_status().unwrap();
        let rows = status["secondaries"].as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["address"] == secondary.to_string());
        let row = rows.find(|row| row["zone"] == "et.example.org");
        row.unwrap_or_else(|| panic!("{status:#}")).clone()
    }

    fn key_file(&self, key: &str) -> String {
        let path = self.home.join(format!("keys/tsig-{key}.key"));
        path.to_str().unwrap().to_owned()
    }

    fn secret(&self, key: &str) -> String {
        let text = fs::read_to_string(self.key_file(key)).unwrap();
        let (_, behind) = text.split_once("secret \"").unwrap();
        behind.split_once('"').unwrap().0.to_owned()
    }

    fn zone(&self) -> (u32, String) {
        let file = self.key_file("nsd.example.net");
        fetched(self.dns, "et.example.org", &["-k", &file]).unwrap()
    }

    /// The block of the README that begins with this comment, with this key, and the addresses of this test.
    fn snippet(&self, comment: &str, key: &str) -> String {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let readme = fs::read_to_string(readme).unwrap();
        let (_, behind) = readme.split_once(&format!("```\n{comment}\n")).unwrap();
        let (ip, port) = (self.dns.ip().to_string(), self.dns.port());
        let (block, _) = behind.split_once("```").unwrap();
        block
            .replace(
                "request-xfr: 192.0.2.25",
                &format!("request-xfr: {ip}@{port}"),
            )
            .replacen(
                "    address: 192.0.2.25",
                &format!("    address: {ip}@{port}"),
                1,
            )
            .replace("192.0.2.25", &ip)
            .replace("ns.example.net", key)
            .replace("SECRET", &self.secret(key))
    }
}

/// One secondary, which can be ended and started again.
struct Secondary {
    program: &'static str,
    arguments: Vec<String>,
    home: PathBuf,
    address: SocketAddr,
    process: Option<Process>,
    /// What it was seen with.
    versions: BTreeMap<u32, String>,
}

impl Secondary {
    fn nsd(home: &Path, address: SocketAddr, primary: &Primary) -> Self {
        let at = home.display();
        let (ip, port) = (address.ip(), address.port());
        let snippet = primary.snippet("# nsd.conf", "nsd.example.net");
        let snippet = snippet.replace(
            "    zonefile:",
            "    provide-xfr: 127.0.0.0/8 NOKEY\n    zonefile:",
        );
        let config = format!(
            "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  zonesdir: \"{at}\"\n  database: \"\"\n\
             \x20 pidfile: \"{at}/pid\"\n  xfrdfile: \"{at}/xfrd\"\n  xfrdir: \"{at}\"\n  zonelistfile: \"{at}/list\"\n\
             \x20 xfrd-reload-timeout: 0\n  verbosity: 2\nremote-control:\n  control-enable: no\n{snippet}"
        );
        fs::write(home.join("nsd.conf"), config).unwrap();
        let file = format!("{at}/nsd.conf");
        Self::start(
            "nsd",
            vec!["-d".to_owned(), "-c".to_owned(), file],
            home,
            address,
        )
    }

    fn knot(home: &Path, address: SocketAddr, primary: &Primary) -> Self {
        let at = home.display();
        let (ip, port) = (address.ip(), address.port());
        let snippet = primary.snippet("# knot.conf", "knot.example.net");
        let snippet = snippet
            .replace("zone:\n", "  - id: all\n    action: transfer\nzone:\n")
            .replace("acl: mailproof", "acl: [mailproof, all]");
        let config = format!(
            "server:\n  rundir: \"{at}\"\n  listen: {ip}@{port}\n\
             database:\n  storage: \"{at}\"\n\
             template:\n  - id: default\n    storage: \"{at}\"\n\
             log:\n  - target: stderr\n    any: info\n{snippet}"
        );
        fs::write(home.join("knot.conf"), config).unwrap();
        let file = format!("{at}/knot.conf");
        Self::start("knotd", vec!["-c".to_owned(), file], home, address)
    }

    fn start(
        program: &'static str,
        arguments: Vec<String>,
        home: &Path,
        address: SocketAddr,
    ) -> Self {
        let mut secondary = Self {
            program,
            arguments,
            home: home.to_owned(),
            address,
            process: None,
            versions: BTreeMap::new(),
        };
        secondary.run();
        secondary
    }

    fn run(&mut self) {
        let package = if self.program == "nsd" { "nsd" } else { "knot" };
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        self.process = Some(start(package, self.program, &arguments, &self.home));
    }

    fn zone(&self, zone: &str) -> Option<(u32, String)> {
        fetched(self.address, zone, &[])
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }

    /// Looks which version it has; a new one has to be whole and rightly signed.
    fn look(&mut self) {
        let Some((serial, text)) = self.zone("et.example.org") else {
            return;
        };
        if !self.versions.contains_key(&serial) {
            assert_eq!(verifies(&text), Ok(()), "{} {serial}", self.program);
            self.versions.insert(serial, text);
        }
    }

    fn latest(&self) -> u32 {
        self.zone("et.example.org").map_or(0, |(serial, _)| serial)
    }
}

/// A secondary that answers every datagram with the same one, and another time with rubbish.
fn fool() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], client);
            let _ = socket.send_to(b"rubbish", client);
            // A response that is not signed.
            buffer[2] |= 0x80;
            buffer[11] = 0;
            let _ = socket.send_to(&buffer[..length], client);
        }
    });
    address
}

#[test]
fn nsd_and_knot_follow_a_hundred_rotations() {
    let homes = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let loopback = Ipv4Addr::LOCALHOST.into();
    let (for_nsd, for_knot, fool) = (free(loopback), free(loopback), fool());
    let mut primary = Primary::start(
        homes[0].path(),
        &[
            (fool, "fool.example.net"),
            (for_nsd, "nsd.example.net"),
            (for_knot, "knot.example.net"),
        ],
    );
    // Nobody is there yet but the fool.
    for secondary in [for_nsd, for_knot, fool] {
        wait_for("trouble", || primary.row(secondary)["trouble"].is_string());
    }
    let mut secondaries = [
        Secondary::nsd(homes[1].path(), for_nsd, &primary),
        Secondary::knot(homes[2].path(), for_knot, &primary),
    ];
    let mut ours = BTreeMap::new();
    let started = Instant::now();
    while secondaries.iter().any(|one| one.versions.len() < ROTATIONS) {
        let (serial, text) = primary.zone();
        ours.insert(serial, text);
        for secondary in &mut secondaries {
            secondary.look();
        }
        let seen = secondaries.each_ref().map(|one| one.versions.len());
        let logs = || secondaries.each_ref().map(Secondary::log).join("\n\n");
        assert!(started.elapsed() < LIMIT, "{seen:?} versions\n{}", logs());
        sleep(Duration::from_millis(150));
    }
    for secondary in &secondaries {
        let mut same = 0;
        for (serial, text) in &secondary.versions {
            if let Some(ours) = ours.get(serial) {
                assert_eq!(text, ours, "{} {serial}", secondary.program);
                same += 1;
            }
        }
        assert!(same >= ROTATIONS / 2, "{}: {same}", secondary.program);
        let row = primary.row(secondary.address);
        assert_eq!(row["trouble"], Value::Null, "{row}");
        assert!(secondary.zone("ut.example.org").is_some());
    }
    let trouble = &primary.row(fool)["trouble"];
    assert_eq!(trouble, "answers what is no signed response to NOTIFY");
    let status = primary.command(&["status"]);
    let line = format!("{:19}{for_nsd} et.example.org: heard of ", "secondary:");
    assert!(status.contains(&line), "{status}");
    incremental(&secondaries);
    comes_back(&primary, &mut secondaries);
    drop(primary.process.take());
}

/// What changed was transferred alone: in Knot's words and in the octets that NSD counts.
fn incremental(secondaries: &[Secondary; 2]) {
    let [nsd, knot] = secondaries.each_ref().map(Secondary::log);
    let of_et = |log: &str| -> Vec<String> {
        let lines = log.lines().filter(|line| line.contains("et.example.org"));
        lines.map(str::to_owned).collect()
    };
    let finished = |line: &&String| line.contains("IXFR, incoming") && line.contains("finished");
    let incremental = of_et(&knot).iter().filter(finished).count();
    assert!(incremental >= ROTATIONS - 1, "{incremental}: {knot}");
    let size = |line: &String| {
        let (before, _) = line.split_once(" bytes in ")?;
        before.rsplit_once(" of ")?.1.parse::<usize>().ok()
    };
    let sizes: Vec<_> = of_et(&nsd).iter().filter_map(size).collect();
    let small = sizes.iter().filter(|size| **size < sizes[0] / 2).count();
    assert!(small >= ROTATIONS - 1, "{sizes:?}");
}

/// Who was away has the current version again before long.
fn comes_back(primary: &Primary, secondaries: &mut [Secondary; 2]) {
    for secondary in secondaries {
        secondary.process = None;
        let address = secondary.address;
        wait_for("trouble", || primary.row(address)["trouble"].is_string());
        let missed = primary.zone().0;
        secondary.run();
        wait_for("the version it missed", || secondary.latest() > missed);
        wait_for("an end of trouble", || {
            primary.row(address)["trouble"].is_null()
        });
    }
}
