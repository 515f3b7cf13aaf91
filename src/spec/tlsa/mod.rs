//! TLSA records against a presented chain (RFC 6698, RFC 7671, RFC 7672 3.1): DANE-EE(3) and DANE-TA(2).
//!
//! Decides what the records say of a chain, never what follows from it: that all records are unusable means TLS
//! without authentication (RFC 7672 2.2), not failure, and is for the policy above to know.

use super::pkix::{self, Fault};
use crate::base::{Domain, Timestamp, Tlsa, limits};
use ring::digest::{SHA256, SHA512, digest};
use rustls::pki_types::{CertificateDer, Der, TrustAnchor};
use std::borrow::Cow;
use std::fmt;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a TLSA RRset says of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TlsaResult {
    /// There are no records.
    Absent,
    /// There are records, and none that SMTP can use.
    Unusable,
    /// This record authenticates the server.
    Match(Tlsa),
    /// No usable record authenticates the server.
    NoMatch(Mismatch),
}

/// How near the best record came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// No certificate presented has what a record asks for.
    Association,
    /// A trust anchor matches, and does not lead to the leaf; the text says why.
    Path(String),
    /// A trust anchor matches, and a certificate on the way is not valid at this time.
    Time,
    /// A trust anchor matches, and the leaf is for other names.
    Name,
    /// The server did not prove, in a way that we can check, that it holds the leaf's key. [`matches()`] never finds
    /// this; whoever made the handshake does.
    Unproven(String),
}

impl TlsaResult {
    /// Whether the server is authenticated.
    #[must_use]
    pub const fn is_match(&self) -> bool {
        matches!(self, Self::Match(_))
    }
}

impl fmt::Display for TlsaResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no TLSA record"),
            Self::Unusable => f.write_str("no usable TLSA record"),
            Self::Match(record) => write!(
                f,
                "TLSA {} {} {} matches",
                record.usage, record.selector, record.matching
            ),
            Self::NoMatch(Mismatch::Association) => {
                f.write_str("no TLSA record matches the certificate")
            }
            Self::NoMatch(Mismatch::Path(why)) => {
                write!(f, "the trust anchor of the TLSA record did not issue the certificate: {why}")
            }
            Self::NoMatch(Mismatch::Time) => {
                f.write_str("the trust anchor matches its TLSA record, but the certificate is not valid at this time")
            }
            Self::NoMatch(Mismatch::Unproven(why)) => {
                write!(f, "the server could not be seen to hold its key: {why}")
            }
            Self::NoMatch(Mismatch::Name) => {
                f.write_str("the trust anchor matches its TLSA record, but the certificate is for other names")
            }
        }
    }
}

const DANE_TA: u8 = 2;
const DANE_EE: u8 = 3;
const FULL_CERTIFICATE: u8 = 0;
const PUBLIC_KEY: u8 = 1;
const EXACT: u8 = 0;
const SHA2_256: u8 = 1;
const SHA2_512: u8 = 2;

/// Whether SMTP can use the record: usage 2 or 3 (RFC 7672 3.1.3), a known selector and matching type, and
/// association data of the right form (RFC 7671 4).
#[must_use]
pub fn usable(record: &Tlsa) -> bool {
    matches!(record.usage, DANE_TA | DANE_EE)
        && matches!(record.selector, FULL_CERTIFICATE | PUBLIC_KEY)
        && match record.matching {
            EXACT if record.selector == FULL_CERTIFICATE => {
                X509Certificate::from_der(&record.data).is_ok_and(|(rest, _)| rest.is_empty())
            }
            EXACT => is_public_key(&record.data),
            SHA2_256 => record.data.len() == 32,
            SHA2_512 => record.data.len() == 64,
            _ => false,
        }
}

fn is_public_key(data: &[u8]) -> bool {
    x509_parser::x509::SubjectPublicKeyInfo::from_der(data).is_ok_and(|(rest, _)| rest.is_empty())
}

