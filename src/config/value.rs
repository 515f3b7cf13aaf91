//! Values that a text spells, checked as they are read, so that the error names their line.

use serde::de::{Deserialize, Deserializer, Error};
use crate::base::{Domain, Network};
use std::net::IpAddr;
use std::time::Duration;

/// A time span such as `90s`, `3m`, `20h` or `14d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        span(&text).map(Self).map_err(D::Error::custom)
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!("{text:?} is no time span; allowed are a number and s, m, h or d: \"90s\", \"3m\"")
    };
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// A network or a domain, for the opt-out list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// All addresses in it.
    Network(Network),
    /// The domain and all below it.
    Domain(Domain),
}

impl<'de> Deserialize<'de> for Denied {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        Domain::parse(&text)
            .map(Self::Domain)
            .map_err(|_| D::Error::custom(format!("{text:?} is neither a network nor a domain")))
    }
}

/// Which addresses the MX hosts of `et` publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// A records only.
    #[default]
    Ipv4,
    /// AAAA records only.
    Ipv6,
    /// Both.
    Both,
}

impl Family {
    /// Whether an address of this kind is published.
    #[must_use]
    pub const fn publishes(self, address: IpAddr) -> bool {
        matches!(
            (self, address),
            (Self::Both, _) | (Self::Ipv4, IpAddr::V4(_)) | (Self::Ipv6, IpAddr::V6(_))
        )
    }
}

/// Where certificates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Issuer {
    /// A public CA, by ACME.
    Acme,
    /// A CA of the appliance's own.
    Internal,
}

/// Who validates DNSSEC for outgoing look-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validate {
    /// The appliance itself.
    #[default]
    #[serde(rename = "self")]
    Own,
    /// The resolver, whose AD bit is trusted.
    Upstream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("3m", Some(180)),
            ("20h", Some(72_000)),
            ("14d", Some(1_209_600)),
            ("", None),
            ("3", None),
            ("m", None),
            ("-3m", None),
            ("3 m", None),
            ("3µ", None),
        ] {
            assert_eq!(
                span(text).ok().map(|span| span.as_secs()),
                seconds,
                "{text}"
            );
        }
    }
}
