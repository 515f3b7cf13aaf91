//! The directory `keys/`: one file for each key, the only place where private keys lie.
//!
//! | file | what |
//! |---|---|
//! | `et-ksk-12345.pem`, `et-zsk-54321.pem`, same for `ut` | DNSSEC keys, by zone, role and tag |
//! | `dkim-rsa20261123.pem`, `dkim-ed20261123.pem` | DKIM keys, by selector |
//! | `token.key` | the key of the tokens, hexadecimal |
//! | `tsig-NAME.key` | a key that secondaries share with us, as `tsig-keygen` writes it |
//! | `invalid-tlsa.hex` | the digest that wrong TLSA records publish |
//!
//! A `.pem` file is a PKCS#8 private key as `openssl pkey` reads it, with lines `name: value` before it that say where
//! the key is in its life. What is missing at the first start is made. A file that is there is never overwritten
//! because it could not be read, and a key signing key is never made for a zone that has other keys: the DS at the
//! parent would not fit it.

use super::{
    DkimKey, DkimKeys, DkimKind, DnssecKey, KeyError, KeyState, Keys, Role, TokenKey, TsigKey,
    ZoneKeys,
};
use crate::base::ports::Random;
use crate::base::{Timestamp, Zone, file, limits};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TOKEN: &str = "token.key";
const INVALID_TLSA: &str = "invalid-tlsa.hex";
/// How often a new key is made until its tag is not that of another one.
const TAG_ATTEMPTS: usize = 16;

impl From<file::FileError> for KeyError {
    fn from(error: file::FileError) -> Self {
        Self(error.0)
    }
}

/// Reads all keys, and makes those that are missing; `tsig` names the keys that secondaries share with us.
///
/// # Errors
/// When the directory or a file in it cannot be read or written, a file holds something else than its name says, a
/// zone has zone signing keys but no key signing key, or there are keys of a kind but none of them signs.
pub fn open(
    directory: &Path,
    tsig: &BTreeSet<String>,
    random: &dyn Random,
    now: Timestamp,
) -> Result<Keys, KeyError> {
    file::directory(directory)?;
    let names = list(directory)?;
    Ok(Keys {
        et: zone(directory, &names, Zone::Et, now)?,
        ut: zone(directory, &names, Zone::Ut, now)?,
        dkim: dkim(directory, &names, now)?,
        token: TokenKey(secret(&directory.join(TOKEN), random)?),
        invalid_tlsa: secret(&directory.join(INVALID_TLSA), random)?,
        tsig: shared(directory, tsig, random)?,
    })
}

/// Keeps a DNSSEC key, in place of the same key in an older state.
///
/// # Errors
/// When the file cannot be written.
pub fn put_dnssec(directory: &Path, zone: Zone, key: &DnssecKey) -> Result<(), KeyError> {
    let path = dnssec_path(directory, zone, key);
    put(&path, key.state, key.created, key.pkcs8())
}

/// Removes a DNSSEC key that is published no more.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove_dnssec(directory: &Path, zone: Zone, key: &DnssecKey) -> Result<(), KeyError> {
    remove(&dnssec_path(directory, zone, key))
}

/// Keeps a DKIM key, in place of the same key in an older state.
///
/// # Errors
/// When the file cannot be written.
pub fn put_dkim(directory: &Path, key: &DkimKey) -> Result<(), KeyError> {
    let path = dkim_path(directory, &key.selector);
    put(&path, key.state, key.created, key.pkcs8())
}

fn dnssec_path(directory: &Path, zone: Zone, key: &DnssecKey) -> PathBuf {
    directory.join(format!("{zone}-{}-{:05}.pem", key.role, key.tag()))
}

fn dkim_path(directory: &Path, selector: &str) -> PathBuf {
    directory.join(format!("dkim-{selector}.pem"))
}

fn remove(path: &Path) -> Result<(), KeyError> {
    fs::remove_file(path)
        .map_err(|error| KeyError(format!("{}: cannot be removed: {error}", path.display())))
}

