//! The directory, over the life of its certificates.

use super::super::acme::Window;
use super::super::plan::KeyChoice;
use super::super::{Kind, Served, Trouble};
use super::*;
use crate::base::{Certificate, Server};
use crate::cases::Issue;
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

const TTL: Duration = Duration::from_secs(300);
const CA: &str = "https://ca.example/directory";
const FOUR: Slot = Slot::Mail(Certificate::Host(Server::Four));
const SIX: Slot = Slot::Mail(Certificate::Host(Server::Six));

fn settings(directory: &Path, base: &str, issuer: Issuer) -> Settings {
    Settings {
        directory: directory.to_owned(),
        base_domain: Domain::parse(base).unwrap(),
        issuer,
        ca: CA.to_owned(),
        ttl: TTL,
        invalid: [9; 32],
    }
}

fn open(directory: &Path, base: &str, day: i64) -> Result<Store, CertError> {
    let random = Counting(AtomicU8::new(1));
    let settings = settings(directory, base, Issuer::Internal);
    Store::open(settings, at(day), &random)
}

fn digests(store: &Store) -> Vec<[u8; 32]> {
    let snapshot = store.snapshot();
    snapshot.keys.values().map(|keys| keys.current).collect()
}

fn serials(store: &Store) -> BTreeMap<Slot, String> {
    let pairs = store.pairs.iter();
    pairs
        .map(|(slot, pair)| (*slot, pair.serial.clone()))
        .collect()
}

/// When something is due next, to the minute: certificates begin a little before they are made.
fn next(store: &Store, now: Timestamp) -> Timestamp {
    let next = store.plan(now).unwrap().next.unwrap();
    next + Duration::from_secs(1200)
}

#[test]
fn pairs_are_made_once_and_published_by_the_case_table() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), "example.org", 0).unwrap();
    let again = open(folder.path(), "example.org", 1).unwrap();
    assert_eq!(digests(&first), digests(&again));
    // With the root and the record of digests.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 17);
    assert_eq!(next(&again, at(1)), at(60));
    let snapshot = again.snapshot();
    assert_eq!(snapshot.unfit, []);
    let own = |server| snapshot.keys[&Slot::Mail(Certificate::Host(server))].current;
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
    let (before, keys) = (serials(&store), digests(&store));
    assert!(!store.renew(at(59), &random).unwrap());
    assert!(store.renew(at(60), &random).unwrap());
    for (slot, serial) in serials(&store) {
        let due = slot.issue() == Issue::Ca;
        assert_eq!(before[&slot] != serial, due, "{slot}");
    }
    assert_eq!(keys, digests(&store));
    assert_eq!(next(&store, at(60)), at(120));
    store.want(FOUR, at(60)).unwrap();
    assert!(store.renew(at(60), &random).unwrap());
    assert_ne!(serials(&store)[&FOUR], before[&FOUR]);
    assert!(!store.renew(at(60), &random).unwrap());
}

#[test]
fn a_next_key_is_published_before_it_is_used_and_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), "example.org", 0).unwrap();
    let random = Counting(AtomicU8::new(100));
    let [old] = store.snapshot().tlsa(Server::Four)[..] else {
        panic!("one digest before")
    };
    store.roll(FOUR, at(1)).unwrap();
    store.roll(FOUR, at(2)).unwrap();
    let [first, new] = store.snapshot().tlsa(Server::Four)[..] else {
        panic!("two digests meanwhile")
    };
    assert_eq!(first, old);
    let mut reopened = open(folder.path(), "example.org", 1).unwrap();
    assert_eq!(reopened.snapshot().tlsa(Server::Four), [old, new]);
    let looks = |store: &Store| store.plan(at(2)).unwrap().actions == [Action::Look];
    assert!(looks(&reopened) && reopened.unseen(at(2)) == [FOUR]);
    let trouble = Trouble::new(
        Kind::NotVisible,
        "the name server 192.0.2.53 does not answer",
    );
    reopened.seen(&[FOUR], Err(trouble), at(2));
    let status = reopened.status(at(2));
    let trouble = status.iter().find_map(|row| row.trouble.as_ref()).unwrap();
    assert_eq!((trouble.kind, trouble.tries), ("not-visible", 1));
    assert!(!looks(&reopened));
    reopened.seen(&[FOUR], Ok(()), at(2));
    assert_eq!(reopened.plan(at(2)).unwrap().next, Some(at(2) + TTL * 2));
    assert!(!reopened.renew(at(2), &random).unwrap());

    let key = fs::read(folder.path().join("mx04.key")).unwrap();
    let next = fs::read(folder.path().join("mx04.next.key")).unwrap();
    assert!(reopened.renew(at(2) + TTL * 2, &random).unwrap());
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
    assert_eq!(next(&second, at(1)), at(61));
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
    let web = snapshot.web.as_ref().unwrap();
    let mail = |server| &snapshot.mail[&Certificate::Host(server)];
    for (served, name, day, accepted) in [
        (mail(Server::Six), "mx06.et.example.org", 0, true),
        (mail(Server::Six), "mx06.et.example.org", 89, true),
        (mail(Server::Six), "mx06.et.example.org", 91, false),
        (mail(Server::Six), "mx05.et.example.org", 0, false),
        (mail(Server::Seven), "ut.example.org", 0, true),
        (mail(Server::Four), "mx04.et.example.org", 0, false),
        (web, "mta-sts.et.example.org", 0, true),
        (web, "et.example.org", 0, true),
        (web, "ut.example.org", 0, false),
    ] {
        assert_eq!(accepts(served, name, day), accepted, "{name} on day {day}");
    }
}

