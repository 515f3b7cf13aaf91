//! Results as they are kept: one octet that says the version, then JSON.

use super::Report;
use std::fmt;

/// The form written now.
const VERSION: u8 = 1;

/// Why a stored result cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredError(pub String);

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoredError {}

impl Report {
    /// The result in the form in which it is kept.
    ///
    /// # Errors
    /// Never for results made by this house: only when a value in it cannot be written as JSON.
    pub fn to_stored(&self) -> Result<Vec<u8>, StoredError> {
        let mut bytes = vec![VERSION];
        serde_json::to_writer(&mut bytes, self)
            .map_err(|error| StoredError(format!("the result cannot be written: {error}")))?;
        Ok(bytes)
    }

    /// Reads what [`Report::to_stored`] wrote, now or in an earlier version.
    ///
    /// # Errors
    /// When the version is unknown (a newer program wrote it) or the bytes are damaged.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, StoredError> {
        match bytes {
            [VERSION, json @ ..] => serde_json::from_slice(json)
                .map_err(|error| StoredError(format!("the stored result is damaged: {error}"))),
            [version, ..] => Err(StoredError(format!(
                "the stored result has version {version}; up to {VERSION} can be read"
            ))),
            [] => Err(StoredError("the stored result is empty".to_owned())),
        }
    }
}
