//! The file as it is written, key by key; unknown keys are refused.

use super::value::{Address, Denied, Endpoint, Family, Issuer, Span, Validate};
use crate::base::{Domain, Mailbox, Network};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $(pub $key: $kind,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }
    };
}

const fn seconds(number: u64) -> Span {
    Span(Duration::from_secs(number))
}

table!(File {
    base_domain: Option<Domain> = None,
    network: Net = Net::default(),
    dial: Dial = Dial::default(),
    test: Test = Test::default(),
    certificates: Certificates = Certificates::default(),
    dns: Dns = Dns::default(),
    keys: Keys = Keys::default(),
    reply: Reply = Reply::default(),
    limits: Limits = Limits::default(),
    metrics: Metrics = Metrics::default(),
    retention: Retention = Retention::default(),
    state: State = State::default(),
});

table!(Net {
    addresses: Vec<Address> = Vec::new(),
    listen: Vec<Address> = Vec::new(),
    mx_family: Family = Family::Ipv4,
    dns_port: u16 = 53,
    smtp_port: u16 = 25,
    https_port: u16 = 443,
    http_port: u16 = 80,
    control: PathBuf = PathBuf::from("run/control.sock"),
    servers: BTreeMap<String, Vec<Address>> = BTreeMap::new(),
});

table!(Dial {
    smtp_port: u16 = 25,
    https_port: u16 = 443,
    allow: Vec<Network> = Vec::new(),
    deny: Vec<Denied> = Vec::new(),
    resolvers: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 53))],
    trust_anchors: Option<PathBuf> = None,
    validate: Validate = Validate::Own,
    extra_roots: Vec<PathBuf> = Vec::new(),
});

table!(Test {
    plaintext_window: Span = seconds(3 * 60),
    rotation: Span = seconds(5 * 60),
    patience: Span = seconds(4 * 3600),
    patience_attempts: u32 = 24,
    attempt_gap: Span = seconds(60),
    settle: Span = seconds(60),
    deadline: Span = seconds(20 * 3600),
    quiet: Span = seconds(3600),
});

table!(Certificates {
    issuer: Option<Issuer> = None,
    directory: String = "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
    contact: String = String::new(),
    profile: String = String::new(),
    caa: String = "letsencrypt.org".to_owned(),
    ca_file: Option<PathBuf> = None,
});

table!(Dns {
    ttl_mx: Span = seconds(60),
    ttl_records: Span = seconds(300),
    ttl_negative: Span = seconds(60),
    ttl_keys: Span = seconds(3600),
    secondaries: Vec<Secondary> = Vec::new(),
    rate_limit: u32 = 50,
    tcp_clients: usize = 500,
});

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secondary {
    pub address: Endpoint,
    pub key: String,
}

table!(Keys {
    zsk_lifetime: String = String::new(),
});

table!(Reply {
    from: String = "emailtest".to_owned(),
    operator: Option<Mailbox> = None,
    interim: Span = seconds(2 * 3600),
    smarthost: String = String::new(),
    smarthost_user: String = String::new(),
    smarthost_password_file: String = String::new(),
});

table!(Limits {
    smtp_clients: usize = 2000,
    smtp_clients_per_network: usize = 50,
    deny_clients: Vec<Network> = Vec::new(),
});

table!(Metrics {
    listen: String = String::new(),
});

table!(Retention {
    connections: Span = seconds(14 * 86_400),
    results: Span = seconds(30 * 86_400),
});

table!(State {
    directory: PathBuf = PathBuf::from("."),
    zones: PathBuf = PathBuf::from("zones"),
    user: String = "mailproof".to_owned(),
});
