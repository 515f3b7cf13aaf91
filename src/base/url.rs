//! Addresses of HTTPS, as values that are right once they exist.

use super::name::Domain;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The port of HTTPS, where no other is named.
const PORT: u16 = 443;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name, to be looked up.
    Name(Domain),
    /// An address, as it was written.
    Address(IpAddr),
}

/// `https://HOST[:PORT][/PATH][?QUERY]` (RFC 3986 3, RFC 9110 4.2.2), without user information and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsUrl {
    /// Who is asked.
    pub host: Host,
    /// At which port.
    pub port: u16,
    /// For what: path and query, with the first `/`.
    pub target: String,
}

/// Why a text is no such address; what is allowed is the caller's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlError(pub &'static str);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for UrlError {}

impl HttpsUrl {
    /// Reads an address; scheme and host in any case.
    ///
    /// # Errors
    /// When the scheme is another, the host is neither a domain name nor an IP address (IPv6 in brackets), the port is
    /// none, there is user information or a fragment, or a character stands there that must be percent-encoded.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = "https://";
        let (start, rest) = text.split_at_checked(scheme.len()).unwrap_or_default();
        if !start.eq_ignore_ascii_case(scheme) {
            return Err(UrlError("it does not begin with https://"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError("user information is not allowed"));
        }
        if target.contains('#') {
            return Err(UrlError("a fragment is not allowed"));
        }
        if !target.bytes().all(is_plain) {
            return Err(UrlError("a character must be percent-encoded"));
        }
        let (host, port) = host_and_port(authority)?;
        let port = port.map_or(Ok(PORT), port_of)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            host: host_of(host)?,
            port,
            target: format!("{slash}{target}"),
        })
    }

    /// Host and port as the `Host` field has them (RFC 9110 7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.to_string(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        match self.port {
            PORT => host,
            port => format!("{host}:{port}"),
        }
    }
}

/// Whether a path or a query may hold this octet as it is (RFC 3986 3.3, 3.4).
const fn is_plain(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(
            octet,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    // An IPv6 address has colons of its own.
    let host = match authority.strip_prefix('[') {
        Some(inside) => 2 + inside.find(']').ok_or(UrlError("a ] is missing"))?,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host);
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(UrlError("only a port may follow the address in brackets")),
    }
}

fn host_of(text: &str) -> Result<Host, UrlError> {
    let inside = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    if let Some(inside) = inside {
        let address: Ipv6Addr = inside
            .parse()
            .map_err(|_| UrlError("no IPv6 address is in the brackets"))?;
        return Ok(Host::Address(address.into()));
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    let name = Domain::parse(text)
        .map_err(|_| UrlError("the host is neither a domain name nor an IP address"))?;
    // Others take a name that ends so for an IPv4 address.
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError("the host is no right IPv4 address"));
    }
    Ok(Host::Name(name))
}

fn port_of(text: &str) -> Result<u16, UrlError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or(UrlError("the port is not 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whom_to_ask_for_what() {
        for (text, read) in [
            ("https://ca.example", "ca.example /"),
            ("HTTPS://CA.Example./dir?a=b", "ca.example /dir?a=b"),
            ("https://ca.example:443/", "ca.example /"),
            ("https://ca.example:14000?q", "ca.example:14000 /?q"),
            (
                "https://bücher.example/%C3%BC",
                "xn--bcher-kva.example /%C3%BC",
            ),
            ("https://192.0.2.1:8443/dir", "192.0.2.1:8443 /dir"),
            ("https://[2001:DB8::1]/dir", "[2001:db8::1] /dir"),
            ("https://[::1]:14000/a//b/", "[::1]:14000 /a//b/"),
        ] {
            let url = HttpsUrl::parse(text).unwrap();
            let shown = format!("{} {}", url.authority(), url.target);
            assert_eq!(shown, read, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("", "https://"),
            ("http://ca.example/", "https://"),
            ("ca.example/dir", "https://"),
            ("https:/ca.example", "https://"),
            ("ü", "https://"),
            ("https://", "the host is neither"),
            ("https:///dir", "the host is neither"),
            ("https://a b.example/", "the host is neither"),
            ("https://2001:db8::1/", "port"),
            ("https://192.0.2.256/", "IPv4"),
            ("https://1/", "IPv4"),
            ("https://[2001:db8::1/", "]"),
            ("https://[192.0.2.1]/", "IPv6"),
            ("https://[::1]x:1/", "only a port"),
            ("https://ca.example:/", "port"),
            ("https://ca.example:0/", "port"),
            ("https://ca.example:+443/", "port"),
            ("https://ca.example:65536/", "port"),
            ("https://me@ca.example/", "user"),
            ("https://ca.example/#top", "fragment"),
            ("https://ca.example#top", "fragment"),
            ("https://ca.example/a b", "percent"),
            ("https://ca.example/ü", "percent"),
            ("https://ca.example/a\r\nb", "percent"),
        ] {
            let error = HttpsUrl::parse(text).unwrap_err();
            assert!(error.0.contains(why), "{text}: {error}");
        }
    }
}
