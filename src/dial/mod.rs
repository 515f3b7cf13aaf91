//! The only outbound sockets: look-ups, mail to others, policies by HTTPS, NOTIFY, the control client.
//!
//! Whatever others named as a target (an MX host, a policy host) is connected through [`Dial::connect`], which checks
//! the very address it connects against [`reach`]. Nothing here decides what a measurement means.

pub mod connect;
pub mod control;
pub mod deliver;
pub mod https;
pub mod judge;
pub mod notify;
pub mod reach;
pub mod resolver;
pub mod smtp;
pub mod tls;

use crate::base::Domain;
use crate::base::Network;
use reach::{Rules, Unreachable};
use resolver::{Anchors, Resolver};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use connect::ConnectError;

/// Who validates DNSSEC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validate {
    /// We do; the resolvers only fetch.
    #[default]
    Own,
    /// The resolvers do, and their AD bit is trusted (RFC 6840 5.7); only for resolvers on this host.
    Upstream,
}

/// How to reach the outside; the validated `[dial]` of the configuration and what `app` adds to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Recursive resolvers, asked in this order; empty: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// Where trust starts; `None`: the built-in keys of the root.
    pub trust_anchors: Option<Anchors>,
    /// Who validates.
    pub validate: Validate,
    /// Whether answers are kept for their TTL.
    pub cache: bool,
    /// Trusted beside the WebPKI roots.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Networks beyond the globally routable ones.
    pub allow: Vec<Network>,
    /// Networks that asked to be left alone.
    pub deny_networks: Vec<Network>,
    /// Domains that asked to be left alone, with all below them.
    pub deny_domains: Vec<Domain>,
    /// The appliance's own addresses.
    pub own: Vec<IpAddr>,
    /// The port of mail servers; 25 but in a lab.
    pub smtp_port: u16,
    /// The port of policy hosts; 443 but in a lab.
    pub https_port: u16,
    /// The local address of outgoing connections of its family; `None`: as the system chooses.
    pub source: Option<IpAddr>,
    /// The name in our EHLO.
    pub helo: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            trust_anchors: None,
            validate: Validate::Own,
            cache: true,
            extra_roots: Vec::new(),
            allow: Vec::new(),
            deny_networks: Vec::new(),
            deny_domains: Vec::new(),
            own: Vec::new(),
            smtp_port: 25,
            https_port: 443,
            source: None,
            helo: "localhost".to_owned(),
        }
    }
}

/// Why the outside cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError(pub String);

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DialError {}

/// The way out; cheap to clone, and shared by all who need it.
#[derive(Clone)]
pub struct Dial(Arc<Inner>);

struct Inner {
    settings: Settings,
    rules: Rules,
    resolver: Resolver,
    roots: Arc<RootCertStore>,
}

impl Dial {
    /// Makes the way out; opens no socket yet.
    ///
    /// # Errors
    /// When the system's resolvers are needed and cannot be read, or a root certificate cannot.
    pub fn new(settings: Settings) -> Result<Self, DialError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for root in &settings.extra_roots {
            roots
                .add(root.clone())
                .map_err(|error| DialError(format!("extra root certificate: {error}")))?;
        }
        let rules = Rules {
            allow: settings.allow.clone(),
            deny: settings.deny_networks.clone(),
            own: settings.own.clone(),
            ports: vec![25, 443, 53, settings.smtp_port, settings.https_port],
        };
        let resolver = Resolver::new(&settings)?;
        Ok(Self(Arc::new(Inner {
            settings,
            rules,
            resolver,
            roots: Arc::new(roots),
        })))
    }

    /// How the outside is reached.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Look-ups.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.0.resolver
    }

    /// The WebPKI roots and those of the operator.
    #[must_use]
    pub fn roots(&self) -> &Arc<RootCertStore> {
        &self.0.roots
    }

    /// Whether this address and port may be connected on somebody else's word.
    ///
    /// # Errors
    /// Why not.
    pub fn allows(&self, target: SocketAddr) -> Result<(), Unreachable> {
        reach::allowed(target, &self.0.rules)
    }

    /// Whether this domain may be looked at: it did not ask to be left alone.
    ///
    /// # Errors
    /// Which domain of the list it lies in.
    pub fn allows_domain(&self, domain: &Domain) -> Result<(), Unreachable> {
        let denied = &self.0.settings.deny_domains;
        match denied.iter().find(|denied| domain.is_within(denied)) {
            Some(denied) => Err(Unreachable(format!("{denied} asked to be left alone"))),
            None => Ok(()),
        }
    }
}
