//! Where in the file a key or a fault stands.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The line of a byte, from 1.
pub fn line(text: &str, byte: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(byte)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// The deepest key whose value, or whose own name, holds these bytes.
pub fn key_at(text: &str, span: &Range<usize>) -> String {
    let mut path = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        descend(document.get_ref(), span, &mut path);
    }
    path.join(".")
}

fn descend(table: &DeTable<'_>, span: &Range<usize>, path: &mut Vec<String>) {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    for (key, value) in table {
        if holds(key.span()) {
            path.push(key.get_ref().to_string());
            return;
        }
        // A table's own span is only its header, so that its keys are looked at in any case.
        if let DeValue::Table(inner) = value.get_ref() {
            path.push(key.get_ref().to_string());
            let depth = path.len();
            descend(inner, span, path);
            if path.len() > depth || holds(value.span()) {
                return;
            }
            path.pop();
        } else if holds(value.span()) {
            path.push(key.get_ref().to_string());
            return;
        }
    }
}

/// The line where the key at this path stands, if it does.
pub fn line_of(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == part)?;
        match (parts.peek(), value.get_ref()) {
            (None, _) => return Some(line(text, key.span().start)),
            (Some(_), DeValue::Table(inner)) => table = inner,
            _ => return None,
        }
    }
    None
}
