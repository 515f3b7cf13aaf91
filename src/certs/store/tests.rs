//! The directory `acme/`: a pair `NAME.pem` (chain) and `NAME.key` for each certificate, and the internal root.
//!
//! Keys outlive certificates, so that TLSA records stay right over every renewal. A file that cannot be read, or a
//! certificate that is not of the key beside it, is an error that names the file; nothing is overwritten then.

use super::internal::self_signed;
use super::pair::{
    Pair, ROOT, issued_right, key, load, load_ca, next_key, pair, parse, promote, span,
};
use super::plan::{Action, Inventory, PUBLISHED, Place, plan};
use super::{CertError, InternalCa, Issuer, Served, Slot, Snapshot};
use crate::base::ports::Random;
use crate::base::{Certificate, Domain, Timestamp, file};
use crate::cases::Issue;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The certificates and keys of one appliance.
pub struct Store {
    directory: PathBuf,
    base_domain: Domain,
    invalid: [u8; 32],
    ca: Option<InternalCa>,
    pairs: BTreeMap<Slot, Pair>,
    snapshot: Arc<Snapshot>,
    next: Option<Timestamp>,
}

impl Store {
    /// Reads what is there and makes what is missing.
    ///
    /// # Errors
    /// When a file cannot be read or written, is damaged, or does not fit the one beside it.
    pub fn open(
        directory: &Path,
        base_domain: &Domain,
        issuer: Issuer,
        invalid: [u8; 32],
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, CertError> {
        let Issuer::Internal = issuer;
        file::directory(directory)?;
        let ca = load_ca(directory)?;
        let mut pairs = BTreeMap::new();
        for slot in Slot::all() {
            if let Some(pair) = load(directory, slot, ca.as_ref(), now)? {
                pairs.insert(slot, pair);
            }
        }
        let mut work = Work {
            directory,
            base_domain,
            ca,
            pairs,
            now,
            random,
            changed: false,
        };
        let next = work.carry_out()?;
        Ok(Self {
            directory: directory.to_owned(),
            base_domain: base_domain.clone(),
            invalid,
            snapshot: Arc::new(snapshot(&work.pairs, invalid)?),
            ca: work.ca,
            pairs: work.pairs,
            next,
        })
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

    /// When the next certificate falls due.
    #[must_use]
    pub const fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Makes anew what is due, and switches to next keys that were published long enough; says whether the snapshot
    /// changed.
    ///
    /// # Errors
    /// When a certificate cannot be made or kept; what could not be replaced is served on.
    pub fn renew(&mut self, now: Timestamp, random: &dyn Random) -> Result<bool, CertError> {
        let mut work = Work {
            directory: &self.directory,
            base_domain: &self.base_domain,
            ca: self.ca.take(),
            pairs: std::mem::take(&mut self.pairs),
            now,
            random,
            changed: false,
        };
        let done = work.carry_out();
        let changed = work.changed;
        self.ca = work.ca;
        self.pairs = work.pairs;
        if changed {
            self.snapshot = Arc::new(snapshot(&self.pairs, self.invalid)?);
        }
        self.next = done?;
        Ok(changed)
    }

    /// Begins the change of a key: makes the next one, whose digest is published from now on; [`Store::renew`] switches
    /// to it when [`PUBLISHED`] is over. A change begun already goes on as it was.
    ///
    /// # Errors
    /// When the key cannot be made or kept.
    pub fn roll(&mut self, slot: Slot, now: Timestamp) -> Result<(), CertError> {
        let pair = self
            .pairs
            .get_mut(&slot)
            .ok_or_else(|| CertError(format!("there is no certificate {slot}")))?;
        if pair.next.is_none() {
            let key = next_key(&self.directory, slot, now)?;
            pair.publish(&key, now);
            self.snapshot = Arc::new(snapshot(&self.pairs, self.invalid)?);
            let due = now.checked_add(PUBLISHED).unwrap_or(Timestamp::MAX);
            self.next = Some(self.next.map_or(due, |next| next.min(due)));
        }
        Ok(())
    }
}

/// One round of looking and making.
struct Work<'a> {
    directory: &'a Path,
    base_domain: &'a Domain,
    ca: Option<InternalCa>,
    pairs: BTreeMap<Slot, Pair>,
    now: Timestamp,
    random: &'a dyn Random,
    /// Whether anything was made.
    changed: bool,
}

impl Work<'_> {
    /// Carries out the plan until nothing is left to do; says when to look again.
    fn carry_out(&mut self) -> Result<Option<Timestamp>, CertError> {
        // A new root makes the certificates of the old one wrong: the second look sees them.
        for _ in 0..3 {
            let plan = plan(&self.inventory()?, self.now);
            if plan.actions.is_empty() {
                return Ok(plan.next);
            }
            for action in plan.actions {
                match action {
                    Action::Root => self.make_root()?,
                    Action::Issue(slot) => self.issue(slot)?,
                    Action::Switch(slot) => self.switch(slot)?,
                }
                self.changed = true;
            }
        }
        Err(CertError(
            "certificates made now are due again at once".to_owned(),
        ))
    }

