//! From the raw file to the configuration, once.

mod certificates;

use super::{
    Config, ConfigError, DialConfig, DnsConfig, LimitsConfig, NetworkConfig, ReplyConfig,
    RetentionConfig, Secondary, StateConfig, TestConfig, place, raw,
    value::{Address, Span, Validate},
};
use crate::base::{Domain, Language, Mailbox, Server, Zone, limits};
use crate::cases;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certificates::certificates;

/// The file under validation; makes errors that name the place.
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn wrong(&self, key: &str, what: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            line: place::line_of(self.text, key),
            key: key.to_owned(),
            what: what.into(),
        }
    }

    fn missing(&self, key: &str, example: &str) -> ConfigError {
        self.wrong(key, format!("missing; for example {key} = {example}"))
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    fn span(
        &self,
        key: &str,
        span: Span,
        allowed: RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        if allowed.contains(&span.0.as_secs()) {
            return Ok(span.0);
        }
        let (least, most) = (allowed.start(), allowed.end());
        Err(self.wrong(
            key,
            format!(
                "{}s is not allowed; {least}s to {most}s are",
                span.0.as_secs()
            ),
        ))
    }

    fn number<N: PartialOrd + std::fmt::Display>(
        &self,
        key: &str,
        number: N,
        allowed: RangeInclusive<N>,
    ) -> Result<N, ConfigError> {
        if allowed.contains(&number) {
            return Ok(number);
        }
        Err(self.wrong(
            key,
            format!(
                "{number} is not allowed; {} to {} are",
                allowed.start(),
                allowed.end()
            ),
        ))
    }

    fn port(&self, key: &str, port: u16) -> Result<u16, ConfigError> {
        self.number(key, port, 1..=u16::MAX)
    }

    /// Refuses a value that this version would not act on, rather than ignore it.
    fn without_effect(&self, key: &str, differs: bool) -> Result<(), ConfigError> {
        if differs {
            return Err(self.wrong(key, "has no effect in this version; leave it out"));
        }
        Ok(())
    }
}

pub(super) fn validate(file: &Path, text: &str, raw: raw::File) -> Result<Config, ConfigError> {
    let source = Source { file, text };
    let base_domain = raw
        .base_domain
        .ok_or_else(|| source.missing("base_domain", "\"example.org\""))?;
    base_domain
        .below("_25._tcp.mx00.et")
        .map_err(|_| source.wrong("base_domain", "is too long"))?;
    source.without_effect("keys.zsk_lifetime", !raw.keys.zsk_lifetime.is_empty())?;
    source.without_effect("metrics.listen", !raw.metrics.listen.is_empty())?;
    let test = test(&source, &raw.test)?;
    let network = network(&source, raw.network)?;
    Ok(Config {
        file: file.to_owned(),
        dns: dns(&source, &raw.dns, &network)?,
        network,
        dial: dial(&source, raw.dial)?,
        test,
        certificates: certificates(&source, raw.certificates)?,
        reply: reply(&source, &base_domain, raw.reply)?,
        limits: LimitsConfig {
            smtp_clients: source.number(
                "limits.smtp_clients",
                raw.limits.smtp_clients,
                1..=1_000_000,
            )?,
            smtp_clients_per_network: source.number(
                "limits.smtp_clients_per_network",
                raw.limits.smtp_clients_per_network,
                1..=1_000_000,
            )?,
            deny_clients: raw.limits.deny_clients,
        },
        retention: retention(&source, &raw.retention, test.deadline)?,
        state: StateConfig {
            directory: source.path(&raw.state.directory),
            zones: source.path(&raw.state.zones),
            user: raw.state.user,
        },
        base_domain,
    })
}

