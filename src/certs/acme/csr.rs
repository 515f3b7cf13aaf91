//! What a certificate is asked for with: the names and the key, signed with it.

use super::super::CertError;
use crate::base::Domain;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};

/// A signing request in DER for these names (at least one) and this key. It has no subject: the names are all there is
/// (RFC 8555 7.4).
///
/// # Errors
/// When a name cannot stand in a certificate, or there is none.
pub fn csr(names: &[Domain], key: &KeyPair) -> Result<Vec<u8>, CertError> {
    if names.is_empty() {
        return Err(CertError("a certificate needs a name".to_owned()));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = names
        .iter()
        .map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)))
        .collect::<Result<_, rcgen::Error>>()?;
    Ok(params.serialize_request(key)?.der().to_vec())
}