    fn inventory(&self) -> Result<Inventory, CertError> {
        let root = match &self.ca {
            None => None,
            Some(ca) => Some(span(&parse(ca.root(), "the internal root")?)?),
        };
        let mut places = BTreeMap::new();
        for slot in Slot::all() {
            let pair = self.pairs.get(&slot);
            let place = Place {
                names: slot.names(self.base_domain)?,
                held: pair.map(|pair| pair.held.clone()),
                next: pair.and_then(|pair| pair.next),
            };
            places.insert(slot, place);
        }
        Ok(Inventory { root, places })
    }

    fn make_root(&mut self) -> Result<(), CertError> {
        let key = key(self.directory, ROOT, self.now)?;
        let ca = InternalCa::create(key, self.now, self.random)?;
        let path = self.directory.join(format!("{ROOT}.pem"));
        file::write(&path, file::pem("CERTIFICATE", ca.root()).as_bytes())?;
        for (slot, pair) in &mut self.pairs {
            pair.held.issued_right = issued_right(*slot, pair.served.chain(), Some(&ca), self.now)?;
        }
        self.ca = Some(ca);
        Ok(())
    }

    fn issue(&mut self, slot: Slot) -> Result<(), CertError> {
        let key = key(self.directory, slot.label(), self.now)?;
        let mut made = self.make(slot, &key)?;
        if let Some(old) = self.pairs.get(&slot) {
            (made.served.next, made.next) = (old.served.next, old.next);
        }
        self.pairs.insert(slot, made);
        Ok(())
    }

    /// The certificate is written first: when a crash keeps the key from following, reading finds both and goes on.
    fn switch(&mut self, slot: Slot) -> Result<(), CertError> {
        let key = next_key(self.directory, slot, self.now)?;
        let made = self.make(slot, &key)?;
        promote(self.directory, slot)?;
        self.pairs.insert(slot, made);
        Ok(())
    }

    fn make(&self, slot: Slot, key: &KeyPair) -> Result<Pair, CertError> {
        let names = slot.names(self.base_domain)?;
        let chain = match (slot.issue(), &self.ca) {
            (Issue::SelfSigned, _) => self_signed(&names, key, self.now, self.random)?,
            (Issue::Ca, Some(ca)) => ca.issue(&names, key, self.now, self.random)?,
            (Issue::Ca, None) => return Err(CertError("there is no internal root".to_owned())),
        };
        let text: String = chain
            .iter()
            .map(|der| file::pem("CERTIFICATE", der))
            .collect();
        let path = self.directory.join(format!("{slot}.pem"));
        file::write(&path, text.as_bytes())?;
        pair(slot, chain, key, self.ca.as_ref(), self.now)
    }
}

