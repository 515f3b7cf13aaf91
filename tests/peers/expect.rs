//! What a row expects of a peer's log and of the appliance's record, written as text.
//!
//! `*` stands for anything. What begins with `!` must not be there.

use serde_json::Value;

/// Expectations that the lines of a log or transcript do not meet. Each pattern is to be found within one line.
pub fn unmet_lines(log: &str, patterns: &[&str]) -> Vec<String> {
    unmet(patterns, |pattern| {
        let within = format!("*{pattern}*");
        log.lines().any(|line| matches(&within, line))
    })
}

/// The same, where each line is to come after the one before. What must not be there must not come any more.
pub fn unmet_dialogue(transcript: &str, patterns: &[&str]) -> Vec<String> {
    let mut lines = transcript.lines();
    unmet(patterns, |pattern| {
        let within = format!("*{pattern}*");
        let mut ahead = lines.clone();
        let found = ahead.any(|line| matches(&within, line));
        if found {
            lines = ahead;
        }
        found
    })
}

/// Expectations that no connection of a test meets. Each pattern is a list of `field=value`, `field` as in the test's JSON
/// with dots into objects; a list's value is its parts with commas between.
pub fn unmet_records(test: &Value, patterns: &[&str]) -> Vec<String> {
    let connections = test["connections"].as_array().cloned().unwrap_or_default();
    unmet(patterns, |pattern| {
        connections
            .iter()
            .any(|connection| pattern.split(' ').all(|word| has(connection, word)))
    })
}

fn unmet(patterns: &[&str], mut found: impl FnMut(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for pattern in patterns {
        let (wanted, positive) = match pattern.strip_prefix('!') {
            Some(unwanted) => (false, unwanted),
            None => (true, *pattern),
        };
        if found(positive) != wanted {
            faults.push(format!("expected: {pattern}"));
        }
    }
    faults
}

fn has(connection: &Value, word: &str) -> bool {
    let (path, value) = word.split_once('=').expect("field=value");
    let found = path.split('.').fold(connection, |value, key| &value[key]);
    matches(value, &text(found))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[test]
fn patterns_match() {
    for (pattern, text, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*b*c", "a1b2c", true),
        ("a*b*c", "a1c2b", false),
        ("a*a", "a", false),
        ("*", "", true),
        ("*x*", "axb", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
    let test = serde_json::json!({"connections": [{"sni": null, "tls": {"version": "1.3"}, "to": ["a", "b"]}]});
    assert!(unmet_records(&test, &["sni=null tls.version=1.*", "to=a,b", "!to=a"]).is_empty());
    assert_eq!(unmet_records(&test, &["sni=a", "!to=a,b"]).len(), 2);
    assert!(unmet_dialogue("1 a\n2 b\n", &["a", "b"]).is_empty());
    assert!(unmet_dialogue("1 a\n2 b\n", &["b", "!a"]).is_empty());
    assert_eq!(unmet_dialogue("1 a\n2 b\n", &["b", "a", "!b"]).len(), 1);
    assert_eq!(
        unmet_lines("1 a\n2 b\n", &["b", "a", "!b"]),
        ["expected: !b"]
    );
}
