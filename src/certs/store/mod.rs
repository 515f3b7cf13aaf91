//! The directory `acme/`.
//!
//! | file | what |
//! |---|---|
//! | `mx04.pem`, `mx04.key`, same for each slot | a chain and its key |
//! | `mx04.next.key` | the key that comes next, while it is published ahead of its use |
//! | `internal-root.pem`, `internal-root.key` | the root of the internal CA |
//! | `account.key`, `account.json` | our account at the CA of the configuration |
//! | `ledger.json` | what was ordered, issued and refused lately |
//! | `digests.txt` | the digests of all keys that were ever used |
//!
//! Keys outlive certificates, so that TLSA records stay right over every renewal. A file that cannot be read, or a
//! certificate that is not of the key beside it, is an error that names the file; nothing is overwritten then.

mod make;
mod order;
mod status;
#[cfg(test)]
mod tests;

pub use status::{Next, Status, TroubleStatus};

use super::acme::Account;
use super::digests::Digests;
use super::keyfile::{self, Key};
use super::ledger::{Failure, Ledger};
use super::pair::{self, Expected, Pair, parse, span};
use super::plan::{Action, Advice, Inventory, NextKey, Place, Plan, plan};
use super::{CertError, InternalCa, Issuer, KeyDigests, Slot, Snapshot};
use crate::base::ports::Random;
use crate::base::{Domain, Timestamp, file, limits};
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const LEDGER: &str = "ledger.json";
const ACCOUNT: &str = "account.json";
/// The name of our account's key.
const ACCOUNT_KEY: &str = "account";

/// What the certificates are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where they lie.
    pub directory: PathBuf,
    /// The domain above `et` and `ut`.
    pub base_domain: Domain,
    /// Who issues those that are not self-signed.
    pub issuer: Issuer,
    /// The URL of the CA's directory, with [`Issuer::Acme`].
    pub ca: String,
    /// How long a TLSA RRset may be cached.
    pub ttl: Duration,
    /// The digest that wrong TLSA records hold.
    pub invalid: [u8; 32],
}

/// The keys of a slot.
struct Keys {
    current: Key,
    /// The next one, and since when every name server is known to show its digest.
    next: Option<(Key, Option<Timestamp>)>,
}

/// Our account at a CA, and whose it is.
#[derive(Serialize, Deserialize)]
struct Kept {
    account: Account,
    /// SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal.
    key_sha256: String,
}

/// The certificates and keys of one appliance.
pub struct Store {
    settings: Settings,
    digests: Digests,
    ca: Option<InternalCa>,
    /// With [`Issuer::Acme`].
    account_key: Option<Key>,
    account: Option<Kept>,
    ledger: Ledger,
    keys: BTreeMap<Slot, Keys>,
    pairs: BTreeMap<Slot, Pair>,
    advice: BTreeMap<Slot, Advice>,
    /// Why the name servers did not show the next digests.
    unseen: Option<Failure>,
    snapshot: Arc<Snapshot>,
}

impl Store {
    /// Reads what is there and makes what is missing and needs nobody else.
    ///
    /// # Errors
    /// When a file cannot be read or written, is damaged, or does not fit the one beside it; it is named.
    pub fn open(
        settings: Settings,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, CertError> {
        let directory = &settings.directory;
        file::directory(directory)?;
        let digests = Digests::open(directory, settings.invalid)?;
        let mut store = Self {
            ca: pair::load_ca(directory, now)?,
            account_key: match settings.issuer {
                Issuer::Internal => None,
                Issuer::Acme => Some(keyfile::open(directory, ACCOUNT_KEY, now)?),
            },
            account: read::<Option<Kept>>(&directory.join(ACCOUNT))?.flatten(),
            ledger: read::<Ledger>(&directory.join(LEDGER))?
                .unwrap_or_default()
                .of(&settings.ca),
            keys: BTreeMap::new(),
            pairs: BTreeMap::new(),
            advice: BTreeMap::new(),
            unseen: None,
            snapshot: Arc::new(Snapshot {
                mail: BTreeMap::new(),
                web: None,
                keys: BTreeMap::new(),
                invalid: settings.invalid,
                unfit: Vec::new(),
            }),
            digests,
            settings,
        };
        for slot in Slot::all() {
            store.load(slot, now)?;
        }
        store.renew(now, random)?;
        store.refresh(now);
        Ok(store)
    }

    fn load(&mut self, slot: Slot, now: Timestamp) -> Result<(), CertError> {
        let directory = &self.settings.directory;
        let mut next = keyfile::load(directory, &keyfile::next(slot), now)?;
        if let Some(key) = &next
            && pair::is_of(directory, slot, &key.pair)?
        {
            // A switch was cut short after the new certificate was written.
            keyfile::promote(directory, slot)?;
            next = None;
        }
        let current = keyfile::load(directory, slot.label(), now)?;
        let loaded = pair::load(directory, slot, current.as_ref(), &self.expected(), now)?;
        let current = match current {
            Some(key) => key,
            None => keyfile::open(directory, slot.label(), now)?,
        };
        self.digests.note(slot, &current.digest, now)?;
        if let Some(next) = &next {
            self.digests.note(slot, &next.digest, now)?;
        }
        self.pairs.extend(loaded.map(|pair| (slot, pair)));
        let next = next.map(|key| (key, None));
        self.keys.insert(slot, Keys { current, next });
        Ok(())
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: self.settings.issuer,
            ca: self.ca.as_ref(),
            directory: &self.settings.ca,
        }
    }