fn network(source: &Source<'_>, raw: raw::Net) -> Result<NetworkConfig, ConfigError> {
    let plain = |addresses: Vec<Address>| addresses.into_iter().map(|address| address.0).collect();
    let (addresses, listen): (Vec<IpAddr>, Vec<IpAddr>) = (plain(raw.addresses), plain(raw.listen));
    if addresses.is_empty() {
        return Err(source.missing("network.addresses", "[\"192.0.2.25\"]"));
    }
    let servers = servers(source, raw.servers)?;
    let published: Vec<IpAddr> = addresses
        .iter()
        .chain(servers.values().flatten())
        .copied()
        .collect();
    for (index, address) in published.iter().enumerate() {
        if published[..index].contains(address) {
            return Err(source.wrong(
                "network.addresses",
                format!("{address} is named twice; each address belongs to one host, or to all"),
            ));
        }
        if address.is_unspecified() || address.is_multicast() {
            return Err(source.wrong(
                "network.addresses",
                format!("{address} is not allowed; name an address of this host"),
            ));
        }
    }
    if !listen.is_empty() && listen.len() != published.len() {
        return Err(source.wrong(
            "network.listen",
            format!("has {} addresses; allowed are none, or {}: one for each published address in its order", listen.len(), published.len()),
        ));
    }
    let listen = if listen.is_empty() {
        &published
    } else {
        &listen
    };
    let local: BTreeMap<_, _> = published
        .iter()
        .copied()
        .zip(listen.iter().copied())
        .collect();
    // A connection to a host's own address is known by that address alone.
    for address in servers.values().flatten() {
        let at = |other: &&IpAddr| local.get(address) == Some(*other);
        if local.values().filter(at).count() > 1 {
            return Err(source.wrong(
                "network.listen",
                format!("{address} belongs to one host, but listens where another address does as well; name a local address of its own"),
            ));
        }
    }
    for case in cases::hosts() {
        let own = servers.get(&case.server).unwrap_or(&addresses);
        if case.zone == Zone::Et && !own.iter().any(|address| raw.mx_family.publishes(*address)) {
            return Err(source.wrong("network.mx_family", "an MX host of et has no address of this family; see network.addresses and network.servers"));
        }
    }
    Ok(NetworkConfig {
        dns_port: source.port("network.dns_port", raw.dns_port)?,
        smtp_port: source.port("network.smtp_port", raw.smtp_port)?,
        https_port: source.port("network.https_port", raw.https_port)?,
        http_port: Some(raw.http_port).filter(|port| *port != 0),
        control: source.path(&raw.control),
        mx_family: raw.mx_family,
        addresses,
        local,
        servers,
    })
}

fn servers(
    source: &Source<'_>,
    raw: BTreeMap<String, Vec<Address>>,
) -> Result<BTreeMap<Server, Vec<IpAddr>>, ConfigError> {
    let mut servers = BTreeMap::new();
    for (name, addresses) in raw {
        let key = format!("network.servers.{name}");
        let Some(server) = cases::by_label(&name) else {
            let names: Vec<_> = cases::hosts()
                .filter_map(|case| cases::label(case.server))
                .collect();
            return Err(source.wrong(
                &key,
                format!("is no host; allowed are {}", names.join(", ")),
            ));
        };
        if addresses.is_empty() {
            return Err(source.wrong(&key, "names no address; leave it out, or name one"));
        }
        servers.insert(
            server,
            addresses.into_iter().map(|address| address.0).collect(),
        );
    }
    Ok(servers)
}

fn dial(source: &Source<'_>, raw: raw::Dial) -> Result<DialConfig, ConfigError> {
    // On the way from anywhere else, the AD bit may be anybody's.
    let local = |resolver: &SocketAddr| resolver.ip().to_canonical().is_loopback();
    if raw.validate == Validate::Upstream
        && (raw.resolvers.is_empty() || !raw.resolvers.iter().all(local))
    {
        return Err(source.wrong(
            "dial.validate",
            "\"upstream\" trusts resolvers on this host only; name them by loopback addresses in dial.resolvers",
        ));
    }
    Ok(DialConfig {
        smtp_port: source.port("dial.smtp_port", raw.smtp_port)?,
        https_port: source.port("dial.https_port", raw.https_port)?,
        allow: raw.allow,
        deny: raw.deny,
        resolvers: raw.resolvers,
        trust_anchors: raw.trust_anchors.map(|path| source.path(&path)),
        validate: raw.validate,
        extra_roots: raw
            .extra_roots
            .iter()
            .map(|path| source.path(path))
            .collect(),
    })
}

fn test(source: &Source<'_>, raw: &raw::Test) -> Result<TestConfig, ConfigError> {
    let test = TestConfig {
        plaintext_window: source.span("test.plaintext_window", raw.plaintext_window, 1..=3600)?,
        rotation: source.span("test.rotation", raw.rotation, 1..=300)?,
        patience: source.span("test.patience", raw.patience, 1..=72_000)?,
        patience_attempts: source.number(
            "test.patience_attempts",
            raw.patience_attempts,
            6..=1000,
        )?,
        attempt_gap: source.span("test.attempt_gap", raw.attempt_gap, 1..=600)?,
        settle: source.span("test.settle", raw.settle, 1..=3600)?,
        deadline: source.span("test.deadline", raw.deadline, 1..=4 * 86_400)?,
        quiet: source.span("test.quiet", raw.quiet, 1..=86_400)?,
    };
    if test.deadline < test.patience {
        return Err(source.wrong("test.deadline", "is shorter than test.patience"));
    }
    Ok(test)
}

