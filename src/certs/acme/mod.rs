//! Stub.
#![allow(missing_docs, clippy::missing_errors_doc, clippy::unused_async)]
use crate::base::ports::{Challenges, Clock, Fetch};
use crate::base::{Domain, Timestamp};
use crate::certs::{CertError, Kind, Trouble};
use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub directory: String,
    pub url: String,
    pub contact: Option<String>,
}
pub struct Settings {
    pub directory: String,
    pub contact: Option<String>,
    pub profile: Option<String>,
}
pub struct Acme;
pub struct Session;
impl Acme {
    pub fn new(_s: Settings, _f: Arc<dyn Fetch>, _c: Arc<dyn Clock>) -> Self {
        Self
    }
    pub async fn session(
        &self,
        _key: &PrivatePkcs8KeyDer<'_>,
        _known: Option<&Account>,
    ) -> Result<Session, Trouble> {
        Err(Trouble::new(Kind::Protocol, "stub"))
    }
}
impl Session {
    pub fn account(&self) -> &Account {
        unreachable!()
    }
    pub async fn obtain(
        &self,
        _r: &Request,
        _c: &dyn Challenges,
        _n: &(dyn Fn(&str) -> Result<(), Trouble> + Send + Sync),
    ) -> Result<Vec<CertificateDer<'static>>, Trouble> {
        Err(Trouble::new(Kind::Protocol, "stub"))
    }
    pub async fn renewal_info(&self, _c: &CertificateDer<'_>) -> Result<Option<Window>, Trouble> {
        Ok(None)
    }
}
pub struct Request {
    pub names: Vec<Domain>,
    pub csr: Vec<u8>,
    pub replaces: Option<CertificateDer<'static>>,
    pub pending: Option<String>,
}
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
    pub ask_again: Duration,
    pub explanation: Option<String>,
}
pub fn csr(_names: &[Domain], _key: &KeyPair) -> Result<Vec<u8>, CertError> {
    Ok(Vec::new())
}
