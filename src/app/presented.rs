//! The certificates that listeners present; swapped when they are renewed, and open connections keep what they have.

use super::{StartError, failed};
use crate::base::{Certificate, Domain, Zone};
use crate::certs::{self, Slot};
use crate::config::Config;
use crate::serve::{self, smtp::TlsSet, web};
use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// What the listeners read.
pub struct Presented {
    pub smtp: Arc<serve::smtp::Settings>,
    pub web: Arc<ArcSwap<rustls::ServerConfig>>,
    ut: Domain,
}

impl Presented {
    /// What listeners of this configuration present.
    pub fn new(config: &Config, certificates: &certs::Snapshot) -> Result<Self, StartError> {
        let ut = config.zone_name(Zone::Ut);
        let smtp = serve::smtp::Settings {
            hostname: config.zone_name(Zone::Et).to_string(),
            base_domain: config.base_domain.clone(),
            own: config.network.own(),
            tls: ArcSwap::from_pointee(tls_set(certificates)?),
            clients: config.limits.smtp_clients,
            clients_per_network: config.limits.smtp_clients_per_network,
            deny: config.limits.deny_clients.clone(),
        };
        Ok(Self {
            smtp: Arc::new(smtp),
            web: Arc::new(ArcSwap::from_pointee(web_tls(certificates, &ut)?)),
            ut,
        })
    }

    /// Takes these certificates into service.
    pub fn replace(&self, certificates: &certs::Snapshot) -> Result<(), StartError> {
        self.smtp.tls.store(Arc::new(tls_set(certificates)?));
        self.web.store(Arc::new(web_tls(certificates, &self.ut)?));
        Ok(())
    }
}

/// Those of the mail listener; none while one of all is unfit, for a test would find what the case table does not say.
fn tls_set(certificates: &certs::Snapshot) -> Result<TlsSet, StartError> {
    let pairs = certificates
        .mail
        .iter()
        .filter(|_| certificates.unfit.is_empty())
        .map(|(name, served)| (*name, Arc::clone(&served.key)));
    TlsSet::new(pairs).map_err(failed)
}

/// By the name that a client asks for; the self-signed one where there is none yet.
#[derive(Debug)]
struct ByName {
    ut: Domain,
    for_ut: Option<Arc<CertifiedKey>>,
    others: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let names_ut = hello
            .server_name()
            .is_some_and(|name| name.eq_ignore_ascii_case(self.ut.as_str()));
        let ut = self.for_ut.as_ref().filter(|_| names_ut);
        ut.or(self.others.as_ref()).cloned()
    }
}

fn web_tls(
    certificates: &certs::Snapshot,
    ut: &Domain,
) -> Result<rustls::ServerConfig, StartError> {
    let key = |certificate: &Certificate| {
        let served = certificates.mail.get(certificate);
        served.map(|served| Arc::clone(&served.key))
    };
    let web = certificates.web.as_ref();
    let by_name = ByName {
        ut: ut.clone(),
        for_ut: Slot::by_label(Zone::Ut.label()).and_then(|slot| match slot {
            Slot::Mail(certificate) => key(&certificate),
            Slot::Web => None,
        }),
        others: web
            .map(|web| Arc::clone(&web.key))
            .or_else(|| key(&Certificate::SelfSigned)),
    };
    web::tls(Arc::new(by_name)).map_err(failed)
}
