//! Output: readable to a person by default, JSON for machines.

pub mod certs;

use super::Failure;
use super::arguments::Output;
use serde_json::Value;
use std::io::Write as _;

/// One line to standard output; a reader that went away is no error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// One line to standard error.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr(), "mailproof: {text}");
}

/// Prints an answer as JSON, or as `readable` makes it.
pub fn answer(
    answer: &Value,
    output: Output,
    readable: fn(&Value) -> String,
) -> Result<(), Failure> {
    let text = if output.json {
        let data = answer.get("json").unwrap_or(answer);
        serde_json::to_string_pretty(data).map_err(Failure::bad)?
    } else {
        readable(answer)
    };
    line(text.trim_end());
    Ok(())
}

/// An answer that brings its own text.
pub fn text(answer: &Value) -> String {
    string(answer, "text").to_owned()
}

/// An answer that brings a row of a test.
pub fn row(answer: &Value) -> String {
    string(answer, "row").to_owned()
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// `tests list`
pub fn tests(answer: &Value) -> String {
    let rows = answer.get("json").and_then(Value::as_array);
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
        return "no tests yet".to_owned();
    };
    let mut text = format!(
        "{:16}  {:20}  {:8}  {:12}  sender\n",
        "id", "started", "state", "policy"
    );
    for row in rows {
        let started: String = string(row, "started").chars().take(19).collect();
        text.push_str(&format!(
            "{:16}  {:20}  {:8}  {:12}  {}\n",
            string(row, "id"),
            started,
            string(row, "state"),
            string(row, "policy"),
            string(row, "sender"),
        ));
    }
    text
}

/// `status`
pub fn status(answer: &Value) -> String {
    let Some(facts) = answer.get("json").and_then(Value::as_object) else {
        return String::new();
    };
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    facts
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value.as_array() {
            Some(rows) if name == "secondaries" => rows.iter().map(secondary).collect(),
            _ => format!("{:19}{}\n", format!("{name}:"), plain(value)),
        })
        .collect()
}

/// One zone at one secondary.
fn secondary(row: &Value) -> String {
    let heard = match row.get("serial").and_then(Value::as_u64) {
        Some(serial) => format!("heard of {serial} at {}", string(row, "heard")),
        None => "heard of nothing yet".to_owned(),
    };
    let trouble = match string(row, "trouble") {
        "" => String::new(),
        trouble => format!("; now it {trouble}"),
    };
    let (address, zone) = (string(row, "address"), string(row, "zone"));
    format!("{:19}{address} {zone}: {heard}{trouble}\n", "secondary:")
}