fn snapshot(pairs: &BTreeMap<Slot, Pair>, invalid: [u8; 32]) -> Result<Snapshot, CertError> {
    let served = |slot: Slot| {
        pairs
            .get(&slot)
            .map(|pair| pair.served.clone())
            .ok_or_else(|| CertError(format!("there is no certificate {slot}")))
    };
    let mut mail: BTreeMap<Certificate, Served> = BTreeMap::new();
    for slot in Slot::all() {
        if let Slot::Mail(certificate) = slot {
            mail.insert(certificate, served(slot)?);
        }
    }
    if let Some((name, _)) = mail.iter().find(|(_, served)| served.spki == invalid) {
        let why = format!("the digest of wrong TLSA records is that of the key of {name:?}");
        return Err(CertError(why));
    }
    Ok(Snapshot {
        mail,
        web: served(Slot::Web)?,
        invalid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Server;
    use std::fs;
    use std::sync::atomic::{AtomicU8, Ordering};

    const DAY: i64 = 24 * 3600;

    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * DAY).unwrap()
    }

    fn open(directory: &Path, base: &str, day: i64) -> Result<Store, CertError> {
        let base = Domain::parse(base).unwrap();
        let random = Counting(AtomicU8::new(1));
        let issuer = Issuer::Internal;
        Store::open(directory, &base, issuer, [9; 32], at(day), &random)
    }

    fn digests(store: &Store) -> Vec<[u8; 32]> {
        let snapshot = store.snapshot();
        snapshot.mail.values().map(|served| served.spki).collect()
    }

    fn serial(served: &Served) -> Vec<u8> {
        let certificate = parse(&served.chain()[0], "test").unwrap();
        certificate.raw_serial().to_vec()
    }

    #[test]
    fn pairs_are_made_once_and_published_by_the_case_table() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), "example.org", 0).unwrap();
        let again = open(folder.path(), "example.org", 1).unwrap();
        assert_eq!(digests(&first), digests(&again));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 16);
        assert_eq!(again.next(), Some(at(60)));
        let snapshot = again.snapshot();
        let own = |server| snapshot.mail[&Certificate::Host(server)].spki;
        for (server, digests) in [
            (Server::One, vec![]),
            (Server::Two, vec![]),
            (Server::Three, vec![[9; 32]]),
            (Server::Four, vec![own(Server::Four)]),
            (Server::Five, vec![[9; 32]]),
            (Server::Six, vec![own(Server::Six)]),
            (Server::Seven, vec![]),
        ] {
            assert_eq!(snapshot.tlsa(server), digests, "{server}");
        }
    }

    #[test]
    fn renewal_keeps_the_keys_and_only_renews_what_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), "example.org", 0).unwrap();
        let random = Counting(AtomicU8::new(100));
        let before = store.snapshot();
        assert!(!store.renew(at(59), &random).unwrap());
        assert!(store.renew(at(60), &random).unwrap());
        let after = store.snapshot();
        for (certificate, was) in &before.mail {
            let now = &after.mail[certificate];
            let due = Slot::Mail(*certificate).issue() == Issue::Ca;
            assert_eq!(serial(was) != serial(now), due, "{certificate:?}");
            assert_eq!(was.spki, now.spki);
        }
        assert_eq!(store.next(), Some(at(120)));
    }

    #[test]
    fn a_next_key_is_published_before_it_is_used_and_survives_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), "example.org", 0).unwrap();
        let random = Counting(AtomicU8::new(100));
        let slot = Slot::Mail(Certificate::Host(Server::Four));
        let [old] = store.snapshot().tlsa(Server::Four)[..] else {
            panic!("one digest before")
        };
        store.roll(slot, at(1)).unwrap();
        store.roll(slot, at(2)).unwrap();
        let [first, new] = store.snapshot().tlsa(Server::Four)[..] else {
            panic!("two digests meanwhile")
        };
        assert_eq!((first, store.next()), (old, Some(at(1) + PUBLISHED)));
        let mut reopened = open(folder.path(), "example.org", 1).unwrap();
        assert_eq!(reopened.snapshot().tlsa(Server::Four), [old, new]);
        assert_eq!(reopened.next(), Some(at(1) + PUBLISHED));

        let key = fs::read(folder.path().join("mx04.key")).unwrap();
        let next = fs::read(folder.path().join("mx04.next.key")).unwrap();
        assert!(reopened.renew(at(2), &random).unwrap());
        assert_eq!(reopened.snapshot().tlsa(Server::Four), [new]);
        assert!(!folder.path().join("mx04.next.key").exists());
        // As after a crash between the two files.
        fs::write(folder.path().join("mx04.key"), key).unwrap();
        fs::write(folder.path().join("mx04.next.key"), next).unwrap();
        let last = open(folder.path(), "example.org", 2).unwrap();
        assert_eq!(last.snapshot().tlsa(Server::Four), [new]);
        assert!(!folder.path().join("mx04.next.key").exists());
    }

    #[test]
    fn a_new_root_or_name_makes_new_certificates_of_the_old_keys() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), "example.org", 0).unwrap();
        fs::remove_file(folder.path().join("internal-root.pem")).unwrap();
        fs::remove_file(folder.path().join("internal-root.key")).unwrap();
        let second = open(folder.path(), "example.org", 1).unwrap();
        assert_eq!(digests(&first), digests(&second));
        assert_eq!(second.next(), Some(at(61)));
        let third = open(folder.path(), "example.net", 2).unwrap();
        assert_eq!(digests(&first), digests(&third));
        for served in third.snapshot().mail.values() {
            let certificate = parse(&served.chain()[0], "test").unwrap();
            let subject = certificate.subject().to_string();
            assert!(subject.ends_with(".example.net"), "{subject}");
        }
    }

    #[test]
    fn a_chain_is_trusted_for_its_names_by_those_who_trust_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), "example.org", 0).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(store.root().unwrap().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
        let snapshot = store.snapshot();
        let accepts = |served: &Served, name: &str, day: i64| {
            use rustls::client::danger::ServerCertVerifier as _;
            let second = u64::try_from(at(day).as_second()).unwrap();
            let now = std::time::Duration::from_secs(second);
            let now = rustls::pki_types::UnixTime::since_unix_epoch(now);
            let (first, name) = (&served.chain()[0], name.to_owned().try_into().unwrap());
            verifier
                .verify_server_cert(first, &[], &name, &[], now)
                .is_ok()
        };
        let mail = |server| &snapshot.mail[&Certificate::Host(server)];
        for (served, name, day, accepted) in [
            (mail(Server::Six), "mx06.et.example.org", 0, true),
            (mail(Server::Six), "mx06.et.example.org", 89, true),
            (mail(Server::Six), "mx06.et.example.org", 91, false),
            (mail(Server::Six), "mx05.et.example.org", 0, false),
            (mail(Server::Seven), "ut.example.org", 0, true),
            (mail(Server::Four), "mx04.et.example.org", 0, false),
            (&snapshot.web, "mta-sts.et.example.org", 0, true),
            (&snapshot.web, "et.example.org", 0, true),
        ] {
            assert_eq!(accepts(served, name, day), accepted, "{name} on day {day}");
        }
    }

    #[test]
    fn what_is_damaged_or_mismatched_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), "example.org", 0).unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = |name: &str| fs::read_to_string(path(name)).unwrap();
        let other = text("mx05.key");
        for (name, content, what) in [
            ("mx04.key", "", "mx04.key: holds no whole"),
            (
                "mx04.key",
                &other[..],
                "mx04.pem: is not of the key in mx04.key",
            ),
            ("mx04.pem", "", "mx04.pem: holds no whole"),
            (
                "ut.pem",
                &text("web.pem")[..],
                "ut.pem: is not of the key in ut.key",
            ),
            (
                "internal-root.pem",
                "x",
                "internal-root.pem: holds no whole",
            ),
        ] {
            let before = text(name);
            fs::write(path(name), content).unwrap();
            let error = open(folder.path(), "example.org", 0).err().unwrap();
            assert!(error.0.contains(what), "{error}");
            assert_eq!(text(name), content);
            fs::write(path(name), before).unwrap();
        }
        fs::remove_file(path("mx04.key")).unwrap();
        let error = open(folder.path(), "example.org", 0).err().unwrap();
        assert!(error.0.contains("not its key mx04.key"), "{error}");
    }
}
