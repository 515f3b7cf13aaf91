//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// One fault: the file, the line and key where known, and what is allowed there. The operator mends the file;
/// nothing was started or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` when the file as a whole is at fault or a key is missing.
    pub line: Option<usize>,
    /// The key with its tables, such as `network.addresses`; empty when no key is at fault.
    pub key: String,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}
