//! The way out, from the configuration.

use super::{StartError, failed};
use crate::base::{Zone, file, limits};
use crate::config::{Config, Denied, Validate};
use crate::dial::resolver::Anchors;
use crate::dial::{self, Dial};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

/// The way out of the appliance.
///
/// # Errors
/// When a file of trust anchors or roots cannot be read; it is named.
pub fn dial(config: &Config) -> Result<Dial, StartError> {
    Dial::new(settings(config)?).map_err(failed)
}

/// The way out of a command: as a configuration has it, where one is named, and through this resolver, where one is.
///
/// # Errors
/// As [`dial()`], and when there is no resolver at all.
pub fn for_command(
    config: Option<&Config>,
    resolver: Option<SocketAddr>,
    helo: Option<String>,
) -> Result<Dial, StartError> {
    let mut settings = match config {
        Some(config) => settings(config)?,
        None => dial::Settings::default(),
    };
    if let Some(resolver) = resolver {
        settings.resolvers = vec![resolver];
    }
    if let Some(helo) = helo {
        settings.helo = helo;
    }
    Dial::new(settings).map_err(failed)
}

/// The certificates in a PEM file that this key of the configuration names; at least one.
///
/// # Errors
/// When it is not there, cannot be read, is longer than `limits::ROOTS_FILE` or holds no certificate; it is named.
pub fn roots(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let wrong = |why: &dyn fmt::Display| failed(format!("{key}: {}: {why}", path.display()));
    let text = file::read(path, limits::ROOTS_FILE)
        .map_err(|error| failed(format!("{key}: {error}")))?
        .ok_or_else(|| wrong(&"not found"))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&error))?;
    if certificates.is_empty() {
        return Err(wrong(&"holds no certificate; PEM is allowed"));
    }
    Ok(certificates)
}

fn settings(config: &Config) -> Result<dial::Settings, StartError> {
    let dial = &config.dial;
    let mut extra_roots = Vec::new();
    for path in &dial.extra_roots {
        extra_roots.extend(roots("dial.extra_roots", path)?);
    }
    let trust_anchors = match &dial.trust_anchors {
        None => None,
        Some(path) => {
            let text = file::read(path, limits::KEY_FILE).map_err(failed)?;
            let text = text.ok_or_else(|| {
                failed(format!("dial.trust_anchors: {}: not found", path.display()))
            })?;
            let anchors = Anchors::parse(&text).map_err(|error| {
                failed(format!("dial.trust_anchors: {}: {error}", path.display()))
            })?;
            Some(anchors)
        }
    };
    let (mut deny_networks, mut deny_domains) = (Vec::new(), Vec::new());
    for denied in &dial.deny {
        match denied {
            Denied::Network(network) => deny_networks.push(*network),
            Denied::Domain(domain) => deny_domains.push(domain.clone()),
        }
    }
    Ok(dial::Settings {
        resolvers: dial.resolvers.clone(),
        trust_anchors,
        validate: match dial.validate {
            Validate::Own => dial::Validate::Own,
            Validate::Upstream => dial::Validate::Upstream,
        },
        cache: true,
        extra_roots,
        allow: dial.allow.clone(),
        deny_networks,
        deny_domains,
        own: config
            .network
            .local
            .iter()
            .flat_map(|(public, local)| [*public, *local])
            .collect(),
        smtp_port: dial.smtp_port,
        https_port: dial.https_port,
        source: None,
        helo: config.zone_name(Zone::Et).to_string(),
    })
}
