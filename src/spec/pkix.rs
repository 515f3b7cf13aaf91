//! Certificate chains apart from any handshake: path and names (RFC 5280 6, RFC 9525), by webpki.
//!
//! Never asks for revocation, and knows no roots of its own.

use crate::base::{Domain, Timestamp};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use std::fmt;
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// What a chain is worth for a name, by the marks of the inbound check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// It leads to a root, is in its time and names the host.
    Trusted,
    /// It leads to no root: unknown issuer, self-signed, or unfit for a TLS server.
    Untrusted,
    /// It leads to a root, and would be trusted but for its time.
    Expired,
    /// It leads to a root, and is for other names.
    NameMismatch,
}

/// A chain as judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pkix {
    /// The verdict.
    pub trust: Trust,
    /// Who vouches: the name of the root where one was found, else of the issuer of the last certificate presented.
    pub root: Option<String>,
    /// What is wrong, in words; empty when trusted.
    pub why: String,
}

impl Pkix {
    /// Whether the chain may be relied on for the name.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        matches!(self.trust, Trust::Trusted)
    }
}

impl fmt::Display for Pkix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trust {
            Trust::Trusted => f.write_str("trusted"),
            _ => f.write_str(&self.why),
        }
    }
}

/// Why a chain fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No path to an anchor; the text says why.
    Path(String),
    /// A path, but not at this time.
    Time,
    /// A path, but for none of the names.
    Name,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(why) => f.write_str(why),
            Self::Time => f.write_str("the certificate is not valid at this time"),
            Self::Name => f.write_str("the certificate is for other names"),
        }
    }
}

/// Judges a chain as presented, leaf first, for `host`.
#[must_use]
pub fn judge(
    chain: &[CertificateDer<'_>],
    roots: &[TrustAnchor<'_>],
    host: &Domain,
    now: Timestamp,
) -> Pkix {
    let presented = || chain.last().and_then(issuer_of);
    match verify(chain, roots, std::slice::from_ref(host), now) {
        Ok(root) => Pkix {
            trust: Trust::Trusted,
            root: Some(root),
            why: String::new(),
        },
        Err((fault, root)) => Pkix {
            trust: match fault {
                Fault::Path(_) => Trust::Untrusted,
                Fault::Time => Trust::Expired,
                Fault::Name => Trust::NameMismatch,
            },
            root: root.or_else(presented),
            why: fault.to_string(),
        },
    }
}

/// Looks for a path from the leaf to an anchor, then for one of the names in the leaf. Returns the anchor's name; on
/// failure too, where there was a path.
pub(super) fn verify(
    chain: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
    names: &[Domain],
    now: Timestamp,
) -> Result<String, (Fault, Option<String>)> {
    let at = unix_time(now);
    let root = match path(chain, anchors, at) {
        Ok(root) => root,
        Err(error) if is_of_time(&error) => {
            // An expired certificate of nobody's is untrusted in the first place: look again at a time that suits it.
            let then = shared_validity(chain).map(|time| path(chain, anchors, time));
            return Err(match then {
                Some(Ok(root)) => (Fault::Time, Some(root)),
                Some(Err(error)) => (Fault::Path(words(&error)), None),
                None => (Fault::Time, None),
            });
        }
        Err(error) => return Err((Fault::Path(words(&error)), None)),
    };
    let named = chain.first().is_some_and(|leaf| {
        webpki::EndEntityCert::try_from(leaf).is_ok_and(|leaf| {
            names.iter().any(|name| {
                ServerName::try_from(name.as_str())
                    .is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
            })
        })
    });
    if named {
        Ok(root)
    } else {
        Err((Fault::Name, Some(root)))
    }
}

fn path(
    chain: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
    at: UnixTime,
) -> Result<String, webpki::Error> {
    let (leaf, intermediates) = chain.split_first().ok_or(webpki::Error::UnknownIssuer)?;
    let leaf = webpki::EndEntityCert::try_from(leaf)?;
    let path = leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        intermediates,
        at,
        webpki::KeyUsage::server_auth(),
        None,
        None,
    )?;
    Ok(anchor_name(path.anchor()))
}

const fn is_of_time(error: &webpki::Error) -> bool {
    matches!(
        error,
        webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }
    )
}

fn words(error: &webpki::Error) -> String {
    match error {
        webpki::Error::UnknownIssuer => "no trusted root issued the certificate".to_owned(),
        webpki::Error::CaUsedAsEndEntity => {
            "the certificate is a CA's, not a server's; probably self-signed".to_owned()
        }
        error => format!("the certificate cannot be traced to a trusted root: {error}"),
    }
}

/// The last second in which every certificate of the chain is valid, if there is one.
fn shared_validity(chain: &[CertificateDer<'_>]) -> Option<UnixTime> {
    let mut span = (i64::MIN, i64::MAX);
    for certificate in chain {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let validity = parsed.validity();
        span.0 = span.0.max(validity.not_before.timestamp());
        span.1 = span.1.min(validity.not_after.timestamp());
    }
    (span.0 <= span.1)
        .then(|| u64::try_from(span.1).ok())
        .flatten()
        .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn unix_time(now: Timestamp) -> UnixTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The issuer named in a certificate.
fn issuer_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(shown(parsed.issuer()))
}

/// The name of an anchor; an anchor holds its subject without the outer tag, which is put back to read it.
fn anchor_name(anchor: &TrustAnchor<'_>) -> String {
    let subject = sequence(anchor.subject.as_ref());
    X509Name::from_der(&subject)
        .map_or_else(|_| "a root without a name".to_owned(), |n| shown(&n.1))
}

/// The organisation and common name, which is what people know an issuer by; all of it where both are missing.
fn shown(name: &X509Name<'_>) -> String {
    let part = |mut parts: Box<dyn Iterator<Item = String> + '_>| parts.next();
    let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        value.as_str().unwrap_or_default().to_owned()
    };
    let organisation = part(Box::new(name.iter_organization().map(text)));
    let common = part(Box::new(name.iter_common_name().map(text)));
    match (organisation, common) {
        (Some(organisation), Some(common)) => format!("{organisation}, {common}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => name.to_string(),
    }
}

/// A DER SEQUENCE around these octets (X.690 8.1).
pub(super) fn sequence(value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let first = length.iter().position(|octet| *octet != 0);
    let significant = first.map_or(&length[length.len() - 1..], |first| &length[first..]);
    let mut der = vec![0x30];
    if value.len() >= 0x80 {
        der.push(0x80 | u8::try_from(significant.len()).unwrap_or(0));
    }
    der.extend_from_slice(significant);
    der.extend_from_slice(value);
    der
}

/// The content of a DER element, without tag and length.
pub(super) fn content(der: &[u8]) -> Option<&[u8]> {
    let length = *der.get(1)?;
    let header = if length < 0x80 {
        2
    } else {
        2 + usize::from(length & 0x7f)
    };
    der.get(header..)
}
