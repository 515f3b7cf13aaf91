//! `replay`: the verdict of an exported test, derived anew from its evidence. Asks nobody and keeps nothing.

use super::results::unfinished;
use crate::base::{Language, file, limits};
use crate::infer::{self, row};
use crate::report::{self, Export};
use serde_json::{Value, json};
use std::path::Path;

/// The verdict that follows from the export in this file: as a text, as JSON, and as the row of a test of `infer`.
///
/// # Errors
/// When the file cannot be read, is longer than `limits::EXPORT` octets, or is no export of a version known here; names
/// the file, and the line where it is no such document.
pub fn replay(path: &Path) -> Result<Value, String> {
    let place = path.display();
    let document = file::read(path, limits::EXPORT)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("{place}: not found"))?;
    let export: Export = serde_json::from_str(&document).map_err(|error| {
        format!("{place}: not what `mailproof tests export ID` prints: {error}")
    })?;
    if export.version > Export::VERSION {
        let known = Export::VERSION;
        return Err(format!(
            "{place}: version {}; up to {known} is known here, so it needs a newer mailproof",
            export.version
        ));
    }
    let mut result = unfinished(export.test);
    result.test.language = Language::English;
    let coverage = infer::coverage(&result.test);
    Ok(json!({
        "text": format!("{}\n\n{}", report::explain(&result.outbound), report::sending_text(&result)),
        "row": row(&result.test, &result.outbound, &coverage),
        "json": {"id": result.test.id, "outbound": result.outbound, "coverage": coverage},
    }))
}
