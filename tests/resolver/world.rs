//! A small signed world on loopback: Knot serves a private root, a top-level domain and the zones below it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// Zones that Knot signs, parents first; the DS of each stands in its parent.
const SIGNED: [&str; 5] = [".", "lab", "signed.lab", "three.lab", "broken.lab"];

/// The records of each zone beside SOA and NS.
const RECORDS: [(&str, &str); 7] = [
    (
        ".",
        "lab. NS ns.lab.\nns.lab. A 127.0.0.1\n127.in-addr.arpa. NS ns.lab.\n",
    ),
    (
        "lab",
        "ns A 127.0.0.1\nsigned NS ns\nthree NS ns\nbroken NS ns\nplain NS ns\n\
         gone NS ns.gone\nns.gone A 127.0.0.8\n",
    ),
    (
        "signed.lab",
        "@ MX 10 mx\n@ MX 20 .\n@ TXT \"v=spf1 \" \"-all\"\n@ CAA 0 issue \"ca.lab\"\n\
         mx A 127.0.0.1\nmx AAAA ::1\n_25._tcp.mx TLSA 3 1 1 \
         0000000000000000000000000000000000000000000000000000000000000001\n\
         four A 127.0.0.4\nforged A 127.0.0.1\n*.w A 127.0.0.9\nalias CNAME mx\n\
         away CNAME host.plain.lab.\nnowhere CNAME none.three.lab.\nempty CNAME text.three.lab.\n\
         moved DNAME signed.lab.\nhalf DNAME broken.lab.\nloop CNAME loop2\nloop2 CNAME loop\n*.c CNAME mx\n\
         mail TXT \"v=spf1 ip4:127.0.0.1 -all\"\ntwice TXT \"v=spf1 ip4:127.0.0.1 -all\"\ntwice TXT \"v=spf1 -all\"\n\
         _dmarc.mail TXT \"v=DMARC1; p=reject\"\n\
         key._domainkey.mail TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n\
         big TXT BIG BIG BIG BIG BIG BIG BIG BIG\n",
    ),
    ("three.lab", "text TXT \"here\"\n*.w A 127.0.0.9\n"),
    ("broken.lab", "host A 127.0.0.1\n"),
    ("plain.lab", "host A 127.0.0.1\n@ MX 5 host\n"),
    (
        "127.in-addr.arpa",
        "4.0.0 PTR aaa.signed.lab.\n4.0.0 PTR four.signed.lab.\n5.0.0 PTR four.signed.lab.\n",
    ),
];

/// A running server and its folder; ended when dropped.
pub struct Server {
    /// Where it answers, UDP and TCP.
    pub address: SocketAddr,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The world, and the DS record in which trust in it starts.
pub struct World {
    /// Knot.
    pub server: Server,
    /// `. DS ...`
    pub anchor: String,
}

/// A loopback address that no other server of these tests has, with a port that is never given out by the system.
fn own_address() -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = COUNT.fetch_add(1, Ordering::SeqCst);
    SocketAddr::from(([127, 64 | high, low, last], 5300))
}

/// Starts a program; a missing one is named with the package that has it.
fn start(program: &str, package: &str, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} ({error}): install the package {package}"))
}

fn keymgr(config: &Path, arguments: &[&str]) -> String {
    let output = Command::new("keymgr")
        .arg("-c")
        .arg(config)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("keymgr ({error}): install the package knot"));
    assert!(output.status.success(), "keymgr {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn fqdn(zone: &str) -> String {
    format!("{}.", zone.trim_end_matches('.'))
}

fn config(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    let (host, port) = (address.ip(), address.port());
    let policy = |id: &str, nsec3: &str| {
        format!(
            "  - id: {id}\n    algorithm: ecdsap256sha256\n    manual: on\n    \
             single-type-signing: on\n    nsec3: {nsec3}\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"
        )
    };
    let mut text = format!(
        "server:\n    rundir: {folder}\n    listen: {host}@{port}\ndatabase:\n    storage: {folder}\npolicy:\n{}{}zone:\n",
        policy("one", "off"),
        policy("three", "on")
    );
    for (zone, _) in RECORDS {
        let signing = if SIGNED.contains(&zone) { "on" } else { "off" };
        let policy = if zone == "three.lab" { "three" } else { "one" };
        let zone = fqdn(zone);
        text += &format!(
            "  - domain: {zone}\n    storage: {folder}\n    file: zone_{zone}\n    zonefile-sync: -1\n    \
             dnssec-signing: {signing}\n    dnssec-policy: {policy}\n"
        );
    }
    text
}

/// Builds and starts the world; `broken.lab` has a DS record that fits no key.
pub fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let address = own_address();
    let path = folder.path().join("knot.conf");
    fs::write(&path, config(folder.path(), address)).unwrap();
    let mut delegations = Vec::new();
    for zone in SIGNED {
        let zone = fqdn(zone);
        keymgr(
            &path,
            &[&zone, "generate", "algorithm=13", "ksk=yes", "zsk=yes"],
        );
        let ds = keymgr(&path, &[&zone, "ds"]);
        let ds = ds.lines().find(|line| line.contains(" 13 2 ")).unwrap();
        let ds = if zone == "broken.lab." {
            let (head, digest) = ds.rsplit_once(' ').unwrap();
            format!("{head} {}", "0".repeat(digest.len()))
        } else {
            ds.to_owned()
        };
        delegations.push((zone, ds));
    }
    for (zone, records) in RECORDS {
        let zone = fqdn(zone);
        let mut text = format!(
            "$ORIGIN {zone}\n$TTL 300\n@ SOA ns.lab. root.lab. 1 3600 600 86400 60\n@ NS ns.lab.\n{records}"
        );
        text = text.replace("BIG", &"x".repeat(200));
        for (child, ds) in &delegations {
            let parent = if child.matches('.').count() == 1 {
                "."
            } else {
                "lab."
            };
            if child != "." && parent == zone {
                text += &format!("{ds}\n");
            }
        }
        fs::write(folder.path().join(format!("zone_{zone}")), text).unwrap();
    }
    let process = start("knotd", "knot", &["-c", path.to_str().unwrap()]);
    World {
        server: Server {
            address,
            process,
            _folder: folder,
        },
        anchor: delegations.remove(0).1,
    }
}

/// Starts Unbound as a validating resolver of that world.
pub fn unbound(world: &World) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let address = own_address();
    let anchor = folder.path().join("root.anchor");
    fs::write(&anchor, &world.anchor).unwrap();
    let mut text = format!(
        "server:\n interface: {}\n port: {}\n username: \"\"\n chroot: \"\"\n directory: \"{}\"\n pidfile: \"\"\n \
         use-syslog: no\n do-daemonize: no\n do-not-query-localhost: no\n do-ip6: no\n \
         trust-anchor-file: \"{}\"\n module-config: \"validator iterator\"\nremote-control:\n control-enable: no\n",
        address.ip(),
        address.port(),
        folder.path().display(),
        anchor.display()
    );
    for (zone, _) in RECORDS {
        text += &format!(
            "stub-zone:\n name: \"{}\"\n stub-addr: {}@{}\n",
            fqdn(zone),
            world.server.address.ip(),
            world.server.address.port()
        );
    }
    let path = folder.path().join("unbound.conf");
    fs::write(&path, text).unwrap();
    let process = start("unbound", "unbound", &["-d", "-c", path.to_str().unwrap()]);
    Server {
        address,
        process,
        _folder: folder,
    }
}
