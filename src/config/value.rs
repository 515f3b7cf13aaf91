//! Values that a text spells, checked as they are read, so that the error names their line.

use crate::base::{Domain, Network};
use serde::de::{Deserialize, Deserializer, Error};
use std::net::{IpAddr, SocketAddr};
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

/// An address, such as `192.0.2.25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(|_| {
            D::Error::custom(format!("{text:?} is no address; allowed are IPv4 and IPv6 addresses: \"192.0.2.25\", \"2001:db8::25\""))
        })
    }
}

/// An address, with a port if it is not that of the DNS: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(pub SocketAddr);

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        endpoint(&text).map(Self).map_err(D::Error::custom)
    }
}

fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let alone = || Some(SocketAddr::new(text.parse().ok()?, 53));
    (text.parse().ok().or_else(alone))
        .filter(|endpoint| endpoint.port() != 0 && !endpoint.ip().is_unspecified())
        .ok_or_else(|| {
            format!("{text:?} is no address; allowed are an address, port 53 then, and an address with a port: \"192.0.2.53\", \"2001:db8::53\", \"192.0.2.53:5353\", \"[2001:db8::53]:5353\"")
        })
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

    #[test]
    fn endpoints_have_the_port_of_the_dns_unless_they_say_otherwise() {
        for (text, read) in [
            ("192.0.2.53", Some("192.0.2.53:53")),
            ("192.0.2.53:5353", Some("192.0.2.53:5353")),
            ("2001:db8::53", Some("[2001:db8::53]:53")),
            ("[2001:db8::53]:5353", Some("[2001:db8::53]:5353")),
            ("[2001:db8::53]", None),
            ("192.0.2.53:0", None),
            ("192.0.2.53:65536", None),
            ("0.0.0.0", None),
            ("ns.example.net", None),
            ("", None),
        ] {
            let found = endpoint(text).ok().map(|endpoint| endpoint.to_string());
            assert_eq!(found.as_deref(), read, "{text}");
        }
    }
}
