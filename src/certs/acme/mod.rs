//! The conversation with a certificate authority: an account, an order, a chain (RFC 8555), and when the CA wants a
//! certificate renewed (RFC 9773).
//!
//! It decides nothing about when, keeps no file and opens no socket: requests go through the port [`Fetch`], proofs
//! through [`Challenges`](crate::base::ports::Challenges), and what went wrong comes back as a [`Trouble`]. Nothing is
//! tried again here but what RFC 8555 asks for (6.5, a nonce that is not taken); the caller comes again.

mod csr;
mod order;
mod problem;
mod session;
mod tap;

pub use csr::csr;
pub use session::Session;

use super::trouble::{Kind, Trouble};
use crate::base::ports::{Clock, Fetch};
use crate::base::{Domain, Timestamp};
use hyper::Uri;
use instant_acme::Key;
use problem::{Stage, trouble};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tap::Tap;

/// Which CA, and how to be known there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The URL of its directory; `https` only.
    pub directory: String,
    /// Where it may write to, as a URL: `mailto:` and an address.
    pub contact: Option<String>,
    /// The profile of certificates (draft-ietf-acme-profiles); the CA chooses when there is none.
    pub profile: Option<String>,
}

/// The account at a CA, as it is kept. Its key is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The directory of the CA that it is at.
    pub directory: String,
    /// Its URL, which names it, in CAA records as well (RFC 8657 3).
    pub url: String,
    /// The contact that the CA was told.
    pub contact: Option<String>,
}

/// A certificate to obtain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its names, at least one.
    pub names: Vec<Domain>,
    /// The signing request for these names, in DER: [`csr()`].
    pub csr: Vec<u8>,
    /// The certificate that it comes in place of. The CA may then let it pass its limits (RFC 9773 5).
    pub replaces: Option<CertificateDer<'static>>,
    /// The URL of an order for the same, begun before at the same CA and not known to have ended.
    pub pending: Option<String>,
}

/// When a CA wants a certificate renewed: at a time of our choice in between (RFC 9773 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The earliest time; it may be past.
    pub start: Timestamp,
    /// The latest time, after the earliest.
    pub end: Timestamp,
    /// How long to wait before asking again, between the first two of `limits::ACME_ASK_AGAIN`.
    pub ask_again: Duration,
    /// The URL of a page that says why, `limits::ACME_DETAIL` characters at most.
    pub explanation: Option<String>,
}

/// The way to one CA.
pub struct Acme {
    settings: Settings,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
}

impl Acme {
    /// The way to this CA; nothing is asked yet.
    #[must_use]
    pub fn new(settings: Settings, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            fetch,
            clock,
        }
    }

    /// Opens the account of this key, PKCS#8 of ECDSA P-256. It is made when `known` is none or belongs to another
    /// directory; a CA that knows the key already answers with the account that there is (RFC 8555 7.3). By that our
    /// operator agrees to the terms of the CA. A contact other than the known one is told (7.3.2).
    ///
    /// The directory comes first. A reply of a time more than `limits::ACME_SKEW` from ours ends all.
    ///
    /// # Errors
    /// [`Kind::Storage`] for a key of another form; [`Kind::AccountRefused`] when the CA makes no account or does not
    /// take the contact, [`Kind::AccountGone`] when it does not know `known`, [`Kind::AccountClosed`] when it has closed
    /// it; and those that any request may end in: [`Kind::Unreachable`], [`Kind::Protocol`], [`Kind::Clock`],
    /// [`Kind::RateLimited`].
    pub async fn session(
        &self,
        key: &PrivatePkcs8KeyDer<'_>,
        known: Option<&Account>,
    ) -> Result<Session, Trouble> {
        let directory = self.settings.directory.clone();
        // The library takes it that this holds.
        let uri: Uri = directory
            .parse()
            .map_err(|_| Trouble::new(Kind::Protocol, &format!("{directory} is no URL")))?;
        let told = |error| trouble(&error, Stage::Account);
        let tap = Tap::new(uri, Arc::clone(&self.fetch), Arc::clone(&self.clock));
        let builder = instant_acme::Account::builder_with_http(Box::new(tap.clone()));
        let known = known.filter(|known| known.directory == directory);
        let account = if let Some(known) = known {
            builder
                .from_parts(known.url.clone(), key.clone_key(), directory.clone())
                .await
                .map_err(told)?
        } else {
            let signer = Key::from_pkcs8_der(key.clone_key()).map_err(told)?;
            let pair = (signer, PrivateKeyDer::Pkcs8(key.clone_key()));
            let made = builder.create_from_key(pair, directory.clone()).await;
            made.map_err(told)?.0
        };
        let contact = self.settings.contact.clone();
        if contact.as_ref() != known.and_then(|known| known.contact.as_ref()) {
            let contacts: Vec<_> = contact.as_deref().into_iter().collect();
            account.update_contacts(&contacts).await.map_err(told)?;
        }
        let kept = Account {
            directory,
            url: account.id().to_owned(),
            contact,
        };
        let profile = self.settings.profile.clone();
        Ok(Session::new(account, kept, profile, tap))
    }
}
