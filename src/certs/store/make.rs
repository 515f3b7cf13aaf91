//! The certificates that we make ourselves.

use super::super::internal::self_signed;
use super::super::pair::{Chain, Pair, ROOT, leads_to, pair};
use super::super::plan::KeyChoice;
use super::*;
use crate::cases::Issue;
use rcgen::KeyPair;

/// Looks that one round has: a new root makes the certificates of the old one wrong, which the second look sees.
const LOOKS: usize = 4;

impl Store {
    /// Makes anew what is due and needs nobody else; says whether what is to be served changed.
    ///
    /// # Errors
    /// When a certificate cannot be made or kept; what could not be replaced is served on.
    pub fn renew(&mut self, now: Timestamp, random: &dyn Random) -> Result<bool, CertError> {
        let made = self.make_all(now, random);
        let changed = !matches!(made, Ok(false)) || self.unfit(now) != self.snapshot.unfit;
        if changed {
            self.refresh(now);
        }
        made.map(|_| changed)
    }

    fn make_all(&mut self, now: Timestamp, random: &dyn Random) -> Result<bool, CertError> {
        for look in 0..LOOKS {
            let actions = self.plan(now)?.actions.into_iter();
            let own: Vec<_> = actions.filter(|action| action.is_own()).collect();
            if own.is_empty() {
                return Ok(look > 0);
            }
            for action in own {
                match action {
                    Action::Root => self.make_root(now, random)?,
                    Action::Make(slot, key) => self.make(slot, key, now, random)?,
                    Action::Order(..) | Action::Advice(_) | Action::Look => {}
                }
            }
        }
        Err(CertError(
            "certificates made now are due again at once".to_owned(),
        ))
    }

    fn make_root(&mut self, now: Timestamp, random: &dyn Random) -> Result<(), CertError> {
        let directory = &self.settings.directory;
        let key = keyfile::open(directory, ROOT, now)?;
        let ca = InternalCa::create(key.pair, now, random)?;
        let path = directory.join(format!("{ROOT}.pem"));
        file::write(&path, file::pem("CERTIFICATE", ca.root()).as_bytes())?;
        for (slot, pair) in &mut self.pairs {
            if slot.issue() == Issue::Ca {
                let leads = leads_to(pair.served.chain(), ca.root(), now);
                pair.held.issued_right = leads.unwrap_or(false);
            }
        }
        self.ca = Some(ca);
        Ok(())
    }

    fn make(
        &mut self,
        slot: Slot,
        choice: KeyChoice,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(), CertError> {
        let names = slot.names(&self.settings.base_domain)?;
        let key = &self.key(slot, choice)?.pair;
        let certificates = match (slot.issue(), &self.ca) {
            (Issue::SelfSigned, _) => self_signed(&names, key, now, random)?,
            (Issue::Ca, Some(ca)) => ca.issue(&names, key, now, random)?,
            (Issue::Ca, None) => return Err(CertError("there is no internal root".to_owned())),
        };
        let chain = Chain {
            certificates,
            directory: None,
        };
        self.install(slot, choice, &chain, now)?;
        if self.ledger.is_wanted(slot) {
            self.ledger.made(slot);
            self.save()?;
        }
        Ok(())
    }

    pub(super) fn key(&self, slot: Slot, choice: KeyChoice) -> Result<&Key, CertError> {
        let keys = self.keys.get(&slot);
        let key = keys.and_then(|keys| match choice {
            KeyChoice::Current => Some(&keys.current),
            KeyChoice::Next => keys.next.as_ref().map(|(key, _)| key),
        });
        key.ok_or_else(|| CertError(format!("there is no such key of {slot}")))
    }

    /// Puts a chain into its place. It is written before a next key becomes the key: when a crash comes between, reading
    /// finds both and goes on.
    pub(super) fn install(
        &mut self,
        slot: Slot,
        choice: KeyChoice,
        chain: &Chain,
        now: Timestamp,
    ) -> Result<(), CertError> {
        let made = self.paired(slot, choice, chain, now)?;
        let directory = &self.settings.directory;
        chain.write(directory, slot)?;
        if choice == KeyChoice::Next {
            keyfile::promote(directory, slot)?;
            if let Some(keys) = self.keys.get_mut(&slot)
                && let Some((key, _)) = keys.next.take()
            {
                keys.current = key;
            }
        }
        self.pairs.insert(slot, made);
        self.advice.remove(&slot);
        Ok(())
    }

    pub(super) fn paired(
        &self,
        slot: Slot,
        choice: KeyChoice,
        chain: &Chain,
        now: Timestamp,
    ) -> Result<Pair, CertError> {
        let key: &KeyPair = &self.key(slot, choice)?.pair;
        pair(slot, chain, key, &self.expected(), now)
    }
}
