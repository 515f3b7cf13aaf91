//! What can go wrong with the journal, in the words that the operator reads.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why the journal could not be opened, read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// Another process has the file open.
    Locked(PathBuf),
    /// The file is of a later version of this program.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// The newest schema known here.
        known: u64,
    },
    /// The file is no journal, or is damaged. It was left as it is.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file could not be opened, read or written; a later write may succeed. What failed was written whole or not.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        what: String,
    },
    /// Too many writes are waiting; nothing was written.
    Full,
    /// Something is larger than the journal takes; nothing was written.
    TooLarge(String),
    /// The writer has ended.
    Stopped,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(path) => write!(
                f,
                "{}: another process has the journal open; only one may",
                path.display()
            ),
            Self::Newer { path, found, known } => write!(
                f,
                "{}: the journal has schema {found}, this version of mailproof knows up to {known}; install the later \
                 version that wrote it, or restore a backup made by this one",
                path.display()
            ),
            Self::Damaged { path, what } => write!(
                f,
                "{}: the journal is damaged or is none: {what}; it was left untouched: restore a backup, or move the \
                 file away to start an empty one",
                path.display()
            ),
            Self::Io { path, what } => {
                write!(f, "{}: the journal cannot be used: {what}", path.display())
            }
            Self::Full => f.write_str("the journal is behind: too many writes are waiting"),
            Self::TooLarge(what) => write!(f, "too large for the journal: {what}"),
            Self::Stopped => f.write_str("the journal's writer has ended"),
        }
    }
}

impl std::error::Error for JournalError {}

impl JournalError {
    /// What an error of the database means to the operator.
    pub(super) fn of(path: &Path, error: redb::Error) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::Locked(path)
            }
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidData | ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Damaged {
                    path,
                    what: error.to_string(),
                }
            }
            redb::Error::Io(error) => Self::Io {
                path,
                what: error.to_string(),
            },
            redb::Error::PreviousIo => Self::Io {
                path,
                what: "an earlier write failed".to_owned(),
            },
            error => Self::Damaged {
                path,
                what: error.to_string(),
            },
        }
    }
}
