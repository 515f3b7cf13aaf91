//! The part of a file that a result goes into, between two comments.

use super::Failure;
use std::fs;
use std::path::Path;

const END: &str = "<!-- end -->\n";

/// Puts the result of a command into its part of the file.
///
/// # Errors
/// When there is no such file, or no such part in it.
pub fn replace(file: &Path, command: &str, result: &str) -> Result<(), Failure> {
    let begin = format!("<!-- {command} -->\n");
    let old = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let parts = old.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.ok_or_else(|| format!("{}: no part for the result", file.display()))?;
    fs::write(file, format!("{before}{begin}{result}{END}{after}"))?;
    Ok(())
}

/// Whether a target was met, as the tables say it.
pub const fn met(met: bool) -> &'static str {
    if met { "met" } else { "**not met**" }
}
