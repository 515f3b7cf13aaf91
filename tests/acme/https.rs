//! What the HTTPS of a CA on this machine is certified with.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::net::IpAddr;

/// A root, and the certificate of this address with its key, each in PEM.
pub fn https(address: IpAddr) -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "root of the CA's HTTPS");
    let root_key = KeyPair::generate().unwrap();
    let root = params.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(params, root_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![address.to_string()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    (root.pem(), certificate.pem(), key.serialize_pem())
}
