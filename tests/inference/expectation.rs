//! What must follow from a row.

use mailproof::infer::{Coverage, Outbound};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Expectation {
    lines: Vec<(String, Vec<String>)>,
}

const KEYS: [&str; 9] = [
    "policy",
    "candidates",
    "confidence",
    "plaintext",
    "servers",
    "waiting",
    "rating",
    "findings",
    "coverage",
];

impl Expectation {
    /// Takes a line; `false` when it is none of these.
    pub fn read(&mut self, words: &[&str]) -> bool {
        let known = KEYS.contains(&words[0]);
        if known {
            let values = words[1..].iter().map(ToString::to_string).collect();
            self.lines.push((words[0].to_owned(), values));
        }
        known
    }

    /// Whether the row is about a sender whose policy becomes stronger during the test.
    pub fn learns_late(&self) -> bool {
        let lazy = |(key, values): &(String, Vec<String>)| {
            key == "findings" && values.iter().any(|code| code == "sts-lazy")
        };
        self.lines.iter().any(lazy)
    }

    /// What differs, in words.
    pub fn differences(&self, verdict: &Outbound, coverage: &Coverage) -> Vec<String> {
        let mut json = serde_json::to_value(verdict).unwrap();
        json["coverage"] = serde_json::to_value(coverage).unwrap();
        let mut differences = Vec::new();
        let mut lines = self.lines.clone();
        for (always, default) in [("policy", "?"), ("findings", "")] {
            if !lines.iter().any(|(key, _)| key == always) {
                let words = default.split_whitespace().map(str::to_owned).collect();
                lines.push((always.to_owned(), words));
            }
        }
        for (key, wanted) in lines {
            let found = match (&key[..], &wanted[..]) {
                ("coverage", [part, ..]) => {
                    [vec![part.clone()], words(&json[key.as_str()][part])].concat()
                }
                _ => shown(&key, &json),
            };
            if found != wanted {
                differences.push(format!(
                    "{key} {}, not {}",
                    found.join(" "),
                    wanted.join(" ")
                ));
            }
        }
        if !differences.is_empty() {
            differences.push(format!(
                "candidates {}",
                shown("candidates", &json).join(" ")
            ));
        }
        differences
    }
}

/// A part of the verdict's JSON in the words of a row.
fn shown(key: &str, json: &Value) -> Vec<String> {
    match key {
        "plaintext" => vec![word(&json[key]["et"]), word(&json[key]["ut"])],
        "servers" => ["3", "4", "5", "6"]
            .iter()
            .map(|server| word(&json[key][server]).replace(' ', "-"))
            .collect(),
        "waiting" => words(&json["waiting_for"]),
        "rating" => word(&json[key]).split(' ').map(str::to_owned).collect(),
        "findings" => {
            let mut codes: Vec<_> = json[key]
                .as_array()
                .unwrap_or(&Vec::new())
                .iter()
                .map(|finding| word(&finding["code"]))
                .collect();
            codes.sort();
            codes
        }
        _ => words(&json[key]),
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(word).collect(),
        other => vec![word(other)],
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value if *value == json!(null) => "none".to_owned(),
        value => value.to_string(),
    }
}
