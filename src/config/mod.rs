//! The configuration: the raw file, then validated once.
//!
//! After [`Config::load`] nobody asks again whether a value is valid. Every fault names file, line, key and what is
//! allowed. Nothing is opened here but the file itself.

mod error;
mod place;
mod raw;
mod validate;
mod value;

pub use error::ConfigError;
pub use value::{Denied, Family, Issuer, Validate};

use crate::base::{Domain, Mailbox, Network, Server, Zone, limits};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The whole configuration; paths are absolute or relative to the working directory, ready to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// The domain above `et` and `ut`.
    pub base_domain: Domain,
    /// Addresses and ports.
    pub network: NetworkConfig,
    /// Outgoing connections.
    pub dial: DialConfig,
    /// Times of a test.
    pub test: TestConfig,
    /// Certificates.
    pub certificates: CertificatesConfig,
    /// The nameserver.
    pub dns: DnsConfig,
    /// Result mails and the operator's mail.
    pub reply: ReplyConfig,
    /// Limits.
    pub limits: LimitsConfig,
    /// How long records are kept.
    pub retention: RetentionConfig,
    /// Files.
    pub state: StateConfig,
}

/// Addresses and ports of the appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The published addresses.
    pub addresses: Vec<IpAddr>,
    /// The address to listen at for each published one: the same, or that behind a NAT.
    pub local: BTreeMap<IpAddr, IpAddr>,
    /// Published addresses of MX hosts that have their own.
    pub servers: BTreeMap<Server, Vec<IpAddr>>,
    /// Which addresses the MX hosts of `et` publish.
    pub mx_family: Family,
    /// DNS, UDP and TCP.
    pub dns_port: u16,
    /// SMTP.
    pub smtp_port: u16,
    /// HTTPS.
    pub https_port: u16,
    /// HTTP, which only redirects; `None` for off.
    pub http_port: Option<u16>,
    /// The control socket.
    pub control: PathBuf,
}

impl NetworkConfig {
    /// Every local address with this port, each once.
    #[must_use]
    pub fn listeners(&self, port: u16) -> Vec<SocketAddr> {
        let mut all: Vec<_> = self
            .local
            .values()
            .map(|address| SocketAddr::new(*address, port))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Local addresses that belong to one MX host.
    #[must_use]
    pub fn own(&self) -> BTreeMap<IpAddr, Server> {
        self.servers
            .iter()
            .flat_map(|(server, addresses)| addresses.iter().map(move |address| (address, server)))
            .filter_map(|(address, server)| Some((*self.local.get(address)?, *server)))
            .collect()
    }
}

/// Outgoing connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialConfig {
    /// The port of foreign SMTP servers; other than 25 for a lab only.
    pub smtp_port: u16,
    /// The port of foreign policy hosts; other than 443 for a lab only.
    pub https_port: u16,
    /// Networks opened beyond the globally routable ones.
    pub allow: Vec<Network>,
    /// Networks and domains that opted out.
    pub deny: Vec<Denied>,
    /// Recursive resolvers; empty for those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// A file of trust anchors; `None` for the built-in root anchors.
    pub trust_anchors: Option<PathBuf>,
    /// Who validates.
    pub validate: Validate,
    /// PEM files of roots beside those of the WebPKI.
    pub extra_roots: Vec<PathBuf>,
}

/// Times of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestConfig {
    /// How long STARTTLS is withheld.
    pub plaintext_window: Duration,
    /// How often the MX preferences are published anew at least.
    pub rotation: Duration,
    /// The longest wait for what is still missing, with at least 6 attempts.
    pub patience: Duration,
    /// Or this many delivering attempts.
    pub patience_attempts: u32,
    /// Connections closer than this are one attempt.
    pub attempt_gap: Duration,
    /// From acknowledgement to analysis.
    pub settle: Duration,
    /// The longest life of a test.
    pub deadline: Duration,
    /// How long after a test a sender's next message belongs to it.
    pub quiet: Duration,
}

/// Certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatesConfig {
    /// Where they come from.
    pub issuer: Issuer,
    /// The CA's directory (RFC 8555 7.1.1), an [`HttpsUrl`](crate::base::HttpsUrl) as written; of no meaning with the
    /// internal issuer, with which all below are `None`.
    pub directory: String,
    /// Whom the CA may write to: `mailto:` and one address.
    pub contact: Option<String>,
    /// The CA's profile that certificates have.
    pub profile: Option<String>,
    /// The issuer named in CAA (RFC 8659 4.2); `None` for no CAA records.
    pub caa: Option<String>,
    /// A PEM file of roots for the connection to the CA, beside all others.
    pub ca_file: Option<PathBuf>,
}

/// A nameserver of others that serves our zones as well, and is told of each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secondary {
    /// Where it takes NOTIFY.
    pub address: SocketAddr,
    /// The name of the TSIG key that it shares with us: lower case, fit for the name of a file.
    pub key: String,
}

/// The nameserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// TTL of the MX records.
    pub ttl_mx: Duration,
    /// TTL of all records not named.
    pub ttl_records: Duration,
    /// TTL of denials.
    pub ttl_negative: Duration,
    /// TTL of NS and DNSKEY.
    pub ttl_keys: Duration,
    /// Equal answers a second to one client network over UDP; 0: any number.
    pub rate_limit: u32,
    /// Who may fetch our zones, each address once.
    pub secondaries: Vec<Secondary>,
    /// TCP connections at a time.
    pub tcp_clients: usize,
}

/// Result mails and the operator's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyConfig {
    /// The address that result mails come from, in `et`.
    pub from: Mailbox,
    /// Where postmaster's mail goes; not in `et` or `ut`.
    pub operator: Mailbox,
}

/// Limits of listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// SMTP connections at a time.
    pub smtp_clients: usize,
    /// SMTP connections at a time from one client network.
    pub smtp_clients_per_network: usize,
    /// Clients that are turned away.
    pub deny_clients: Vec<Network>,
}

/// How long records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Connections, with DNS and HTTPS evidence.
    pub connections: Duration,
    /// Results.
    pub results: Duration,
}

/// Files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateConfig {
    /// Holds `keys/`, `acme/` and `journal.redb`.
    pub directory: PathBuf,
    /// Holds `et.zone` and `ut.zone`.
    pub zones: PathBuf,
    /// The user to become when started as root.
    pub user: String,
}

/// Where the configuration is looked for when none is named.
pub const PLACES: [&str; 2] = ["mailproof.toml", "/etc/mailproof/mailproof.toml"];

impl Config {
    /// Reads and validates the file at `path`, or the first of [`PLACES`] that exists.
    ///
    /// # Errors
    /// When there is no file, it cannot be read, or any value in it is wrong; the first fault is named.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let found = PLACES.iter().map(Path::new).find(|place| place.exists());
        let Some(file) = path.or(found) else {
            return Err(ConfigError {
                file: PathBuf::from(PLACES[0]),
                line: None,
                key: String::new(),
                what: format!(
                    "not found, nor {}; name one with --config, or make one with `mailproof init`",
                    PLACES[1]
                ),
            });
        };
        let text = read(file).map_err(|what| ConfigError {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            what,
        })?;
        Self::parse(file, &text)
    }

    /// Validates the text of the file at `file`; relative paths start at its folder.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let raw: raw::File = toml::from_str(text).map_err(|error| {
            let span = error.span();
            ConfigError {
                file: file.to_owned(),
                line: span.as_ref().map(|span| place::line(text, span.start)),
                key: span.map_or_else(String::new, |span| place::key_at(text, &span)),
                what: error.message().to_owned(),
            }
        })?;
        validate::validate(file, text, raw)
    }

    /// The full name of a zone.
    #[must_use]
    pub fn zone_name(&self, zone: Zone) -> Domain {
        // Validation has seen that this name is not too long.
        self.base_domain
            .below(zone.label())
            .unwrap_or_else(|_| self.base_domain.clone())
    }
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(limits::CONFIG_FILE + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > limits::CONFIG_FILE {
        return Err(format!("is longer than {} octets", limits::CONFIG_FILE));
    }
    Ok(text)
}
