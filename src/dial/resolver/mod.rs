//! Look-ups with the DNSSEC security of every answer, present or absent.
//!
//! A temporary failure is never taken for absence, nor a broken chain of trust for a failure. Aliases are followed one
//! name at a time; the security of the whole is that of the weakest step.

mod anchors;
mod cache;
mod denial;
mod exchange;
mod reason;
mod rename;
mod serial;
mod validate;

use super::{DialError, Settings, Validate};
use crate::base::{Domain, Lookup, Mx, Security, Tlsa, limits};
use cache::Cache;
use exchange::Exchange;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::system_conf::read_system_conf;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::time::timeout;
use validate::{Failure, Step, Validator};

pub use anchors::{AnchorError, Anchors};
pub use serial::serial;

/// A CAA record (RFC 8659 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caa {
    /// Whether an issuer that does not understand the tag must refuse.
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef` ..., lower case.
    pub tag: String,
    /// The value as text.
    pub value: String,
}

/// Look-ups; cheap to clone.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    exchange: Arc<Exchange>,
    /// `None`: the resolvers validate.
    validator: Option<Validator>,
    cache: bool,
}

impl Resolver {
    pub(super) fn new(settings: &Settings) -> Result<Self, DialError> {
        let resolvers = if settings.resolvers.is_empty() {
            system()?
        } else {
            settings.resolvers.clone()
        };
        let room = if settings.cache { limits::DNS_CACHE } else { 0 };
        let cache = Cache::new(room);
        let exchange = Arc::new(Exchange::new(resolvers, settings.source, cache));
        let validator = match settings.validate {
            Validate::Own => Some(Validator::new(
                Arc::clone(&exchange),
                settings.trust_anchors.clone(),
            )),
            Validate::Upstream => None,
        };
        Ok(Self(Arc::new(Inner {
            exchange,
            validator,
            cache: settings.cache,
        })))
    }

    /// The mail exchangers of a domain, in no particular order; none at all is no failure (RFC 5321 5.1).
    pub async fn mx(&self, domain: &Domain) -> Lookup<Mx> {
        self.lookup(domain, RecordType::MX, |data| match data {
            RData::MX(mx) if mx.exchange.is_root() => Some(Mx {
                preference: mx.preference,
                host: None,
            }),
            RData::MX(mx) => Some(Mx {
                preference: mx.preference,
                host: Some(domain_of(&mx.exchange)?),
            }),
            _ => None,
        })
        .await
    }

    /// The addresses of a host, IPv4 first; the security is the weaker one of both answers. When the look-up of one
    /// family fails, `failed` says so and the addresses of the other are there all the same.
    pub async fn addresses(&self, host: &Domain) -> Lookup<IpAddr> {
        let (v4, v6) = tokio::join!(
            self.lookup(host, RecordType::A, |data| match data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                _ => None,
            }),
            self.lookup(host, RecordType::AAAA, |data| match data {
                RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            })
        );
        Lookup {
            security: weaker(v4.security, v6.security),
            failed: v4.failed.or(v6.failed),
            canonical: v4.canonical.or(v6.canonical),
            records: [v4.records, v6.records].concat(),
        }
    }

    /// The TLSA records at a name such as `_25._tcp.mx.example.org` (RFC 6698 3).
    pub async fn tlsa(&self, name: &Domain) -> Lookup<Tlsa> {
        self.lookup(name, RecordType::TLSA, |data| match data {
            RData::TLSA(tlsa) => Some(Tlsa {
                usage: tlsa.cert_usage.into(),
                selector: tlsa.selector.into(),
                matching: tlsa.matching.into(),
                data: tlsa.cert_data.clone(),
            }),
            _ => None,
        })
        .await
    }

    /// The texts at a name, the strings of each record joined; octets that are no UTF-8 are replaced.
    pub async fn txt(&self, name: &Domain) -> Lookup<String> {
        self.lookup(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    /// The CAA records at this very name; climbing to the parents (RFC 8659 3) is the caller's.
    pub async fn caa(&self, name: &Domain) -> Lookup<Caa> {
        self.lookup(name, RecordType::CAA, |data| match data {
            RData::CAA(caa) => Some(Caa {
                critical: caa.issuer_critical,
                tag: caa.tag.to_ascii_lowercase(),
                value: String::from_utf8_lossy(&caa.value).into_owned(),
            }),
            _ => None,
        })
        .await
    }

    /// The nameservers of a zone.
    pub async fn ns(&self, zone: &Domain) -> Lookup<Domain> {
        self.lookup(zone, RecordType::NS, |data| match data {
            RData::NS(ns) => domain_of(ns),
            _ => None,
        })
        .await
    }

    /// The reverse name of an address that leads back to it (RFC 8601 3), the first in order when there are several; a
    /// failure when that cannot be found out within half of `limits::VALIDATION_TIMEOUT`.
    pub async fn reverse(&self, address: IpAddr) -> Lookup<Domain> {
        let patience = limits::VALIDATION_TIMEOUT / 2;
        timeout(patience, self.confirmed(address))
            .await
            .unwrap_or_else(|_| {
                let why = "the look-up took too long".to_owned();
                Lookup::failure(Security::Unknown, why)
            })
    }

    async fn confirmed(&self, address: IpAddr) -> Lookup<Domain> {
        let address = address.to_canonical();
        let names = match self.follow(Name::from(address), RecordType::PTR).await {
            Ok(names) => names,
            Err(failure) => return Lookup::failure(failure.security, failure.why),
        };
        let mut names: Vec<_> = names
            .records
            .iter()
            .filter_map(|record| match &record.data {
                RData::PTR(name) => domain_of(name),
                _ => None,
            })
            .collect();
        names.sort();
        let mut failed = None;
        for name in names.into_iter().take(limits::REVERSE_NAMES) {
            let found = self.addresses(&name).await;
            if found.records.contains(&address) {
                return Lookup::found(vec![name], found.security);
            }
            failed = failed.or(found.failed);
        }
        match failed {
            Some(why) => Lookup::failure(Security::Unknown, why),
            None => Lookup::found(Vec::new(), Security::Unknown),
        }
    }

    /// Whether look-ups can be secure at all: the resolvers answer, hand DNSSEC records on, and the trust anchors fit.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub async fn trusted(&self) -> Result<(), String> {
        let validator = self.0.validator.as_ref();
        let start = validator.map_or_else(Name::root, Validator::start);
        let found = self
            .follow(start.clone(), RecordType::SOA)
            .await
            .map_err(|failure| failure.why)?;
        match found.security {
            Security::Secure => Ok(()),
            _ => Err(format!(
                "the resolvers do not validate: {start} is not secure"
            )),
        }
    }

    async fn lookup<T>(
        &self,
        name: &Domain,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Lookup<T> {
        let start = match Name::from_ascii(format!("{name}.")) {
            Ok(start) => start,
            Err(error) => return Lookup::failure(Security::Unknown, error.to_string()),
        };
        let found = match self.follow(start, kind).await {
            Ok(found) => found,
            Err(failure) => return Lookup::failure(failure.security, failure.why),
        };
        let records: Vec<_> = found
            .records
            .iter()
            .filter_map(|record| read(&record.data))
            .collect();
        if records.is_empty() && !found.records.is_empty() {
            let why = format!("{name} {kind}: no record that can be understood");
            return Lookup::failure(Security::Unknown, why);
        }
        Lookup {
            canonical: found.alias.as_ref().and_then(domain_of),
            ..Lookup::found(records, found.security)
        }
    }

    async fn follow(&self, start: Name, kind: RecordType) -> Result<Found, Failure> {
        timeout(limits::VALIDATION_TIMEOUT, self.follow_all(start, kind))
            .await
            .unwrap_or_else(|_| {
                Err(Failure {
                    security: Security::Unknown,
                    why: "the look-up took too long".to_owned(),
                })
            })
    }

    /// Follows aliases to the records.
    async fn follow_all(&self, start: Name, kind: RecordType) -> Result<Found, Failure> {
        let mut found = Found {
            records: Vec::new(),
            security: Security::Secure,
            alias: None,
        };
        let mut name = start;
        for _ in 0..=limits::ALIASES {
            let Step { records, security } = match &self.0.validator {
                Some(validator) => validator.step(&name, kind).await?,
                None => validate::upstream(&self.0.exchange, &name, kind).await?,
            };
            found.security = weaker(found.security, security);
            let alias = records.iter().find_map(|record| match &record.data {
                RData::CNAME(target) => Some(target.0.clone()),
                _ => None,
            });
            match alias {
                Some(target) => {
                    name = target.clone();
                    found.alias = Some(target);
                }
                None => {
                    found.records = records;
                    found.records.retain(|record| record.record_type() == kind);
                    return Ok(found);
                }
            }
        }
        Err(Failure {
            security: Security::Unknown,
            why: format!("more than {} aliases", limits::ALIASES),
        })
    }

    /// A resolver of hickory's with the same servers and trust, for the crate that judges SPF, DKIM, ARC and DMARC. Its
    /// memory of validations has no bound worth the name; whoever holds it makes a new one now and then.
    pub(super) async fn for_authentication(&self) -> Result<TokioResolver, String> {
        let connections = |server: &SocketAddr| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections)
        };
        let servers = self.0.exchange.resolvers().iter().map(connections);
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut options = ResolverOpts::default();
        options.timeout = limits::LOOKUP_TIMEOUT / 2;
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = if self.0.cache { 1024 } else { 0 };
        let mut builder = TokioResolver::builder_with_config(config, Default::default());
        if let Some(validator) = &self.0.validator {
            let trusted = validator.trusted().await.map_err(|failure| failure.why)?;
            builder = builder.with_trust_anchor(trusted);
        }
        builder
            .with_options(options)
            .build()
            .map_err(|error| error.to_string())
    }
}

/// What following the aliases came to.
struct Found {
    records: Vec<Record>,
    security: Security,
    alias: Option<Name>,
}

/// The resolvers of the system.
fn system() -> Result<Vec<SocketAddr>, DialError> {
    let wrong = |why: &str| DialError(format!("the system's resolvers: {why}"));
    let (config, _) = read_system_conf().map_err(|error| wrong(&error.to_string()))?;
    let servers: Vec<_> = config
        .name_servers()
        .iter()
        .filter_map(|server| {
            let port = server.connections.first()?.port;
            Some(SocketAddr::new(server.ip, port))
        })
        .collect();
    if servers.is_empty() {
        return Err(wrong("none is configured"));
    }
    Ok(servers)
}

/// The name as ours, unless it holds what no host name does.
fn domain_of(name: &Name) -> Option<Domain> {
    Domain::parse(&name.to_ascii()).ok()
}

/// The weaker one: bogus, then unknown, insecure, secure.
fn weaker(one: Security, other: Security) -> Security {
    let rank = |security| match security {
        Security::Bogus => 0,
        Security::Unknown => 1,
        Security::Insecure => 2,
        Security::Secure => 3,
    };
    if rank(one) <= rank(other) { one } else { other }
}
