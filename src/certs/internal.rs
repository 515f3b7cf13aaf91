//! Certificates that we make ourselves: self-signed ones, and those of a small CA of our own.

use super::CertError;
use super::plan::{LEAF, LONG};
use crate::base::ports::Random;
use crate::base::{Domain, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use std::time::Duration;

/// How far back a certificate begins, for peers whose clock is late.
const BACKDATED: Duration = Duration::from_secs(3600);
/// The longest common name (RFC 5280 appendix A.1, ub-common-name).
const COMMON_NAME: usize = 64;

impl From<rcgen::Error> for CertError {
    fn from(error: rcgen::Error) -> Self {
        Self(format!("no certificate can be made: {error}"))
    }
}

/// A CA with one root that issues directly.
pub struct InternalCa {
    root: CertificateDer<'static>,
    issuer: rcgen::Issuer<'static, KeyPair>,
}

impl InternalCa {
    /// Makes a root for this key, valid for ten years.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn create(key: KeyPair, now: Timestamp, random: &dyn Random) -> Result<Self, CertError> {
        let mut params = params(now, LONG, random)?;
        params.distinguished_name = distinguished("mailproof internal CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&key)?.der().clone();
        Self::new(root, key)
    }

    /// The CA of this root, whose key this is; that they belong together is not checked.
    ///
    /// # Errors
    /// When the root is no CA's certificate.
    pub fn new(root: CertificateDer<'static>, key: KeyPair) -> Result<Self, CertError> {
        let issuer = rcgen::Issuer::from_ca_cert_der(&root, key)?;
        Ok(Self { root, issuer })
    }

    /// The root, to be trusted by those who shall.
    #[must_use]
    pub const fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Issues a certificate for these names (at least one) and this key, valid for 90 days; returns what a server
    /// presents, which is without the root.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate, or there is none.
    pub fn issue(
        &self,
        names: &[Domain],
        key: &KeyPair,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Vec<CertificateDer<'static>>, CertError> {
        let mut params = server(names, now, LEAF, random)?;
        params.use_authority_key_identifier_extension = true;
        Ok(vec![params.signed_by(key, &self.issuer)?.der().clone()])
    }
}

/// A certificate for these names (at least one), signed by its own key, valid for ten years.
///
/// # Errors
/// When a name cannot stand in a certificate, or there is none.
pub fn self_signed(
    names: &[Domain],
    key: &KeyPair,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let params = server(names, now, LONG, random)?;
    Ok(vec![params.self_signed(key)?.der().clone()])
}

fn server(
    names: &[Domain],
    now: Timestamp,
    lifetime: Duration,
    random: &dyn Random,
) -> Result<CertificateParams, CertError> {
    let first = names
        .first()
        .ok_or_else(|| CertError("a certificate needs a name".to_owned()))?;
    let mut params = params(now, lifetime, random)?;
    params.subject_alt_names = names
        .iter()
        .map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)))
        .collect::<Result<_, rcgen::Error>>()?;
    let common = Some(first.as_str()).filter(|name| name.len() <= COMMON_NAME);
    params.distinguished_name = distinguished(common.unwrap_or("mailproof"));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn params(
    now: Timestamp,
    lifetime: Duration,
    random: &dyn Random,
) -> Result<CertificateParams, CertError> {
    let from = u64::try_from(now.as_second())
        .ok()
        .and_then(|second| second.checked_sub(BACKDATED.as_secs()))
        .map(Duration::from_secs)
        .ok_or_else(|| CertError(format!("no certificate can begin at {now}")))?;
    let mut serial = [0; 16];
    random.fill(&mut serial);
    // Positive, and always of 16 octets (RFC 5280 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1) + from;
    params.not_after = date_time_ymd(1970, 1, 1) + from + BACKDATED + lifetime;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn distinguished(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
