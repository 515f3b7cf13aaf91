//! An account that is open: certificates are ordered and asked about by it.

use super::super::trouble::{Kind, Trouble};
use super::problem::{Stage, trouble};
use super::tap::{Failure, Tap};
use super::{Account, Request, Window, order};
use crate::base::ports::Challenges;
use crate::base::{Timestamp, limits};
use instant_acme::{CertificateIdentifier, Error, RenewalInfo};
use rustls::pki_types::CertificateDer;
use std::time::Duration;

/// An open account. One certificate is ordered by it at a time: a wait that a CA asks for is remembered by the last
/// reply alone.
pub struct Session {
    pub(super) account: instant_acme::Account,
    pub(super) profile: Option<String>,
    pub(super) tap: Tap,
    kept: Account,
}

impl Session {
    pub(super) const fn new(
        account: instant_acme::Account,
        kept: Account,
        profile: Option<String>,
        tap: Tap,
    ) -> Self {
        Self {
            account,
            profile,
            tap,
            kept,
        }
    }

    /// The account; to be kept when it is not the one that was known.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.kept
    }

    /// Obtains a certificate; returns the chain, the certificate itself first. What it holds is not looked at: of a
    /// pending order it may be for a key of then.
    ///
    /// A pending order is gone on with, unless it is gone or for something else; that it has failed is told. Of a new one `noted` is told the
    /// URL before anything is done with it; that it fails ends all. It is DNS-01 alone that proves (RFC 8555 8.4): all
    /// TXT records are shown at once, and stay when this returns, whatever it returns. To take them back is up to the
    /// caller. That also holds when this is dropped half-way; the order can then be gone on with.
    ///
    /// # Errors
    /// [`Kind::Profile`] when the CA has not that one; [`Kind::NotVisible`] when the TXT records do not show, and the CA
    /// was not told to look; [`Kind::Validation`], [`Kind::Caa`], [`Kind::Rejected`] and [`Kind::RateLimited`] when the
    /// CA refuses; [`Kind::OrderLost`] when the order ended without a word; [`Kind::Unusable`] when there is no chain
    /// in what it issues; [`Kind::Unreachable`] when it takes longer than `limits::ACME_ORDER`, or the CA asks to be
    /// asked later than that; that of `noted`; and those of [`Acme::session`](super::Acme::session). An order that was
    /// noted may be gone on with after [`Kind::Unreachable`], [`Kind::NotVisible`] and [`Kind::RateLimited`]; to try is
    /// no harm after the others but [`Kind::Unusable`].
    pub async fn obtain(
        &self,
        request: &Request,
        challenges: &dyn Challenges,
        noted: &(dyn Fn(&str) -> Result<(), Trouble> + Send + Sync),
    ) -> Result<Vec<CertificateDer<'static>>, Trouble> {
        let walk = order::obtain(self, request, challenges, noted);
        let late = || Trouble::new(Kind::Unreachable, "no answer in time");
        tokio::time::timeout(limits::ACME_ORDER, walk)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// When the CA wants this certificate renewed (RFC 9773 4). `None` when it does not say: it has no such service,
    /// does not know the certificate, or nothing in the certificate names its issuer's key.
    ///
    /// # Errors
    /// [`Kind::Protocol`] for a window that ends before it begins, which is no advice; [`Kind::Unreachable`],
    /// [`Kind::RateLimited`] and [`Kind::Clock`] as for any request.
    pub async fn renewal_info(
        &self,
        certificate: &CertificateDer<'_>,
    ) -> Result<Option<Window>, Trouble> {
        let Ok(id) = CertificateIdentifier::try_from(certificate) else {
            return Ok(None);
        };
        match self.account.renewal_info(&id).await {
            Ok((info, _)) => window(info, self.tap.wait()).map(Some),
            Err(Error::Unsupported(_)) => Ok(None),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(trouble(&error, Stage::Account)),
        }
    }
}

fn is_not_found(error: &Error) -> bool {
    let Error::Other(inner) = error else {
        return false;
    };
    let failure = inner.downcast_ref::<Failure>();
    matches!(failure, Some(Failure::Refused(refusal)) if refusal.status == 404)
}

fn window(info: RenewalInfo, wait: Option<Duration>) -> Result<Window, Trouble> {
    let wrong = || {
        let detail = "the CA suggests to renew in a time that ends before it begins";
        Trouble::new(Kind::Protocol, detail)
    };
    let time = |second| Timestamp::from_second(second).map_err(|_| wrong());
    let start = time(info.suggested_window.start.unix_timestamp())?;
    let end = time(info.suggested_window.end.unix_timestamp())?;
    if end <= start {
        return Err(wrong());
    }
    let (least, most, otherwise) = limits::ACME_ASK_AGAIN;
    Ok(Window {
        start,
        end,
        ask_again: wait.unwrap_or(otherwise).clamp(least, most),
        explanation: info.explanation_url.map(|url| {
            let plain = url.chars().filter(|c| !c.is_control());
            plain.take(limits::ACME_DETAIL).collect()
        }),
    })
}
