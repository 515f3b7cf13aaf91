//! The storage under the database. What opening would write is held back until all that is stored has been found sound,
//! so that a damaged file stays as it is.

use redb::{BackendError, StorageBackend};
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared handle of a storage.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    storage: Box<dyn StorageBackend>,
    /// What is held back; `None` once it may be written.
    held: Mutex<Option<Vec<Step>>>,
    /// Whether the newer of the two states that the file has is to be taken, whichever is marked as current.
    newest: bool,
}

/// Something that is to be done to the storage.
#[derive(Debug)]
enum Step {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

impl Disk {
    /// Holds everything back, until [`Disk::release`].
    pub(super) fn new(storage: Box<dyn StorageBackend>, newest: bool) -> Self {
        Self(Arc::new(Inner {
            storage,
            held: Mutex::new(Some(Vec::new())),
            newest,
        }))
    }

    /// Writes what was held back, in its order, and from now on at once. After an error it is still held back, whatever
    /// of it was written, and may be released again.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut held = self.held();
        for step in held.iter().flatten() {
            match step {
                Step::Write(offset, data) => self.0.storage.write(*offset, data)?,
                Step::Length(length) => self.0.storage.set_len(*length)?,
                Step::Sync => self.0.storage.sync_data()?,
            }
        }
        *held = None;
        Ok(())
    }

    /// Whether the file has a state that is newer than the one marked as current. So it is after a crash in the middle of
    /// a commit, which need not count; and when the mark itself is damaged, or was never written although the disk said so.
    pub(super) fn has_newer(&self) -> io::Result<bool> {
        let mut header = [0; header::LENGTH];
        if self.0.storage.len()? < header::LENGTH as u64 {
            return Ok(false);
        }
        self.0.storage.read(0, &mut header)?;
        Ok(header::has_newer(&header))
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Step>>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what there is; the rest is zero.
    fn partly(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = self.0.storage.len()?.saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        let (there, rest) = out.split_at_mut(there);
        rest.fill(0);
        match there {
            [] => Ok(()),
            _ => self.0.storage.read(offset, there),
        }
    }

    /// Holds a step back, unless it may be done; says whether.
    fn holds(&self, step: impl FnOnce() -> Step) -> bool {
        let mut held = self.held();
        if let Some(held) = held.as_mut() {
            held.push(step());
        }
        held.is_some()
    }
}

impl Step {
    /// Changes what was read from this offset on, as if this had been done.
    fn show(&self, offset: u64, out: &mut [u8]) {
        let (start, data) = match self {
            Self::Write(start, data) => (*start, Some(data.as_slice())),
            Self::Length(length) => (*length, None),
            Self::Sync => return,
        };
        let index = |at: u64, from: u64| usize::try_from(at - from).unwrap_or(usize::MAX);
        let end = offset + out.len() as u64;
        let until = data.map_or(end, |data| end.min(start + data.len() as u64));
        let from = start.max(offset);
        if from >= until {
            return;
        }
        let target = &mut out[index(from, offset)..index(until, offset)];
        match data {
            Some(data) => target.copy_from_slice(&data[index(from, start)..index(until, start)]),
            None => target.fill(0),
        }
    }
}

/// What is known here of the first octets of a database (redb's design document, "File format").
mod header {
    /// Octets in which everything known here stands.
    pub(super) const LENGTH: usize = 320;
    /// Where the marks are: which of two states is current, and whether it was on the disk before it was marked.
    const MARKS: usize = 9;
    const SECOND_IS_CURRENT: u8 = 1;
    const WAS_STORED: u8 = 4;
    /// Where the numbers of the two states are.
    const NUMBERS: [usize; 2] = [64 + 104, 192 + 104];

    fn number(header: &[u8], at: usize) -> u64 {
        let mut octets = [0; 8];
        octets.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(octets)
    }

    /// Whether the state that is not marked as current is the newer one.
    pub(super) fn has_newer(header: &[u8]) -> bool {
        let [first, second] = NUMBERS.map(|at| number(header, at));
        match header[MARKS] & SECOND_IS_CURRENT {
            0 => second > first,
            _ => first > second,
        }
    }

    /// Says that the current state need not be whole: then the database looks for the newest one that is.
    pub(super) fn doubt(header: &mut [u8]) {
        header[MARKS] &= !WAS_STORED;
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let length = self.0.storage.len()?;
        let held = self.held();
        let steps = held.iter().flatten();
        Ok(steps.fold(length, |length, step| match step {
            Step::Length(length) => *length,
            _ => length,
        }))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.0.storage.read(offset, out) {
            // A page behind the end is damage like any other; after an error here nobody could read anything any more.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.partly(offset, out)?,
            other => other?,
        }
        let held = self.held();
        if held.is_some() && self.0.newest && offset == 0 && out.len() >= header::LENGTH {
            header::doubt(out);
        }
        for step in held.iter().flatten() {
            step.show(offset, out);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        match self.holds(|| Step::Length(length)) {
            true => Ok(()),
            false => self.0.storage.set_len(length),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.holds(|| Step::Sync) {
            true => Ok(()),
            false => self.0.storage.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match self.holds(|| Step::Write(offset, data.to_vec())) {
            true => Ok(()),
            false => self.0.storage.write(offset, data),
        }
    }

    fn close(&self) -> io::Result<()> {
        self.0.storage.close()
    }

    fn try_lock_range(&self, from: Bound<u64>, until: Bound<u64>) -> Result<bool, BackendError> {
        self.0.storage.try_lock_range(from, until)
    }

    fn try_lock_shared_range(
        &self,
        from: Bound<u64>,
        until: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.storage.try_lock_shared_range(from, until)
    }

    fn lock_range(&self, from: Bound<u64>, until: Bound<u64>) -> Result<(), BackendError> {
        self.0.storage.lock_range(from, until)
    }

    fn lock_shared_range(&self, from: Bound<u64>, until: Bound<u64>) -> Result<(), BackendError> {
        self.0.storage.lock_shared_range(from, until)
    }

    fn unlock_range(&self, from: Bound<u64>, until: Bound<u64>) -> Result<(), BackendError> {
        self.0.storage.unlock_range(from, until)
    }

    fn query_lock_range(&self, from: Bound<u64>, until: Bound<u64>) -> Result<bool, BackendError> {
        self.0.storage.query_lock_range(from, until)
    }
}