    /// What is to be served now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The internal root, when there is one.
    #[must_use]
    pub fn root(&self) -> Option<&CertificateDer<'static>> {
        self.ca.as_ref().map(InternalCa::root)
    }

    /// What is to be done now, and when to look again.
    ///
    /// # Errors
    /// When the base domain is too long, or the internal root is damaged.
    pub fn plan(&self, now: Timestamp) -> Result<Plan, CertError> {
        Ok(plan(&self.inventory(now)?, now))
    }

    fn inventory(&self, now: Timestamp) -> Result<Inventory, CertError> {
        let root = match &self.ca {
            None => None,
            Some(ca) => Some(span(&parse(ca.root(), "the internal root")?)?),
        };
        let mut places = BTreeMap::new();
        for slot in Slot::all() {
            let place = Place {
                names: slot.names(&self.settings.base_domain)?,
                held: self.pairs.get(&slot).map(|pair| pair.held.clone()),
                next: self.next_key(slot),
                advice: self.advice.get(&slot).copied(),
                wanted: self.ledger.is_wanted(slot),
                not_before: self.ledger.not_before(slot, now),
                wish_not_before: self.ledger.wish_not_before(slot, now),
                look_again: self.unseen.as_ref().and_then(|failure| failure.pause(now)),
            };
            places.insert(slot, place);
        }
        Ok(Inventory {
            issuer: self.settings.issuer,
            ttl: self.settings.ttl,
            root,
            places,
        })
    }

    fn next_key(&self, slot: Slot) -> Option<NextKey> {
        let (key, visible) = self.keys.get(&slot)?.next.as_ref()?;
        Some(NextKey {
            made: key.made,
            visible: *visible,
        })
    }

    /// Begins the change of a key: makes the next one, whose digest is published from now on, and which is used once
    /// [`Store::plan`] says so. A change begun already goes on as it was.
    ///
    /// # Errors
    /// When the key cannot be made or kept.
    pub fn roll(&mut self, slot: Slot, now: Timestamp) -> Result<(), CertError> {
        let directory = &self.settings.directory;
        let keys = self.keys.get_mut(&slot);
        let keys = keys.ok_or_else(|| CertError(format!("there is no certificate {slot}")))?;
        if keys.next.is_none() {
            let key = keyfile::open(directory, &keyfile::next(slot), now)?;
            self.digests.note(slot, &key.digest, now)?;
            keys.next = Some((key, None));
            self.refresh(now);
        }
        Ok(())
    }

    /// Notes that the operator wants a new certificate for the key in use.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn want(&mut self, slot: Slot, now: Timestamp) -> Result<(), CertError> {
        self.ledger.want(slot, now);
        self.save()
    }

    /// The slots whose next digest is not known to be visible everywhere; one that was seen before the clock was set back
    /// is not.
    #[must_use]
    pub fn unseen(&self, now: Timestamp) -> Vec<Slot> {
        let is_seen = |visible: &Option<Timestamp>| visible.is_some_and(|since| since <= now);
        let unseen = |keys: &Keys| matches!(&keys.next, Some((_, visible)) if !is_seen(visible));
        let slots = self.keys.iter().filter(|(_, keys)| unseen(keys));
        slots.map(|(slot, _)| *slot).collect()
    }

    /// Notes that every name server shows the next digests of these slots, as they were published before it was asked, or
    /// why one does not.
    pub fn seen(&mut self, slots: &[Slot], result: Result<(), super::Trouble>, now: Timestamp) {
        match result {
            Ok(()) => self.unseen = None,
            Err(trouble) => {
                self.unseen = Some(Failure::after(self.unseen.as_ref(), &trouble, now));
                return;
            }
        }
        for slot in slots {
            if let Some(Keys {
                next: Some((_, visible)),
                ..
            }) = self.keys.get_mut(slot)
            {
                *visible = visible.filter(|since| *since <= now).or(Some(now));
            }
        }
    }

    /// Takes what there is now as what is to be served.
    fn refresh(&mut self, now: Timestamp) {
        let served = |slot| self.pairs.get(&slot).map(|pair| pair.served.clone());
        let mail = Slot::all().filter_map(|slot| match slot {
            Slot::Mail(certificate) => Some((certificate, served(slot)?)),
            Slot::Web => None,
        });
        let keys = self.keys.iter().map(|(slot, keys)| {
            let next = keys.next.as_ref().map(|(key, _)| key.digest);
            let current = keys.current.digest;
            (*slot, KeyDigests { current, next })
        });
        self.snapshot = Arc::new(Snapshot {
            mail: mail.collect(),
            web: served(Slot::Web),
            keys: keys.collect(),
            invalid: self.settings.invalid,
            unfit: self.unfit(now),
        });
    }

    fn unfit(&self, now: Timestamp) -> Vec<Slot> {
        Slot::all()
            .filter(|slot| !self.is_fit(*slot, now))
            .collect()
    }

    /// Whether the certificate in this place may be presented now.
    fn is_fit(&self, slot: Slot, now: Timestamp) -> bool {
        let names = slot.names(&self.settings.base_domain);
        let pair = self.pairs.get(&slot);
        matches!((names, pair), (Ok(names), Some(pair)) if pair.held.is_fit(&names, now))
    }

    fn save(&self) -> Result<(), CertError> {
        self.write(LEDGER, &self.ledger)
    }

    fn write(&self, name: &str, value: &impl serde::Serialize) -> Result<(), CertError> {
        let path = self.settings.directory.join(name);
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CertError(format!("{}: {error}", path.display())))?;
        Ok(file::write(&path, text.as_bytes())?)
    }
}

/// A record of ours.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CertError> {
    let Some(text) = file::read(path, limits::LEDGER_FILE)? else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        CertError(format!(
            "{}: damaged ({error}); move it away, and a new one is made",
            path.display()
        ))
    })
}
