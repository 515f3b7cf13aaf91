//! Which addresses may be connected when somebody else names the target. Pure: no socket, no look-up.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Addresses that share their first bits: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address lies in it. IPv4-mapped addresses count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "{text:?} is not a network; 192.0.2.0/24, 2001:db8::/32 or an address is allowed"
            )
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(wrong)?,
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why an address is not connected: in words, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable(pub String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the operator opened and closed.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Networks beyond the globally routable ones; they may hold own addresses too.
    pub allow: Vec<Network>,
    /// Networks that are never connected, whatever `allow` says.
    pub deny: Vec<Network>,
    /// The appliance's own addresses.
    pub own: Vec<IpAddr>,
    /// The ports that may be connected.
    pub ports: Vec<u16>,
}

/// IPv4 that is not globally routable (IANA special-purpose registry, RFC 6890), and why.
const SPECIAL_V4: [(&str, &str); 17] = [
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/3", "multicast or reserved"),
];

/// IPv6 within 2000::/3 that is not globally routable; all outside 2000::/3 is not either.
const SPECIAL_V6: [(&str, &str); 5] = [
    ("2001::/23", "protocol assignments, Teredo among them"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
];

/// Whether this address and port may be connected on somebody else's word.
///
/// # Errors
/// Why not.
pub fn allowed(target: SocketAddr, rules: &Rules) -> Result<(), Unreachable> {
    let address = target.ip().to_canonical();
    let no = |why: &str| Err(Unreachable(format!("{address} is {why}")));
    let inside = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
    if !rules.ports.contains(&target.port()) {
        return Err(Unreachable(format!("port {} is not used", target.port())));
    }
    if inside(&rules.deny) {
        return no("in a network that asked to be left alone");
    }
    if inside(&rules.allow) {
        return Ok(());
    }
    if rules.own.iter().any(|own| own.to_canonical() == address) {
        return no("our own");
    }
    match special(address) {
        Some(why) => no(&format!("not globally routable ({why})")),
        None => Ok(()),
    }
}

/// Why an address is not globally routable, if so.
fn special(address: IpAddr) -> Option<&'static str> {
    let among = |table: &[(&str, &'static str)]| {
        let fits = |network: &str| {
            network
                .parse()
                .is_ok_and(|it: Network| it.contains(address))
        };
        table.iter().find(|row| fits(row.0)).map(|row| row.1)
    };
    match address {
        IpAddr::V4(_) => among(&SPECIAL_V4),
        IpAddr::V6(v6) => among(&SPECIAL_V6).or_else(|| outside(v6)),
    }
}

/// Why an IPv6 address is outside 2000::/3, which holds all global unicast (RFC 4291 2.4).
fn outside(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments() {
        [0x2000..=0x3fff, ..] => None,
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        [0x64, 0xff9b, ..] => Some("NAT64"),
        [0xfc00..=0xfdff, ..] => Some("unique local"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        _ => Some("reserved"),
    }
}
