//! An appliance in a temporary directory, at a loopback address of its own.

use crate::client::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const BASE: &str = "example.org";
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mailproof");
/// Only keeps a broken run from hanging.
pub const LIMIT: Duration = Duration::from_secs(30);
/// A little longer than the window of these appliances.
const WINDOW: Duration = Duration::from_millis(1300);

static NEXT: AtomicU8 = AtomicU8::new(1);

/// Where it listens.
#[derive(Clone, Copy)]
pub struct Ports {
    pub dns: SocketAddr,
    pub smtp: SocketAddr,
    pub https: SocketAddr,
    pub http: SocketAddr,
}

pub struct Appliance {
    home: TempDir,
    /// The state directory, as seen from here.
    pub state: PathBuf,
    pub ports: Ports,
    child: Option<Child>,
}

impl Appliance {
    /// One that has not been started yet.
    pub fn new() -> Self {
        let ip = own_address();
        // One that is free may come twice.
        let mut found = Vec::new();
        while found.len() < 4 {
            let port = free(ip);
            if !found.contains(&port) {
                found.push(port);
            }
        }
        let ports = Ports {
            dns: found[0],
            smtp: found[1],
            https: found[2],
            http: found[3],
        };
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("zones")).unwrap();
        for zone in ["et", "ut"] {
            fs::write(
                home.path().join(format!("zones/{zone}.zone")),
                "; nothing of its own\n",
            )
            .unwrap();
        }
        let appliance = Self {
            state: home.path().to_owned(),
            home,
            ports,
            child: None,
        };
        appliance.configure("mailproof.toml", &ports, ".");
        appliance
    }

    /// A running one with more in its configuration, whose last table is `dns`.
    pub fn started_with(more: &str) -> Self {
        let mut appliance = Self::new();
        let config = appliance.path("mailproof.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(config, text + more).unwrap();
        appliance.start();
        appliance
    }

    /// A running one.
    pub fn started() -> Self {
        let mut appliance = Self::new();
        appliance.start();
        appliance
    }

    /// Writes a configuration with these ports and this state directory. Every look-up of the appliance is refused at
    /// once: by its own nameserver, which knows nothing but its zones. It says so to one client as often as to all.
    pub fn configure(&self, name: &str, ports: &Ports, state: &str) {
        let ip = ports.smtp.ip();
        let config = format!(
            "base_domain = \"{BASE}\"\n\
             [network]\naddresses = [\"192.0.2.25\"]\nlisten = [\"{ip}\"]\n\
             dns_port = {}\nsmtp_port = {}\nhttps_port = {}\nhttp_port = {}\ncontrol = \"{name}.sock\"\n\
             [dial]\nresolvers = [\"{}\"]\n\
             [test]\nplaintext_window = \"1s\"\nattempt_gap = \"1s\"\nsettle = \"1s\"\n\
             [certificates]\nissuer = \"internal\"\n\
             [reply]\noperator = \"postmaster@operator.example\"\n\
             [state]\nuser = \"\"\ndirectory = \"{state}\"\n\
             [dns]\nrate_limit = 0\n",
            ports.dns.port(),
            ports.smtp.port(),
            ports.https.port(),
            ports.http.port(),
            ports.dns,
        );
        fs::write(self.path(name), config).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn control(&self) -> PathBuf {
        self.path("mailproof.toml.sock")
    }

    pub fn start(&mut self) {
        self.start_by(Command::new(PROGRAM).args(["--config", "mailproof.toml", "serve"]));
    }

    /// Starts it by this command, and waits until it answers.
    pub fn start_by(&mut self, command: &mut Command) {
        let log = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path("log"))
            .unwrap();
        let child = command
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        self.child = Some(child);
        let control = self.control();
        wait_for("an appliance that answers", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", self.log());
            UnixStream::connect(&control).ok()
        });
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        let pid = self.pid().to_string();
        let told = Command::new("sh")
            .args(["-c", "kill -TERM \"$1\"", "sh", &pid])
            .status()
            .unwrap();
        assert!(told.success());
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.child.as_mut().unwrap().kill().unwrap();
        self.wait();
    }

    fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let ended = wait_for("the end of the appliance", || child.try_wait().unwrap());
        self.child = None;
        ended
    }

    /// Runs a command.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with("mailproof.toml", arguments)
    }

    /// Runs a command with this configuration.
    pub fn run_with(&self, config: &str, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(["--config", config])
            .args(arguments)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What a command prints that must succeed without complaint.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), error.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The only test of this sender, as `tests show` has it.
    pub fn test_of(&self, sender: &str) -> Value {
        let list = self.json(&["tests", "list"]);
        let rows: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["sender"] == sender)
            .collect();
        assert_eq!(rows.len(), 1, "{list:#}");
        self.json(&["tests", "show", rows[0]["id"].as_str().unwrap()])
    }

    /// A client that has read the greeting.
    pub fn client(&self) -> Client {
        let mut client = Client::connect(self.ports.smtp);
        let greeting = client.reply();
        assert_eq!(greeting, format!("220 et.{BASE} ESMTP mailproof"));
        client
    }

    /// Waits until STARTTLS is offered to whoever greeted a moment ago.
    pub fn wait_for_window(&self) {
        std::thread::sleep(WINDOW);
    }

    /// A client that greets as `ehlo` has met the window, and is now in a TLS session with this host.
    pub fn secured(&self, ehlo: &str, host: &str) -> Client {
        let mut client = self.client();
        let reply = client.say(&format!("EHLO {ehlo}"));
        assert!(reply.ends_with("250 STARTTLS"), "{reply}");
        client.starttls(&self.trust(), host)
    }

    /// What a client has that trusts the appliance's own root and nothing else.
    pub fn trust(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for root in
            CertificateDer::pem_file_iter(self.state.join("acme/internal-root.pem")).unwrap()
        {
            roots.add(root.unwrap()).unwrap();
        }
        trust_in(roots)
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the appliance's log:\n{}", self.log());
        }
    }
}

/// A shell that may mount what nobody else sees, with the program as its `$0`.
pub fn apart(script: &str) -> Command {
    let mut command = Command::new("unshare");
    let user = Command::new("id").arg("-u").output().unwrap();
    command.arg("--mount");
    if user.stdout != b"0\n" {
        command.arg("--map-root-user");
    }
    command.args(["sh", "-c", script, PROGRAM]);
    command
}

/// What a client has that trusts these roots and nothing else.
pub fn trust_in(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A loopback address that no other appliance of this or another run has.
fn own_address() -> IpAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 100 + NEXT.fetch_add(1, Ordering::Relaxed), high, low).into()
}

/// A port that nobody has, neither for TCP nor for UDP.
pub fn free(ip: IpAddr) -> SocketAddr {
    wait_for("a free port", || {
        let tcp = TcpListener::bind((ip, 0)).ok()?;
        let address = tcp.local_addr().ok()?;
        UdpSocket::bind(address).ok().map(|_| address)
    })
}

/// Tries again and again until there is a value.
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < LIMIT, "{what}: nothing after {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
