//! The OPT record of an answer and its options (RFC 6891 6.1): the server's name, cookies, why there is no answer.

use super::cookie::{ClientCookie, CookieSecret, ServerCookie, Standing};
use super::question::{COOKIE, Edns, NSID};
use crate::base::limits;
use std::net::IpAddr;

/// The option that says more than the response code (RFC 8914).
pub(super) const EDE: u16 = 15;
/// Why there is no answer: the client may not ask this (RFC 8914 4.19).
pub(super) const PROHIBITED: u16 = 18;
/// Why there is no answer: the name is in no zone of ours (RFC 8914 4.21).
pub(super) const NOT_AUTHORITATIVE: u16 = 20;
/// Why there is no answer: this is not done here (RFC 8914 4.22).
pub(super) const NOT_SUPPORTED: u16 = 21;
/// The extended response code of an unknown EDNS version (RFC 6891 9), its upper eight bits.
pub(super) const BADVERS: u8 = 1;
/// The upper eight bits of the response code for a wrong cookie (RFC 7873 8), and its lower four.
pub(super) const BADCOOKIE: (u8, u8) = (1, 7);
/// Octets of the record without options.
const EMPTY: usize = 11;

/// What cookies are made and judged with.
#[derive(Clone, Copy, Debug)]
pub struct Cookies<'a> {
    /// The secret.
    pub secret: &'a CookieSecret,
    /// The client's address.
    pub client: IpAddr,
    /// The time, in seconds since 1970, modulo 2^32.
    pub now: u32,
}

/// Whether the client showed a server cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// No server cookie.
    Nothing,
    /// One that is not, or no longer, worth anything.
    Invalid,
    /// One that proves that it is where it says.
    Valid,
}

/// The record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opt<'a> {
    dnssec_ok: bool,
    identity: &'a [u8],
    cookies: Option<(ClientCookie, ServerCookie)>,
    /// Whether the query had a cookie of ours.
    pub(super) shown: Shown,
    /// The upper eight bits of the response code.
    pub(super) extended: u8,
    /// The extended error code.
    reason: Option<u16>,
}

impl<'a> Opt<'a> {
    /// The answer to the OPT record of a query: what it asks for and nothing else.
    pub(super) fn new(edns: Edns<'_>, identity: &'a str, cookies: Option<Cookies<'_>>) -> Self {
        let mut opt = Self::bare(edns.dnssec_ok);
        // What an unknown version means by its options is unknown.
        if edns.version > 0 {
            opt.extended = BADVERS;
            return opt;
        }
        if edns.nsid {
            let identity = identity.as_bytes();
            opt.identity = &identity[..identity.len().min(limits::DNS_IDENTITY)];
        }
        if let Some((cookies, (client, server))) =
            cookies.zip(edns.cookie.and_then(<[u8]>::split_first_chunk))
        {
            let Cookies {
                secret,
                client: address,
                now,
            } = cookies;
            let (shown, kept) = match secret.judge(*client, server, address, now) {
                _ if server.is_empty() => (Shown::Nothing, None),
                Standing::Invalid => (Shown::Invalid, None),
                Standing::Stale => (Shown::Valid, None),
                Standing::Fresh(cookie) => (Shown::Valid, Some(cookie)),
            };
            let cookie = kept.unwrap_or_else(|| secret.make(*client, address, now));
            (opt.shown, opt.cookies) = (shown, Some((*client, cookie)));
        }
        opt
    }

    /// One that answers no option.
    pub(super) const fn bare(dnssec_ok: bool) -> Self {
        Self {
            dnssec_ok,
            identity: &[],
            cookies: None,
            shown: Shown::Nothing,
            extended: 0,
            reason: None,
        }
    }

    /// The same with an extended error code.
    pub(super) const fn because(mut self, reason: u16) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same with these upper bits of the response code.
    pub(super) const fn extending(mut self, extended: u8) -> Self {
        self.extended = extended;
        self
    }

    /// Whether it has a cookie.
    pub(super) const fn has_cookie(&self) -> bool {
        self.cookies.is_some()
    }

    fn options(&self) -> usize {
        let identity = match self.identity.len() {
            0 => 0,
            length => 4 + length,
        };
        identity + self.cookies.map_or(0, |_| 28) + self.reason.map_or(0, |_| 6)
    }

    /// Octets of the record.
    pub(super) fn length(&self) -> usize {
        EMPTY + self.options()
    }

    /// Appends the record.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let number = |octets: usize| u16::try_from(octets).unwrap_or(u16::MAX).to_be_bytes();
        let [high, low] = number(limits::UDP_ANSWER);
        let flags = if self.dnssec_ok { 0x80 } else { 0 };
        out.extend([0, 0, 41, high, low, self.extended, 0, flags, 0]);
        out.extend(number(self.options()));
        if !self.identity.is_empty() {
            out.extend(NSID.to_be_bytes());
            out.extend(number(self.identity.len()));
            out.extend_from_slice(self.identity);
        }
        if let Some((client, server)) = &self.cookies {
            out.extend(COOKIE.to_be_bytes());
            out.extend(number(client.len() + server.len()));
            out.extend(client);
            out.extend(server);
        }
        if let Some(reason) = self.reason {
            out.extend(EDE.to_be_bytes());
            out.extend(number(2));
            out.extend(reason.to_be_bytes());
        }
    }
}