fn retention(
    source: &Source<'_>,
    raw: &raw::Retention,
    deadline: Duration,
) -> Result<RetentionConfig, ConfigError> {
    // A test is given up an hour after its deadline, and needs all of itself until then.
    let test = deadline.as_secs() + 3600;
    let span = |key, span| source.span(key, span, test.max(86_400)..=31_536_000);
    Ok(RetentionConfig {
        connections: span("retention.connections", raw.connections)?,
        results: span("retention.results", raw.results)?,
    })
}

fn dns(
    source: &Source<'_>,
    raw: &raw::Dns,
    network: &NetworkConfig,
) -> Result<DnsConfig, ConfigError> {
    let ttl = |key: &str, span, most| source.span(key, span, 1..=most);
    // An order of the MX must be known to all before the next one comes; what is published ahead of its use is waited for
    // as long as it may be cached.
    let (rotation, roll) = (300, 1800);
    Ok(DnsConfig {
        ttl_mx: ttl("dns.ttl_mx", raw.ttl_mx, rotation)?,
        ttl_records: ttl("dns.ttl_records", raw.ttl_records, roll)?,
        ttl_negative: ttl("dns.ttl_negative", raw.ttl_negative, roll)?,
        ttl_keys: ttl("dns.ttl_keys", raw.ttl_keys, 86_400)?,
        rate_limit: source.number("dns.rate_limit", raw.rate_limit, 0..=1_000_000)?,
        secondaries: secondaries(source, &raw.secondaries, network)?,
        tcp_clients: source.number("dns.tcp_clients", raw.tcp_clients, 1..=100_000)?,
    })
}

fn secondaries(
    source: &Source<'_>,
    raw: &[raw::Secondary],
    network: &NetworkConfig,
) -> Result<Vec<Secondary>, ConfigError> {
    let wrong = |what: String| source.wrong("dns.secondaries", what);
    if raw.len() > limits::SECONDARIES {
        let (named, most) = (raw.len(), limits::SECONDARIES);
        return Err(wrong(format!(
            "names {named} secondaries; at most {most} are allowed"
        )));
    }
    let own = network.listeners(network.dns_port);
    let mut secondaries: Vec<Secondary> = Vec::new();
    for raw::Secondary { address, key } in raw {
        let address = address.0;
        if own.contains(&address) {
            return Err(wrong(format!(
                "{address} is this nameserver; name those that fetch from it"
            )));
        }
        if secondaries.iter().any(|other| other.address == address) {
            return Err(wrong(format!("{address} is named twice; once is enough")));
        }
        if !is_key_name(key) {
            return Err(wrong(format!(
                "{key:?} is no name of a key; allowed are labels of a-z, 0-9, - and _ with dots between, {} characters at most: \"secondary.example.net\"",
                limits::TSIG_NAME
            )));
        }
        let key = key.clone();
        secondaries.push(Secondary { address, key });
    }
    Ok(secondaries)
}

/// Whether this is a domain name (RFC 8945 4.2) that can be part of the name of a file.
fn is_key_name(name: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    name.len() <= limits::TSIG_NAME && name.split('.').all(label)
}

fn reply(
    source: &Source<'_>,
    base_domain: &Domain,
    raw: raw::Reply,
) -> Result<ReplyConfig, ConfigError> {
    let default = raw::Reply::default();
    for (key, differs) in [
        ("reply.interim", raw.interim != default.interim),
        ("reply.smarthost", !raw.smarthost.is_empty()),
        ("reply.smarthost_user", !raw.smarthost_user.is_empty()),
        (
            "reply.smarthost_password_file",
            !raw.smarthost_password_file.is_empty(),
        ),
    ] {
        source.without_effect(key, differs)?;
    }
    let operator = raw
        .operator
        .ok_or_else(|| source.missing("reply.operator", "\"postmaster@example.org\""))?;
    for zone in Zone::ALL {
        let name = base_domain.below(zone.label());
        if name.is_ok_and(|name| operator.domain.is_within(&name)) {
            return Err(source.wrong(
                "reply.operator",
                format!(
                    "{operator} lies in a test domain, where its mail would go round in circles"
                ),
            ));
        }
    }
    let from = Mailbox::parse(&format!("{}@{}.{base_domain}", raw.from, Zone::Et.label()))
        .map_err(|error| {
            source.wrong(
                "reply.from",
                format!("is not the part of an address before the @: {error}"),
            )
        })?;
    let local = from.local.to_ascii_lowercase();
    let taken = |name: &str| local.split('+').next() == Some(name);
    if Language::ALL.iter().any(|language| taken(language.tag())) || taken("tlsrpt") {
        return Err(source.wrong(
            "reply.from",
            format!("mail to {from} is a test or a report; allowed are other names, such as \"emailtest\""),
        ));
    }
    Ok(ReplyConfig { from, operator })
}
