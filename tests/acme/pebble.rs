//! Pebble, a real CA for tests, on loopback. Its HTTPS is certified by a root of its own, which outlives it; what it
//! issues leads to another root, which is new at each start.

use crate::appliance::{free, trust_in};
use crate::https::https;
use crate::trusting;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The longest pause before a validation, in seconds.
const SLEEP: &str = "2";
/// How many good nonces in a hundred are refused.
const REFUSED_NONCES: &str = "5";
/// Only keeps a broken run from hanging.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Pebble {
    home: TempDir,
    acme: SocketAddr,
    management: SocketAddr,
    /// Where it looks for proofs.
    dns: SocketAddr,
    child: Option<Child>,
}

impl Pebble {
    /// One that asks this nameserver, and has not been started yet.
    pub fn new(dns: SocketAddr) -> Self {
        let ip = Ipv4Addr::LOCALHOST.into();
        let pebble = Self {
            home: tempfile::tempdir().unwrap(),
            acme: free(ip),
            management: free(ip),
            dns,
            child: None,
        };
        let path = |name: &str| pebble.home.path().join(name);
        let config = serde_json::json!({"pebble": {
            "listenAddress": pebble.acme,
            "managementListenAddress": pebble.management,
            "certificate": path("https.pem"),
            "privateKey": path("https.key"),
            "httpPort": 5002,
            "tlsPort": 5001,
        }});
        fs::write(path("config.json"), config.to_string()).unwrap();
        let (root, chain, key) = https(ip);
        fs::write(path("root.pem"), root).unwrap();
        fs::write(path("https.pem"), chain).unwrap();
        fs::write(path("https.key"), key).unwrap();
        pebble
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.acme)
    }

    /// The root of its HTTPS, as `certificates.ca_file` wants it.
    pub fn https_root(&self) -> String {
        fs::read_to_string(self.home.path().join("root.pem")).unwrap()
    }

    /// Starts it, with no account and a new root, and waits until it answers.
    pub fn start(&mut self) {
        let log = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.home.path().join("log"))
            .unwrap();
        let child = Command::new("pebble")
            .args(["-config", "config.json", "-dnsserver"])
            .arg(self.dns.to_string())
            .env_remove("PEBBLE_VA_NOSLEEP")
            .env("PEBBLE_VA_SLEEPTIME", SLEEP)
            .env("PEBBLE_WFE_NONCEREJECT", REFUSED_NONCES)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("pebble does not start ({error}); it is in the Debian package pebble")
            });
        self.child = Some(child);
        crate::world::until("a CA that answers", LIMIT, || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", self.log());
            TcpStream::connect(self.management)
                .and_then(|_| TcpStream::connect(self.acme))
                .ok()
        });
    }

    /// Ends it: its accounts, orders and keys are gone.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Has it hang: it takes connections, and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Has it go on.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let told = Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid])
            .status()
            .unwrap();
        assert!(told.success());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// How many lines of its log hold this.
    pub fn logged(&self, what: &str) -> usize {
        let log = self.log();
        log.lines().filter(|line| line.contains(what)).count()
    }

    /// The root of what it issues.
    pub fn root(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.root_pem().as_bytes()).unwrap()
    }

    /// The same as a file has it.
    pub fn root_pem(&self) -> String {
        let tcp = TcpStream::connect(self.management).unwrap();
        tcp.set_read_timeout(Some(LIMIT)).unwrap();
        let name = ServerName::from(self.management.ip());
        let tls = ClientConnection::new(Arc::new(trusting::client(true).unwrap()), name).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        let request = format!(
            "GET /roots/0 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.management
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (_, body) = reply.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    /// What a client has that trusts what it issues, and nothing else.
    pub fn trust(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).unwrap();
        trust_in(roots)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("the CA's log:\n{}", self.log());
        }
    }
}
