//! A test as it is handed out to be looked at elsewhere: one JSON document with all that a verdict is derived from.

use crate::base::Test;
use serde::{Deserialize, Serialize};

/// What the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The evidence of one test of mailproof.
    #[serde(rename = "mailproof-test")]
    Test,
}

/// The document. Names, mail addresses and tokens are in it as they were seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// What it is.
    pub format: Format,
    /// The version of its form; whoever reads it refuses a higher one than he knows.
    pub version: u32,
    /// The evidence.
    pub test: Test,
}

impl Export {
    /// The form written now.
    pub const VERSION: u32 = 1;

    /// The document of a test.
    #[must_use]
    pub const fn new(test: Test) -> Self {
        Self {
            format: Format::Test,
            version: Self::VERSION,
            test,
        }
    }
}