#[test]
fn what_is_damaged_or_mismatched_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), "example.org", 0).unwrap();
    store.want(FOUR, at(0)).unwrap();
    let gone = Trouble::new(Kind::AccountGone, "why");
    store.failed(SIX, &gone, at(0));
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
        ("ledger.json", "{", "ledger.json: damaged"),
        ("account.json", "[]", "account.json: damaged"),
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

#[test]
fn the_wrong_digest_is_that_of_no_key_ever_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), "example.org", 0).unwrap();
    let old = store.snapshot().keys[&SIX].current;
    store.roll(SIX, at(1)).unwrap();
    store.seen(&[SIX], Ok(()), at(1));
    store.renew(at(2), &Counting(AtomicU8::new(50))).unwrap();
    let new = store.snapshot().keys[&SIX].current;
    assert_ne!(old, new);
    for digest in [old, new] {
        let wrong = Settings {
            invalid: digest,
            ..settings(folder.path(), "example.org", Issuer::Internal)
        };
        let error = Store::open(wrong, at(3), &Counting(AtomicU8::new(1))).err();
        let error = error.unwrap().0;
        assert!(
            error.contains("the digest of a key") && error.contains("mx06"),
            "{error}"
        );
    }
    // And that of a key is never taken that has it, whose record was lost.
    fs::remove_file(folder.path().join("digests.txt")).unwrap();
    let wrong = Settings {
        invalid: new,
        ..settings(folder.path(), "example.org", Issuer::Internal)
    };
    let error = Store::open(wrong, at(3), &Counting(AtomicU8::new(1))).err();
    assert!(error.unwrap().0.starts_with("mx06.key: "));
}

fn ordering(directory: &Path, day: i64) -> Store {
    let settings = settings(directory, "example.org", Issuer::Acme);
    Store::open(settings, at(day), &Counting(AtomicU8::new(1))).unwrap()
}

/// What a CA issues for the key of a slot; of these names, where they are to be others.
fn issue(store: &Store, slot: Slot, names: &[&str], day: i64) -> Vec<CertificateDer<'static>> {
    let random = Counting(AtomicU8::new(77));
    let ca = InternalCa::create(rcgen::KeyPair::generate().unwrap(), at(day), &random).unwrap();
    let mut all = slot.names(&store.settings.base_domain).unwrap();
    if !names.is_empty() {
        all = names
            .iter()
            .map(|name| Domain::parse(name).unwrap())
            .collect();
    }
    let key = &store.keys[&slot].current.pair;
    let mut chain = ca.issue(&all, key, at(day), &random).unwrap();
    chain.push(ca.root().clone());
    chain
}

#[test]
fn nothing_is_fit_before_the_ca_has_issued_and_then_it_stays() {
    use KeyChoice::Current;
    let folder = tempfile::tempdir().unwrap();
    let mut store = ordering(folder.path(), 0);
    let wanted: Vec<Slot> = Slot::all()
        .filter(|slot| slot.issue() == Issue::Ca)
        .collect();
    assert_eq!(store.snapshot().unfit, wanted);
    let orders: Vec<_> = wanted
        .iter()
        .map(|slot| Action::Order(*slot, Current))
        .collect();
    assert_eq!(store.plan(at(0)).unwrap().actions, orders);
    // Its digest is in the DNS before there is anything to be shown.
    assert_eq!(
        store.snapshot().tlsa(Server::Six),
        [store.snapshot().keys[&SIX].current]
    );
    for slot in wanted {
        store
            .ordered(slot, "https://ca.example/order/1", at(0))
            .unwrap();
        assert!(store.request(slot, Current).unwrap().pending.is_some());
        let chain = issue(&store, slot, &[], 0);
        store.issued(slot, Current, chain, at(0)).unwrap();
        assert!(store.request(slot, Current).unwrap().pending.is_none());
    }
    assert_eq!(store.snapshot().unfit, []);
    // An order that is done, of which a crash kept the record away.
    let trouble = {
        let chain = store.pairs[&SIX].served.chain().to_vec();
        store.issued(SIX, Current, chain, at(0))
    };
    assert_eq!(trouble.unwrap_err().kind, Kind::OrderLost);
    let again = ordering(folder.path(), 1);
    assert_eq!(
        (again.snapshot().unfit.len(), serials(&again)),
        (0, serials(&store))
    );
    // Another CA's are no longer right, and our own neither.
    let other = Settings {
        ca: "https://other.example/directory".to_owned(),
        ..settings(folder.path(), "example.org", Issuer::Acme)
    };
    let other = Store::open(other, at(1), &Counting(AtomicU8::new(1))).unwrap();
    assert_eq!(other.snapshot().unfit.len(), 4);
    let internal = open(folder.path(), "example.org", 1).unwrap();
    assert_eq!(internal.snapshot().unfit, []);
    assert_eq!(ordering(folder.path(), 1).snapshot().unfit.len(), 4);
}

