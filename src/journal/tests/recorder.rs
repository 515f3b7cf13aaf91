//! A storage in memory that knows how it came about.

use super::super::store::Store;
use super::*;
use std::sync::Mutex;

/// What was done to a storage.
#[derive(Clone, Debug)]
pub enum Done {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

pub fn apply(image: &mut Vec<u8>, done: &Done) {
    match done {
        Done::Write(offset, data) => {
            let offset = usize::try_from(*offset).unwrap();
            image[offset..offset + data.len()].copy_from_slice(data);
        }
        Done::Length(length) => image.resize(usize::try_from(*length).unwrap(), 0),
        Done::Sync => {}
    }
}

/// The storage; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<(Vec<u8>, Vec<Done>)>>);

impl Recorder {
    /// With an empty journal in it.
    pub fn new() -> Self {
        let new = Self::default();
        super::super::file::fill(new.clone()).unwrap();
        Self::of(new.image())
    }

    pub fn of(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new((image, Vec::new()))))
    }

    fn note(&self, done: Done) {
        let (image, log) = &mut *self.0.lock().unwrap();
        apply(image, &done);
        log.push(done);
    }

    pub fn steps(&self) -> usize {
        self.0.lock().unwrap().1.len()
    }

    pub fn image(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }

    pub fn log(&self) -> Vec<Done> {
        self.0.lock().unwrap().1.clone()
    }

    /// Changes what is stored behind the journal's back.
    pub fn tamper(&self, how: impl FnOnce(&mut Vec<u8>)) {
        how(&mut self.0.lock().unwrap().0);
    }

    pub fn try_open(&self) -> Result<Journal, JournalError> {
        let again = self.clone();
        let opener: store::Opener = Box::new(move || Ok(Box::new(again.clone())));
        let store = Store::open(Path::new("a disk in memory"), opener)?;
        Ok(Journal::start(store, time(0))?.0)
    }

    pub fn open(&self) -> Journal {
        self.try_open().unwrap()
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().0.len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let image = &self.0.lock().unwrap().0;
        let offset = usize::try_from(offset).unwrap();
        let part = image.get(offset..offset + out.len());
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.note(Done::Length(length));
        Ok(())
    }
    fn sync_data(&self) -> io::Result<()> {
        self.note(Done::Sync);
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.note(Done::Write(offset, data.to_vec()));
        Ok(())
    }
}

/// All that a journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(pub Vec<Event>, pub Vec<(Space, String, Vec<u8>)>);

pub fn content(journal: &Journal) -> Content {
    let values = Space::ALL.into_iter().flat_map(|space| {
        let keys = journal.list(space).unwrap().into_iter();
        keys.map(move |key| {
            let value = journal.get(space, &key).unwrap().unwrap();
            (space, key, value)
        })
    });
    Content(replayed(journal), values.collect())
}

/// Small numbers that look like chance and are the same every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }
}