/// Holds the chain as presented, leaf first, against the records. `names` are the reference identifiers of usage 2:
/// the TLSA base domain and the next-hop domain (RFC 7672 3.2.2). For usage 3 names and times are ignored
/// (RFC 7672 3.1.1). Records beyond `limits::TLSA_RECORDS` are not looked at.
#[must_use]
pub fn matches(
    records: &[Tlsa],
    chain: &[CertificateDer<'_>],
    names: &[Domain],
    now: Timestamp,
) -> TlsaResult {
    if records.is_empty() {
        return TlsaResult::Absent;
    }
    let considered: Vec<&Tlsa> = records
        .iter()
        .take(limits::TLSA_RECORDS)
        .filter(|record| usable(record))
        .collect();
    if considered.is_empty() {
        return TlsaResult::Unusable;
    }
    let mut nearest = Mismatch::Association;
    for record in considered
        .iter()
        .filter(|record| !is_outdated(record, &considered))
    {
        let found = if record.usage == DANE_EE {
            end_entity(record, chain)
        } else {
            trust_anchor(record, chain, names, now)
        };
        match found {
            Ok(()) => return TlsaResult::Match((*record).clone()),
            Err(Mismatch::Association) => {}
            Err(nearer) => nearest = nearer,
        }
    }
    TlsaResult::NoMatch(nearest)
}

/// Digest algorithm agility (RFC 7671 9): among records of one usage and selector only the strongest digest counts.
fn is_outdated(record: &Tlsa, all: &[&Tlsa]) -> bool {
    record.matching == SHA2_256
        && all.iter().any(|other| {
            other.matching == SHA2_512
                && (other.usage, other.selector) == (record.usage, record.selector)
        })
}

fn end_entity(record: &Tlsa, chain: &[CertificateDer<'_>]) -> Result<(), Mismatch> {
    match chain.first() {
        Some(leaf) if is_associated(record, leaf) => Ok(()),
        _ => Err(Mismatch::Association),
    }
}

fn trust_anchor(
    record: &Tlsa,
    chain: &[CertificateDer<'_>],
    names: &[Domain],
    now: Timestamp,
) -> Result<(), Mismatch> {
    let anchors = anchors(record, chain);
    if anchors.is_empty() {
        return Err(Mismatch::Association);
    }
    pkix::verify(chain, &anchors, names, now)
        .map(|_| ())
        .map_err(|(fault, _)| match fault {
            Fault::Path(why) => Mismatch::Path(why),
            Fault::Time => Mismatch::Time,
            Fault::Name => Mismatch::Name,
        })
}

/// The trust anchors that a usage 2 record names: certificates presented above the leaf, and what the record itself
/// holds when it holds a whole certificate or key (RFC 7671 5.2.2 and 5.2.3).
fn anchors<'a>(record: &'a Tlsa, chain: &'a [CertificateDer<'a>]) -> Vec<TrustAnchor<'a>> {
    let mut anchors: Vec<_> = chain
        .iter()
        .skip(1)
        .filter(|certificate| is_associated(record, certificate))
        .filter_map(|certificate| webpki::anchor_from_trusted_cert(certificate).ok())
        .collect();
    if record.matching != EXACT {
        return anchors;
    }
    if record.selector == FULL_CERTIFICATE {
        let held = CertificateDer::from_slice(&record.data);
        anchors.extend(
            webpki::anchor_from_trusted_cert(&held)
                .ok()
                .map(|anchor| anchor.to_owned()),
        );
    } else if let Some(key) = pkix::content(&record.data) {
        // A bare key has no name, so it may stand for the issuer of any certificate presented.
        anchors.extend(chain.iter().filter_map(|certificate| {
            let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
            Some(TrustAnchor {
                subject: Der::from(pkix::content(parsed.issuer().as_raw())?.to_vec()),
                subject_public_key_info: Der::from_slice(key),
                name_constraints: None,
            })
        }));
    }
    anchors
}

fn is_associated(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    let selected: Cow<'_, [u8]> = match record.selector {
        FULL_CERTIFICATE => Cow::Borrowed(certificate.as_ref()),
        _ => match X509Certificate::from_der(certificate) {
            Ok((_, parsed)) => Cow::Owned(parsed.public_key().raw.to_vec()),
            Err(_) => return false,
        },
    };
    match record.matching {
        EXACT => *selected == record.data[..],
        SHA2_256 => digest(&SHA256, &selected).as_ref() == record.data,
        _ => digest(&SHA512, &selected).as_ref() == record.data,
    }
}

#[cfg(test)]
mod tests;