#[test]
fn what_ends_is_not_fit_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ordering(folder.path(), 0);
    let random = Counting(AtomicU8::new(9));
    let chain = issue(&store, SIX, &[], 0);
    store.issued(SIX, KeyChoice::Current, chain, at(0)).unwrap();
    store.advised(SIX, Ok(None), at(60), &random);
    let end = store.pairs[&SIX].held.not_after;
    store.failed(SIX, &Trouble::new(Kind::Caa, "no"), at(89));
    assert!(!store.renew(at(89), &random).unwrap());
    assert!(!store.snapshot().unfit.contains(&SIX));
    assert!(store.renew(end, &random).unwrap());
    assert!(store.snapshot().unfit.contains(&SIX));
}

#[test]
fn what_the_ca_issues_must_be_what_was_ordered() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ordering(folder.path(), 0);
    let before = store.snapshot().unfit.len();
    let broken = {
        let mut chain = issue(&store, SIX, &[], 0);
        chain[1] = issue(&store, SIX, &[], 0).remove(1);
        chain
    };
    for (chain, why) in [
        (
            issue(&store, SIX, &["mx05.et.example.org"], 0),
            "it is for mx05.et.example.org until",
        ),
        (
            issue(&store, SIX, &[], -200),
            "it is for mx06.et.example.org until",
        ),
        (
            issue(&store, FOUR, &["mx06.et.example.org"], 0),
            "mx06.pem: ",
        ),
        (vec![], "no certificate"),
        (vec![CertificateDer::from(vec![1, 2, 3])], "damaged"),
        (broken, "do not lead from one to the next"),
    ] {
        let trouble = store
            .issued(SIX, KeyChoice::Current, chain, at(0))
            .unwrap_err();
        assert_eq!(trouble.kind, Kind::Unusable);
        assert!(trouble.detail.contains(why), "{trouble}");
        assert!(!folder.path().join("mx06.pem").exists());
        assert_eq!(store.snapshot().unfit.len(), before);
    }
}

#[test]
fn the_moment_of_renewal_is_drawn_from_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ordering(folder.path(), 0);
    let chain = issue(&store, SIX, &[], 0);
    store.issued(SIX, KeyChoice::Current, chain, at(0)).unwrap();
    let window = || Window {
        start: at(50),
        end: at(60),
        ask_again: TTL,
        explanation: None,
    };
    let mut moments = Vec::new();
    for bits in [0, 0x80, 0xff] {
        store.advice.clear();
        store.advised(
            SIX,
            Ok(Some(window())),
            at(1),
            &Counting(AtomicU8::new(bits)),
        );
        moments.push(store.advice[&SIX].renew.unwrap());
        assert_eq!(store.advice[&SIX].ask_again, at(1) + TTL);
    }
    assert_eq!((moments[0], moments[2]), (at(50), at(60)));
    assert!(at(54) < moments[1] && moments[1] < at(56));
    // The moment stands while it lies in the window, and when it cannot be asked.
    store.advised(SIX, Ok(Some(window())), at(2), &Counting(AtomicU8::new(0)));
    let trouble = Trouble::new(Kind::Unreachable, "no answer");
    store.advised(SIX, Err(trouble), at(2), &Counting(AtomicU8::new(1)));
    assert_eq!(store.advice[&SIX].renew, Some(at(60)));
    let row = store
        .status(at(2))
        .into_iter()
        .find(|row| row.name == "mx06")
        .unwrap();
    assert_eq!((row.renew, row.renew_by), (Some(at(60)), "ari"));
    let chain = issue(&store, SIX, &[], 3);
    store.issued(SIX, KeyChoice::Current, chain, at(3)).unwrap();
    assert!(!store.advice.contains_key(&SIX));
}
