//! Which addresses may be connected when somebody else names the target. Pure: no socket, no look-up.

use crate::base::Network;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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

#[cfg(test)]
mod tests {
    use super::*;

    fn why(target: &str) -> Option<String> {
        let rules = Rules {
            allow: vec!["10.9.0.0/16".parse().unwrap(), "fd09::/16".parse().unwrap()],
            deny: vec![
                "198.41.0.0/24".parse().unwrap(),
                "10.9.9.0/24".parse().unwrap(),
            ],
            own: vec!["193.0.14.1".parse().unwrap(), "2a00::25".parse().unwrap()],
            ports: vec![25, 53, 443],
        };
        allowed(target.parse().unwrap(), &rules)
            .err()
            .map(|why| why.0)
    }

    #[test]
    fn only_globally_routable_addresses_are_reached() {
        for target in [
            "193.0.14.129:25",
            "9.9.9.9:53",
            "100.63.255.255:443",
            "172.32.0.1:25",
            "[2a00:1450::1]:25",
            "[2620:fe::fe]:443",
            "[2003::1]:25",
            "10.9.0.1:25",
            "[fd09::1]:25",
            "[::ffff:9.9.9.9]:25",
        ] {
            assert_eq!(why(target), None, "{target}");
        }
        for (target, expected) in [
            ("0.0.0.0:25", "unspecified"),
            ("10.0.0.1:25", "private"),
            ("100.64.0.1:25", "carriers"),
            ("127.0.0.1:25", "loopback"),
            ("169.254.169.254:443", "link-local"),
            ("172.16.0.1:25", "private"),
            ("192.0.0.8:25", "reserved"),
            ("192.0.2.1:25", "documentation"),
            ("192.168.1.1:25", "private"),
            ("198.19.255.255:25", "benchmarking"),
            ("203.0.113.9:25", "documentation"),
            ("224.0.0.1:25", "multicast"),
            ("255.255.255.255:25", "reserved"),
            ("[::]:25", "unspecified"),
            ("[::1]:25", "loopback"),
            ("[::127.0.0.1]:25", "reserved"),
            ("[::ffff:127.0.0.1]:25", "loopback"),
            ("[::ffff:10.0.0.1]:25", "private"),
            ("[64:ff9b::7f00:1]:25", "NAT64"),
            ("[64:ff9b:1::a00:1]:25", "NAT64"),
            ("[100::1]:25", "reserved"),
            ("[2001::1]:25", "Teredo"),
            ("[2001:db8::1]:25", "documentation"),
            ("[2002:7f00:1::]:25", "6to4"),
            ("[3fff::1]:25", "documentation"),
            ("[fd00::1]:25", "unique local"),
            ("[fe80::1]:25", "link-local"),
            ("[fec0::1]:25", "reserved"),
            ("[ff02::1]:25", "multicast"),
            ("193.0.14.1:25", "our own"),
            ("[::ffff:193.0.14.1]:25", "our own"),
            ("[2a00::25]:25", "our own"),
            ("198.41.0.4:25", "left alone"),
            ("10.9.9.1:25", "left alone"),
            ("9.9.9.9:22", "port 22"),
        ] {
            let why = why(target).unwrap_or_default();
            assert!(why.contains(expected), "{target}: {why:?}");
        }
    }

    #[test]
    fn every_row_of_the_tables_is_a_network() {
        for (network, _) in SPECIAL_V4.iter().chain(&SPECIAL_V6) {
            assert!(network.parse::<Network>().is_ok(), "{network}");
        }
    }
}
