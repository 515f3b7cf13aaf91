//! Hosts on one machine: network namespaces on a bridge that has a namespace of its own.
//!
//! Everything is named after this process, so that runs do not meet, and taken down again when the lab is dropped.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The network of the lab: documentation addresses (RFC 5737), which no real host has.
pub fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, last)
}

/// What a peer needs, and the Debian package that brings it.
const TOOLS: [(&str, &str); 11] = [
    ("ip", "iproute2"),
    ("knotd", "knot"),
    ("keymgr", "knot"),
    ("unbound", "unbound"),
    ("postfix", "postfix"),
    ("posttls-finger", "postfix"),
    ("pebble", "pebble"),
    ("mta-sts-daemon", "postfix-mta-sts-resolver"),
    ("openssl", "openssl"),
    ("delv", "bind9-dnsutils"),
    ("swaks", "swaks"),
];

/// How many labs this process has made.
static LABS: AtomicU32 = AtomicU32::new(0);

pub struct Lab {
    bridge: String,
    prefix: String,
    pub directory: tempfile::TempDir,
    hosts: Vec<String>,
}

impl Lab {
    /// # Panics
    /// Without root or a tool; the message names the command that helps.
    pub fn new() -> Self {
        let id = run("id", &["-u"]);
        assert!(
            String::from_utf8_lossy(&id.stdout).trim() == "0",
            "the peers need network namespaces, hence root: run `sudo make test-peers`"
        );
        for (tool, package) in TOOLS {
            assert!(
                find(tool).is_some(),
                "{tool} is missing: run `apt-get install {package}` or `sudo make packages`"
            );
        }
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("mp{}x{number}", std::process::id());
        let lab = Self {
            bridge: format!("{prefix}br"),
            prefix,
            directory: tempfile::Builder::new()
                .prefix("mailproof-lab")
                .tempdir()
                .unwrap(),
            hosts: Vec::new(),
        };
        // Daemons that give up root must be able to come through.
        open_to_all(lab.directory.path());
        ip(&["netns", "add", &lab.bridge]);
        ip(&["-n", &lab.bridge, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &lab.bridge, "link", "set", "br0", "up"]);
        lab
    }

    /// A new host with this address, whose resolver is on its own loopback.
    pub fn host(&mut self, name: &str, last: u8) -> Host {
        let namespace = format!("{}{name}", self.prefix);
        let (inside, outside) = (format!("v{last}i"), format!("v{last}o"));
        ip(&["netns", "add", &namespace]);
        self.hosts.push(namespace.clone());
        let bridge = self.bridge.as_str();
        ip(&[
            "-n", bridge, "link", "add", &outside, "type", "veth", "peer", "name", &inside,
            "netns", &namespace,
        ]);
        ip(&["-n", bridge, "link", "set", &outside, "master", "br0", "up"]);
        ip(&["-n", &namespace, "link", "set", "lo", "up"]);
        ip(&["-n", &namespace, "link", "set", &inside, "up"]);
        // `ip netns exec` lays this over the file of the machine.
        let etc = Path::new("/etc/netns").join(&namespace);
        fs::create_dir_all(&etc).unwrap();
        fs::write(
            etc.join("resolv.conf"),
            "nameserver 127.0.0.1\noptions trust-ad\n",
        )
        .unwrap();
        let directory = self.directory.path().join(name);
        fs::create_dir(&directory).unwrap();
        open_to_all(&directory);
        let host = Host {
            name: name.to_owned(),
            namespace,
            interface: inside,
            address: address(last),
            directory,
            children: Vec::new(),
        };
        host.add_address(last);
        host
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for namespace in &self.hosts {
            let pids = run("ip", &["netns", "pids", namespace]);
            for pid in String::from_utf8_lossy(&pids.stdout).split_whitespace() {
                run("kill", &["-9", pid]);
            }
            run("ip", &["netns", "delete", namespace]);
            let _ = fs::remove_dir_all(Path::new("/etc/netns").join(namespace));
        }
        run("ip", &["netns", "delete", &self.bridge]);
        if std::thread::panicking() && std::env::var_os("MAILPROOF_KEEP_LAB").is_some() {
            let kept = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap()).keep();
            eprintln!("the lab's files are kept in {}", kept.display());
        }
    }
}

pub struct Host {
    pub name: String,
    namespace: String,
    interface: String,
    pub address: Ipv4Addr,
    pub directory: PathBuf,
    children: Vec<Child>,
}

impl Host {
    /// Gives it one more address.
    pub fn add_address(&self, last: u8) {
        ip(&[
            "-n",
            &self.namespace,
            "address",
            "add",
            &format!("{}/24", address(last)),
            "dev",
            &self.interface,
        ]);
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace, program])
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        command
    }

    /// Runs a program on this host to its end.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments)
            .output()
            .unwrap_or_else(|error| panic!("{program} on {}: {error}", self.name))
    }

    /// Runs a program on this host that must succeed, and returns what it printed.
    pub fn must(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(
            output.status.success(),
            "{program} {arguments:?} on {}: {}\n{}{}",
            self.name,
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a daemon in the foreground on this host; what it prints goes to `NAME.log` in its directory.
    pub fn start(&mut self, program: &str, arguments: &[&str]) {
        let name = Path::new(program).file_name().unwrap().to_string_lossy();
        let log = fs::File::create(self.directory.join(format!("{name}.log"))).unwrap();
        let child = self
            .command(program, arguments)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} on {}: {error}", self.name));
        self.children.push(child);
    }

    /// Writes a file into the host's directory and returns its path as text.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.directory.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Tries `attempt` four times a second until it gives a value, or stops with `what` after `limit`.
/// The limit only keeps a broken run from hanging; no test is a matter of how fast it is reached.
pub fn wait_for<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < limit, "{what}: nothing after {limit:?}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn find(tool: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/sbin", "/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(tool))
        .find(|path| path.exists())
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn ip(arguments: &[&str]) {
    let output = run("ip", arguments);
    assert!(
        output.status.success(),
        "ip {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}
