//! How the certificates are, for the operator.

use super::super::ledger::Failure;
use super::super::plan::{renewal, switch};
use super::*;
use crate::cases::Issue;
use serde::Serialize;

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The slot's name.
    pub name: &'static str,
    /// The names that it has, or should have.
    pub names: Vec<Domain>,
    /// `self-signed` or `ca`.
    pub kind: &'static str,
    /// Whether what is there may be presented.
    pub fit: bool,
    /// Who issued what is there.
    pub issuer: Option<String>,
    /// Its serial number, in hexadecimal.
    pub serial: Option<String>,
    /// When it begins.
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal, as in TLSA `3 1 1`.
    pub spki_sha256: String,
    /// When it is renewed; not before the limits of a CA and a pause after a failure allow.
    pub renew: Option<Timestamp>,
    /// Who says so: `lifetime`, `ari` or `operator`.
    pub renew_by: &'static str,
    /// The key that comes next.
    pub next: Option<Next>,
    /// What is wrong.
    pub trouble: Option<TroubleStatus>,
}

/// A key that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// As in [`Status`].
    pub spki_sha256: String,
    /// Since when there has been one.
    pub made: Timestamp,
    /// Since when every name server has been known to show its TLSA record; `None` where it has none, too.
    pub visible: Option<Timestamp>,
    /// From when on it is used.
    pub switch: Option<Timestamp>,
}

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TroubleStatus {
    /// The kind.
    pub kind: &'static str,
    /// What happened.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
    /// How often in a row.
    pub tries: u32,
    /// When it is tried again.
    pub again: Timestamp,
    /// What the operator can do.
    pub advice: &'static str,
}

impl From<&Failure> for TroubleStatus {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind.code(),
            detail: failure.detail.clone(),
            since: failure.since,
            tries: failure.tries,
            again: failure.again,
            advice: failure.kind.advice(),
        }
    }
}

impl Store {
    /// How each certificate is.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Vec<Status> {
        Slot::all().map(|slot| self.status_of(slot, now)).collect()
    }

    fn status_of(&self, slot: Slot, now: Timestamp) -> Status {
        let pair = self.pairs.get(&slot);
        let ordered = slot.issue() == Issue::Ca && self.settings.issuer == Issuer::Acme;
        let advice = self.advice.get(&slot).copied();
        let renewal = pair.map(|pair| renewal(slot, &pair.held, advice));
        let wanted = self.ledger.is_wanted(slot);
        let due = self.ledger.not_before(slot, now).filter(|_| ordered);
        // What is not due waits for more.
        let wish = self.ledger.wish_not_before(slot, now);
        let wish = due.max(wish.filter(|_| ordered));
        let hexadecimal = |digest: [u8; 32]| data_encoding::HEXLOWER.encode(&digest);
        let keys = self.keys.get(&slot);
        let current = keys.map(|keys| hexadecimal(keys.current.digest));
        let next = self.next_key(slot);
        let coming = keys.and_then(|keys| Some(keys.next.as_ref()?.0.digest));
        let mut trouble = self.ledger.failure(slot);
        if ordered {
            trouble = trouble.or(self.ledger.common());
        }
        if slot.has_tlsa() && next.is_some_and(|next| next.visible.is_none()) {
            trouble = trouble.or(self.unseen.as_ref());
        }
        Status {
            name: slot.label(),
            names: slot.names(&self.settings.base_domain).unwrap_or_default(),
            kind: match slot.issue() {
                Issue::SelfSigned => "self-signed",
                Issue::Ca => "ca",
            },
            fit: self.is_fit(slot, now),
            issuer: pair.map(|pair| pair.issuer.clone()),
            serial: pair.map(|pair| pair.serial.clone()),
            not_before: pair.map(|pair| pair.held.not_before),
            not_after: pair.map(|pair| pair.held.not_after),
            spki_sha256: current.unwrap_or_default(),
            renew: Some(match renewal {
                None => due.unwrap_or(now),
                Some(_) if wanted => wish.unwrap_or(now),
                Some((time, _)) => time,
            }),
            renew_by: match renewal {
                _ if wanted => "operator",
                Some((_, true)) => "ari",
                _ => "lifetime",
            },
            next: next.zip(coming).map(|(next, digest)| Next {
                spki_sha256: hexadecimal(digest),
                made: next.made,
                visible: next.visible,
                switch: switch(slot, next, self.settings.ttl)
                    .map(|time| wish.map_or(time, |wish| time.max(wish))),
            }),
            trouble: trouble.map(TroubleStatus::from),
        }
    }
}
