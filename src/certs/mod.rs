//! Certificates of the servers, current and next.
//!
//! What is served is one immutable [`Snapshot`]; the listeners present from it and the zone publishes its digests, so
//! the two never differ. Which server gets what kind of certificate is said by the case table alone. Nothing here
//! opens a socket.

pub mod acme;
pub mod internal;
mod pair;
pub mod plan;
pub mod store;
pub mod trouble;

pub use internal::InternalCa;
pub use store::Store;
pub use trouble::{Kind, Trouble};

use crate::base::{Certificate, Domain, NameError, Server, Timestamp, Zone, file};
use crate::cases;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a certificate could not be made, read or kept. Names the file where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertError(pub String);

impl fmt::Display for CertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CertError {}

impl From<file::FileError> for CertError {
    fn from(error: file::FileError) -> Self {
        Self(error.0)
    }
}

impl From<NameError> for CertError {
    fn from(error: NameError) -> Self {
        Self(error.0)
    }
}

/// Who issues the certificates that are not self-signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// A CA of our own, whose root nobody trusts unless told to.
    Internal,
}

/// A certificate that we hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Of the mail listener.
    Mail(Certificate),
    /// Of the web listener.
    Web,
}

impl Slot {
    /// All of them, by the case table.
    pub fn all() -> impl Iterator<Item = Self> {
        let hosts = cases::hosts().map(|case| Self::Mail(Certificate::Host(case.server)));
        std::iter::once(Self::Mail(Certificate::SelfSigned))
            .chain(hosts)
            .chain([Self::Web])
    }

    /// The name of its files and in reports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Mail(Certificate::SelfSigned) => "self-signed",
            Self::Mail(Certificate::Host(server)) => cases::label(server).unwrap_or("none"),
            Self::Web => "web",
        }
    }

    /// How it is issued.
    #[must_use]
    pub fn issue(self) -> cases::Issue {
        match self {
            Self::Mail(Certificate::SelfSigned) => cases::Issue::SelfSigned,
            Self::Mail(Certificate::Host(server)) => cases::case(server)
                .issue
                .unwrap_or(cases::Issue::SelfSigned),
            Self::Web => cases::Issue::Ca,
        }
    }

    /// The names in it, the first of them its subject.
    ///
    /// # Errors
    /// When the base domain is too long to have these names below it.
    pub fn names(self, base_domain: &Domain) -> Result<Vec<Domain>, NameError> {
        let et = base_domain.below(Zone::Et.label())?;
        Ok(match self {
            Self::Mail(Certificate::SelfSigned) => vec![et],
            Self::Mail(Certificate::Host(server)) => cases::relative_name(server)
                .map(|name| base_domain.below(&name))
                .transpose()?
                .into_iter()
                .collect(),
            Self::Web => {
                let policy = et.below("mta-sts")?;
                vec![et, policy, base_domain.below(Zone::Ut.label())?]
            }
        })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// One certificate with its key, as it is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Chain and private key, for the listeners.
    pub key: Arc<CertifiedKey>,
    /// SHA-256 of the key's SubjectPublicKeyInfo: what TLSA `3 1 1` holds (RFC 6698 2.1).
    pub spki: [u8; 32],
    /// The same of the key that comes next, published ahead of its use.
    pub next: Option<[u8; 32]>,
    /// When the certificate ends.
    pub not_after: Timestamp,
}

impl Served {
    /// The certificates presented, the server's own first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }
}

/// All that is served.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// By what a client of the mail listener is shown.
    pub mail: BTreeMap<Certificate, Served>,
    /// Of the web listener.
    pub web: Served,
    /// The digest that wrong TLSA records hold.
    pub invalid: [u8; 32],
}

impl Snapshot {
    /// The digests of the TLSA RRset at a server's host; none where the case table has no RRset.
    #[must_use]
    pub fn tlsa(&self, server: Server) -> Vec<[u8; 32]> {
        match cases::case(server).tlsa {
            None => Vec::new(),
            Some(cases::Tlsa::Invalid) => vec![self.invalid],
            Some(cases::Tlsa::Valid) => self
                .mail
                .get(&Certificate::Host(server))
                .into_iter()
                .flat_map(|served| [Some(served.spki), served.next])
                .flatten()
                .collect(),
        }
    }

    /// [`Snapshot::tlsa`] of every server that has an RRset.
    #[must_use]
    pub fn digests(&self) -> BTreeMap<Server, Vec<[u8; 32]>> {
        cases::CASES
            .iter()
            .filter(|case| case.tlsa.is_some())
            .map(|case| (case.server, self.tlsa(case.server)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_its_own_files_and_names() {
        let base = Domain::parse("example.org").unwrap();
        let rows: Vec<String> = Slot::all()
            .map(|slot| {
                let names = slot.names(&base).unwrap();
                let names: Vec<_> = names.iter().map(Domain::as_str).collect();
                format!("{slot} {:?} {}", slot.issue(), names.join(" "))
            })
            .collect();
        assert_eq!(
            rows,
            [
                "self-signed SelfSigned et.example.org",
                "mx03 SelfSigned mx03.et.example.org",
                "mx04 SelfSigned mx04.et.example.org",
                "mx05 Ca mx05.et.example.org",
                "mx06 Ca mx06.et.example.org",
                "ut Ca ut.example.org",
                "web Ca et.example.org mta-sts.et.example.org ut.example.org",
            ]
        );
    }
}