/// The names of the `.pem` files, sorted; others are none of ours.
fn list(directory: &Path) -> Result<Vec<String>, KeyError> {
    let failed = |error: std::io::Error| {
        KeyError(format!(
            "{}: cannot be listed: {error}",
            directory.display()
        ))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".pem") && !name.starts_with('.') {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn zone(
    directory: &Path,
    names: &[String],
    zone: Zone,
    now: Timestamp,
) -> Result<ZoneKeys, KeyError> {
    let mut ksk = dnssec(directory, names, zone, Role::Ksk)?;
    let mut zsk = dnssec(directory, names, zone, Role::Zsk)?;
    if ksk.is_empty() {
        if let Some(other) = zsk.first() {
            let path = dnssec_path(directory, zone, other);
            return Err(KeyError(format!(
                "{}: the zone {zone} has this key but no key signing key ({zone}-ksk-NUMBER.pem): restore it from a \
                 backup, or remove all of {zone}-zsk-*.pem to begin with new keys and a new DS at the parent",
                path.display()
            )));
        }
        ksk.push(make(directory, zone, Role::Ksk, &[], now)?);
    }
    if zsk.is_empty() {
        zsk.push(make(directory, zone, Role::Zsk, &ksk, now)?);
    }
    for (role, keys) in [(Role::Ksk, &ksk), (Role::Zsk, &zsk)] {
        if !keys.iter().any(|key| key.state == KeyState::Active) {
            return Err(KeyError(format!(
                "{}: none of {zone}-{role}-*.pem is active",
                directory.display()
            )));
        }
    }
    Ok(ZoneKeys { ksk, zsk })
}

fn dnssec(
    directory: &Path,
    names: &[String],
    zone: Zone,
    role: Role,
) -> Result<Vec<Arc<DnssecKey>>, KeyError> {
    let prefix = format!("{zone}-{role}-");
    let mut keys = Vec::new();
    for name in names.iter().filter(|name| name.starts_with(&prefix)) {
        let path = directory.join(name);
        let wrong = |why: &str| KeyError(format!("{}: {why}", path.display()));
        let (state, created, pkcs8) = get(&path)?;
        let key =
            DnssecKey::from_pkcs8(role, state, created, pkcs8).map_err(|error| wrong(&error.0))?;
        if dnssec_path(directory, zone, &key) != path {
            return Err(wrong(&format!("holds the key with the tag {}", key.tag())));
        }
        keys.push(Arc::new(key));
    }
    Ok(keys)
}

fn make(
    directory: &Path,
    zone: Zone,
    role: Role,
    others: &[Arc<DnssecKey>],
    now: Timestamp,
) -> Result<Arc<DnssecKey>, KeyError> {
    for _ in 0..TAG_ATTEMPTS {
        let key = DnssecKey::generate(role, now)?;
        if others.iter().all(|other| other.tag() != key.tag()) {
            put_dnssec(directory, zone, &key)?;
            return Ok(Arc::new(key));
        }
    }
    Err(KeyError(format!("no {role} with a tag of its own")))
}

fn dkim(directory: &Path, names: &[String], now: Timestamp) -> Result<DkimKeys, KeyError> {
    let mut keys = Vec::new();
    for name in names.iter().filter(|name| name.starts_with("dkim-")) {
        let path = directory.join(name);
        let wrong = |why: &str| KeyError(format!("{}: {why}", path.display()));
        let selector = name.trim_start_matches("dkim-").trim_end_matches(".pem");
        let kind = DkimKind::of_selector(selector)
            .ok_or_else(|| wrong("the name is not dkim-rsaNUMBER.pem or dkim-edNUMBER.pem"))?;
        let (state, created, pkcs8) = get(&path)?;
        let key = DkimKey::from_pkcs8(kind, selector, state, created, pkcs8)
            .map_err(|error| wrong(&error.0))?;
        keys.push(Arc::new(key));
    }
    for kind in DkimKind::ALL {
        if !keys.iter().any(|key| key.kind == kind) {
            let key = DkimKey::generate(kind, &kind.selector(now), now)?;
            put_dkim(directory, &key)?;
            keys.push(Arc::new(key));
        }
    }
    keys.sort_by(|a, b| (a.kind, &a.selector).cmp(&(b.kind, &b.selector)));
    let keys = DkimKeys { keys };
    if keys.signing().count() < DkimKind::ALL.len() {
        let why = format!(
            "{}: a kind of DKIM key has none active",
            directory.display()
        );
        return Err(KeyError(why));
    }
    Ok(keys)
}

/// 32 octets, drawn once and then the same for ever.
fn secret(path: &Path, random: &dyn Random) -> Result<[u8; 32], KeyError> {
    if let Some(text) = file::read(path, limits::KEY_FILE)? {
        return data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.trim().as_bytes())
            .ok()
            .and_then(|octets| <[u8; 32]>::try_from(octets).ok())
            .ok_or_else(|| KeyError(format!("{}: not 64 hexadecimal digits", path.display())));
    }
    let mut octets = [0; 32];
    random.fill(&mut octets);
    let text = data_encoding::HEXLOWER.encode(&octets) + "\n";
    file::write(path, text.as_bytes())?;
    Ok(octets)
}

/// The keys of these names, for secondaries.
fn shared(
    directory: &Path,
    names: &BTreeSet<String>,
    random: &dyn Random,
) -> Result<BTreeMap<String, TsigKey>, KeyError> {
    let mut keys = BTreeMap::new();
    for name in names {
        let path = directory.join(format!("tsig-{name}.key"));
        let wrong = |why: &str| KeyError(format!("{}: {why}", path.display()));
        let key = if let Some(text) = file::read(&path, limits::KEY_FILE)? {
            TsigKey::parse(&text).map_err(|error| wrong(&error.0))?
        } else {
            let key = TsigKey::generate(name, random);
            file::write(&path, key.text().as_bytes())?;
            key
        };
        if key.name() != name {
            return Err(wrong(&format!("holds the key {:?}", key.name())));
        }
        keys.insert(name.clone(), key);
    }
    Ok(keys)
}

fn put(
    path: &Path,
    state: KeyState,
    created: Timestamp,
    pkcs8: &PrivatePkcs8KeyDer<'_>,
) -> Result<(), KeyError> {
    let key = file::pem("PRIVATE KEY", pkcs8.secret_pkcs8_der());
    let text = format!("state: {state}\ncreated: {created}\n{key}");
    Ok(file::write(path, text.as_bytes())?)
}

type Kept = (KeyState, Timestamp, PrivatePkcs8KeyDer<'static>);

fn get(path: &Path) -> Result<Kept, KeyError> {
    let wrong = |why: &str| KeyError(format!("{}: {why}", path.display()));
    let text = file::read(path, limits::KEY_FILE)?.ok_or_else(|| wrong("is gone"))?;
    let value = |name: &str| {
        text.lines()
            .take_while(|line| !line.starts_with("-----"))
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .ok_or_else(|| wrong(&format!("no line \"{name}: ...\" before the key")))
    };
    let state = match value("state")? {
        "published" => KeyState::Published,
        "active" => KeyState::Active,
        "retired" => KeyState::Retired,
        _ => return Err(wrong("\"state\" is not one of published, active, retired")),
    };
    let created = value("created")?
        .parse()
        .map_err(|_| wrong("\"created\" is not a time like 2026-11-23T00:00:00Z"))?;
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| wrong("holds no whole \"PRIVATE KEY\""))?;
    Ok((state, created, pkcs8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// 1, 1, ... then 2, 2, ...
    struct Counting(std::sync::atomic::AtomicU8);

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            buffer.fill(next);
        }
    }

    fn open_at(directory: &Path) -> Result<Keys, KeyError> {
        let random = Counting(std::sync::atomic::AtomicU8::new(1));
        let (tsig, now) = (BTreeSet::new(), "2026-11-23T12:00:00Z".parse().unwrap());
        open(directory, &tsig, &random, now)
    }

    fn files(directory: &Path) -> Vec<(PathBuf, String)> {
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn tags(keys: &ZoneKeys) -> Vec<u16> {
        keys.published().map(|key| key.tag()).collect()
    }

    #[test]
    fn keys_are_made_once_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("keys");
        let first = open_at(&directory).unwrap();
        let before = files(&directory);
        assert_eq!(before.len(), 8);
        for (path, _) in &before {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        let second = open_at(&directory).unwrap();
        assert_eq!(files(&directory), before);
        assert_eq!(tags(&second.et), tags(&first.et));
        assert_eq!(tags(&second.ut), tags(&first.ut));
        assert_ne!(tags(&first.et), tags(&first.ut));
        let texts = |keys: &Keys| {
            keys.dkim
                .keys
                .iter()
                .map(|key| key.txt())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&second), texts(&first));
        assert_eq!(first.dkim.keys[0].selector, "rsa20261123");
        assert_eq!((first.token.0, first.invalid_tlsa), ([1; 32], [2; 32]));
        assert_eq!((second.token.0, second.invalid_tlsa), ([1; 32], [2; 32]));
    }

    #[test]
    fn a_state_is_kept_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open_at(folder.path()).unwrap();
        let next = DnssecKey::generate(Role::Zsk, Timestamp::UNIX_EPOCH).unwrap();
        let next = next.with_state(KeyState::Published).unwrap();
        put_dnssec(folder.path(), Zone::Et, &next).unwrap();
        let keys_now = open_at(folder.path()).unwrap();
        assert_eq!(keys_now.et.zsk.len(), 2);
        let signing: Vec<u16> = keys_now
            .et
            .signing(Role::Zsk)
            .map(|key| key.tag())
            .collect();
        assert_eq!(signing, [keys.et.zsk[0].tag()]);
        remove_dnssec(folder.path(), Zone::Et, &next).unwrap();
        assert_eq!(open_at(folder.path()).unwrap().et.zsk.len(), 1);
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        open_at(folder.path()).unwrap();
        for (path, text) in files(folder.path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let half = &text[..text.len() / 2];
            for damaged in [half, "", &text.replace('\n', "#")] {
                fs::write(&path, damaged).unwrap();
                let error = open_at(folder.path()).unwrap_err();
                assert!(error.0.contains(name), "{name}: {error}");
                assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
            }
            fs::write(&path, text).unwrap();
        }
        open_at(folder.path()).unwrap();
    }

    #[test]
    fn a_lost_or_misplaced_key_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open_at(folder.path()).unwrap();
        let at = |zone, key| dnssec_path(folder.path(), zone, key);
        let et = at(Zone::Et, &keys.et.ksk[0]);
        let text = fs::read_to_string(&et).unwrap();
        fs::remove_file(&et).unwrap();
        let error = open_at(folder.path()).unwrap_err();
        assert!(error.0.contains("no key signing key"), "{error}");
        fs::write(folder.path().join("et-ksk-99999.pem"), &text).unwrap();
        let error = open_at(folder.path()).unwrap_err();
        assert!(error.0.contains("holds the key with the tag"), "{error}");
        fs::remove_file(folder.path().join("et-ksk-99999.pem")).unwrap();
        fs::write(&et, text.replace("active", "retired")).unwrap();
        let error = open_at(folder.path()).unwrap_err();
        assert!(error.0.contains("et-ksk-*.pem is active"), "{error}");
    }

    #[test]
    fn a_key_of_a_secondary_is_made_once_or_brought_along() {
        let folder = tempfile::tempdir().unwrap();
        let names: BTreeSet<String> = ["a.example", "b"].map(str::to_owned).into();
        let open = || {
            let random = Counting(std::sync::atomic::AtomicU8::new(1));
            open(folder.path(), &names, &random, Timestamp::UNIX_EPOCH)
        };
        let first = open().unwrap().tsig;
        assert_eq!(
            first.keys().collect::<BTreeSet<_>>(),
            names.iter().collect()
        );
        assert_eq!(open().unwrap().tsig, first);
        let path = folder.path().join("tsig-a.example.key");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let brought =
            "key \"A.example.\" { algorithm hmac-sha512; secret \"MDEyMzQ1Njc4OWFiY2RlZg==\"; };";
        fs::write(&path, brought).unwrap();
        let key = open().unwrap().tsig["a.example"].clone();
        assert_eq!(key, TsigKey::parse(brought).unwrap());
        for (text, why) in [
            ("nothing", "tsig-a.example.key: is not of the form"),
            (
                &brought.replace("A.e", "e"),
                "tsig-a.example.key: holds the key \"example\"",
            ),
        ] {
            fs::write(&path, text).unwrap();
            let error = open().unwrap_err();
            assert!(error.0.contains(why), "{error}");
        }
    }
}
