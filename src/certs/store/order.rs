//! The certificates that a CA issues: what is asked for, what is kept of the way there, and what comes of it.

use super::super::acme::{Request, Window, csr};
use super::super::pair::{Chain, leads_to};
use super::super::plan::KeyChoice;
use super::super::{Kind, Trouble};
use super::*;
use rustls::pki_types::PrivatePkcs8KeyDer;

impl Store {
    /// Our account at the CA, once there is one: of the key that is there, and at the CA of the configuration.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        let kept = self.account.as_ref()?;
        let ours = kept.account.directory == self.settings.ca
            && self.account_digest() == Some(kept.key_sha256.clone());
        ours.then_some(&kept.account)
    }

    fn account_digest(&self) -> Option<String> {
        let key = self.account_key.as_ref()?;
        Some(data_encoding::HEXLOWER.encode(&key.digest))
    }

    /// The key of our account; none with the internal issuer.
    #[must_use]
    pub fn account_key(&self) -> Option<PrivatePkcs8KeyDer<'static>> {
        let key = self.account_key.as_ref()?;
        Some(PrivatePkcs8KeyDer::from(key.pair.serialized_der().to_vec()))
    }

    /// Keeps the account.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it cannot be written.
    pub fn keep_account(&mut self, account: Account) -> Result<(), Trouble> {
        let kept = Some(Kept {
            account,
            key_sha256: self.account_digest().unwrap_or_default(),
        });
        self.write(ACCOUNT, &kept).map_err(storage)?;
        self.account = kept;
        Ok(())
    }

    /// What to ask the CA for. What is known of its limits is written first: an order of which no record can be kept is
    /// not counted after a restart, so that orders on a full disk would pass them.
    ///
    /// # Errors
    /// [`Kind::Rejected`] when there is nothing that could be asked for, [`Kind::Storage`] when nothing can be written.
    pub fn request(&self, slot: Slot, choice: KeyChoice) -> Result<Request, Trouble> {
        self.save().map_err(storage)?;
        let rejected = |error: CertError| Trouble::new(Kind::Rejected, &error.0);
        let names = slot.names(&self.settings.base_domain);
        let names = names.map_err(|error| rejected(error.into()))?;
        let key = self.key(slot, choice).map_err(rejected)?;
        let csr = csr(&names, &key.pair).map_err(rejected)?;
        let held = self.pairs.get(&slot).filter(|pair| pair.held.issued_right);
        Ok(Request {
            csr,
            names,
            replaces: held.and_then(|pair| pair.served.chain().first().cloned()),
            pending: self.ledger.order(slot).map(str::to_owned),
        })
    }

    /// The certificate whose renewal the CA is asked about.
    #[must_use]
    pub fn leaf(&self, slot: Slot) -> Option<CertificateDer<'static>> {
        self.pairs.get(&slot)?.served.chain().first().cloned()
    }

    /// Keeps that an order was made, before anything else is done with it.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it cannot be written: then the order must be left alone.
    pub fn ordered(&mut self, slot: Slot, order: &str, now: Timestamp) -> Result<(), Trouble> {
        self.ledger.ordered(slot, order, now);
        self.save().map_err(storage)
    }

    /// Takes what the CA issued.
    ///
    /// # Errors
    /// [`Kind::Unusable`] when it is not what was asked for, [`Kind::OrderLost`] when it is what is there already,
    /// [`Kind::Storage`] when it cannot be written. What was in service stays.
    pub fn issued(
        &mut self,
        slot: Slot,
        choice: KeyChoice,
        certificates: Vec<CertificateDer<'static>>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let chain = Chain {
            certificates,
            directory: Some(self.settings.ca.clone()),
        };
        self.examine(slot, choice, &chain, now)
            .map_err(|why| Trouble::new(Kind::Unusable, &why))?;
        if self.leaf(slot).as_ref() == chain.certificates.first() {
            // A crash kept from the record that this order was done.
            let why = "the order brought the certificate that is there already";
            return Err(Trouble::new(Kind::OrderLost, why));
        }
        self.install(slot, choice, &chain, now).map_err(storage)?;
        self.ledger.issued(slot, choice == KeyChoice::Next, now);
        self.refresh(now);
        self.save().map_err(storage)
    }

    /// Whether a chain is what was asked for: of our key, for our names, in time, each certificate issued by the next.
    fn examine(
        &self,
        slot: Slot,
        choice: KeyChoice,
        chain: &Chain,
        now: Timestamp,
    ) -> Result<(), String> {
        let words = |error: CertError| error.0;
        let names = slot.names(&self.settings.base_domain);
        let names = names.map_err(|error| error.to_string())?;
        let pair = self.paired(slot, choice, chain, now);
        let held = pair.map_err(words)?.held;
        if !held.is_fit(&names, now) {
            let found: Vec<_> = held.names.iter().map(Domain::as_str).collect();
            let (found, until) = (found.join(", "), held.not_after);
            return Err(format!("it is for {found} until {until}"));
        }
        let [leaf @ .., anchor] = &chain.certificates[..] else {
            return Err("it is empty".to_owned());
        };
        // A leaf alone may be issued by a root that all have.
        let time = now.max(held.not_before);
        match leaf.is_empty() || leads_to(leaf, anchor, time).map_err(|error| error.to_string())? {
            true => Ok(()),
            false => Err("its certificates do not lead from one to the next".to_owned()),
        }
    }

    /// Notes that a certificate was not obtained, and of an account that is gone that there is none. What cannot be written
    /// is remembered until it can.
    pub fn failed(&mut self, slot: Slot, trouble: &Trouble, now: Timestamp) {
        self.ledger.failed(slot, trouble, now);
        if trouble.kind == Kind::AccountGone {
            self.account = None;
            if let Err(error) = self.write(ACCOUNT, &self.account) {
                tracing::warn!("{error}");
            }
        }
        if let Err(error) = self.save() {
            tracing::warn!("{error}");
        }
    }

    /// Notes what the CA said of the renewal of the certificate that is there. Of its window a moment is drawn, as RFC 9773
    /// 4.2 has it; the one that was drawn before stays while it lies in the window.
    pub fn advised(
        &mut self,
        slot: Slot,
        window: Result<Option<Window>, Trouble>,
        now: Timestamp,
        random: &dyn Random,
    ) {
        let again = |span| now.checked_add(span).unwrap_or(Timestamp::MAX);
        let before = self.advice.get(&slot).and_then(|advice| advice.renew);
        let advice = match window {
            Ok(Some(window)) => Advice {
                renew: before
                    .filter(|time| (window.start..=window.end).contains(time))
                    .or_else(|| Some(within(&window, random))),
                ask_again: again(window.ask_again),
            },
            Ok(None) => Advice {
                renew: None,
                ask_again: again(limits::ACME_NO_ADVICE),
            },
            // What it said before stands.
            Err(_) => Advice {
                renew: before,
                ask_again: again(limits::ACME_ADVICE_RETRY),
            },
        };
        self.advice.insert(slot, advice);
    }
}

fn within(window: &Window, random: &dyn Random) -> Timestamp {
    let mut bits = [0; 4];
    random.fill(&mut bits);
    let part = f64::from(u32::from_le_bytes(bits)) / f64::from(u32::MAX);
    let length = Duration::try_from(window.end.duration_since(window.start));
    let after = length.unwrap_or_default().mul_f64(part);
    window.start.checked_add(after).unwrap_or(window.end)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn storage(error: CertError) -> Trouble {
    Trouble::new(Kind::Storage, &error.0)
}
