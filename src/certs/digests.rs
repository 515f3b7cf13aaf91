//! The digests of all keys that were ever used, in `acme/digests.txt`: the one that wrong TLSA records hold must never
//! become, or have been, that of a key.

use super::{CertError, Slot};
use crate::base::{Timestamp, file, limits};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const FILE: &str = "digests.txt";

/// The record: one line for each key, with the time it was first seen, its slot and its digest.
pub(super) struct Digests {
    path: PathBuf,
    text: String,
    /// The digest that wrong TLSA records hold.
    invalid: [u8; 32],
}

impl Digests {
    /// Reads the record.
    pub(super) fn open(directory: &Path, invalid: [u8; 32]) -> Result<Self, CertError> {
        let path = directory.join(FILE);
        let text = file::read(&path, limits::DIGESTS_FILE)?.unwrap_or_default();
        let digests = Self {
            path,
            text,
            invalid,
        };
        match digests.line(&invalid) {
            None => Ok(digests),
            Some(line) => Err(CertError(format!(
                "keys/invalid-tlsa.hex: this is the digest of a key ({line} in {}), so that wrong TLSA records would be \
                 right; remove it, and another one is made at the next start",
                digests.path.display()
            ))),
        }
    }

    /// Notes the digest of a key before the key is used.
    pub(super) fn note(
        &mut self,
        slot: Slot,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<(), CertError> {
        if *digest == self.invalid {
            let why = format!(
                "{slot}.key: the digest that wrong TLSA records hold (keys/invalid-tlsa.hex) is that of this key"
            );
            return Err(CertError(why));
        }
        if self.line(digest).is_some() {
            return Ok(());
        }
        let mut text = self.text.clone();
        let _ = writeln!(
            text,
            "{now} {slot} {}",
            data_encoding::HEXLOWER.encode(digest)
        );
        // The oldest give way: by then nobody has them in a cache.
        while text.len() as u64 > limits::DIGESTS_FILE {
            let first = text.find('\n').map_or(text.len(), |end| end + 1);
            text.drain(..first);
        }
        file::write(&self.path, text.as_bytes())?;
        self.text = text;
        Ok(())
    }

    fn line(&self, digest: &[u8; 32]) -> Option<&str> {
        let digest = data_encoding::HEXLOWER.encode(digest);
        self.text.lines().find(|line| line.ends_with(&digest))
    }
}
