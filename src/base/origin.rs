//! Who is sending: the organisation behind a connection.

use super::name::Domain;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The sender's organisation as far as the network shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Origin {
    /// The registrable domain of the EHLO name, confirmed by the client's reverse name.
    Domain(Domain),
    /// The client's network and the EHLO name, lower case, where no reverse name confirms it.
    Network(IpAddr, String),
}

impl Origin {
    /// The origin of a client that greeted as `ehlo` and whose forward-confirmed reverse name is `ptr`.
    #[must_use]
    pub fn of(client: IpAddr, ehlo: &str, ptr: Option<&Domain>) -> Self {
        let confirmed = ptr.and_then(|ptr| {
            // Most clients greet as their reverse name, which needs no second look.
            let organisation = match ehlo.eq_ignore_ascii_case(ptr.as_str()) {
                true => ptr.registrable(),
                false => Domain::parse(ehlo).ok()?.registrable(),
            };
            ptr.is_within(&organisation).then_some(organisation)
        });
        match confirmed {
            Some(organisation) => Self::Domain(organisation),
            None => Self::Network(network(client), ehlo.trim_end_matches('.').to_lowercase()),
        }
    }
}

/// The network that stands for a client: /24 of IPv4, /56 of IPv6; IPv4-mapped addresses count as IPv4.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4) & 0xffff_ff00).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 72 << 72).into(),
    }
}

/// What stands for a single client: its address; for IPv6 its /64, in which it may choose any.
#[must_use]
pub fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
        v4 => v4,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => write!(f, "{domain}"),
            Self::Network(network @ IpAddr::V4(_), ehlo) => write!(f, "{network}/24 {ehlo}"),
            Self::Network(network, ehlo) => write!(f, "{network}/56 {ehlo}"),
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let Some((network, ehlo)) = text.split_once(' ') else {
            return Domain::parse(&text)
                .map(Self::Domain)
                .map_err(|error| error.to_string());
        };
        network
            .split_once('/')
            .and_then(|(address, _)| address.parse().ok())
            .map(|address| Self::Network(address, ehlo.to_owned()))
            .ok_or_else(|| format!("{text:?} is not an origin"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reverse_name_must_lie_in_the_organisation_of_the_greeting() {
        for (client, ehlo, ptr, origin) in [
            (
                "198.51.100.7",
                "out1.sender.example",
                Some("out1.sender.example"),
                "sender.example",
            ),
            (
                "198.51.100.7",
                "OUT1.Sender.Example.",
                Some("pool7.sender.example"),
                "sender.example",
            ),
            (
                "198.51.100.7",
                "out1.sender.example",
                Some("dsl.provider.example"),
                "198.51.100.0/24 out1.sender.example",
            ),
            (
                "198.51.100.7",
                "out1.sender.example",
                None,
                "198.51.100.0/24 out1.sender.example",
            ),
            (
                "2001:db8:1:2ff::1",
                "[IPv6:2001:db8::1]",
                None,
                "2001:db8:1:200::/56 [ipv6:2001:db8::1]",
            ),
        ] {
            let ptr = ptr.map(|name| Domain::parse(name).unwrap());
            let found = Origin::of(client.parse().unwrap(), ehlo, ptr.as_ref());
            assert_eq!(found.to_string(), origin);
            assert_eq!(Origin::try_from(origin.to_owned()), Ok(found));
        }
    }
}
