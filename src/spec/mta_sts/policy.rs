//! The policy file (RFC 8461 3.2).

use crate::base::{Domain, limits};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What a sender is asked to do when a host fails the policy (RFC 8461 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Not deliver.
    Enforce,
    /// Deliver and report.
    Testing,
    /// Act as if there were no policy.
    None,
}

/// The name of an MX host, or of all hosts one label below a domain (RFC 8461 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pattern {
    /// This host.
    Host(Domain),
    /// `*.DOMAIN`: hosts with exactly one label before it.
    Wildcard(Domain),
}

impl Pattern {
    /// Whether the pattern names this host.
    #[must_use]
    pub fn matches(&self, host: &Domain) -> bool {
        match self {
            Self::Host(name) => name == host,
            Self::Wildcard(parent) => host
                .as_str()
                .split_once('.')
                .is_some_and(|(_, rest)| rest == parent.as_str()),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("*.") {
            Some(parent) => Domain::parse(parent).map(Self::Wildcard),
            None => Domain::parse(text).map(Self::Host),
        }
        .map_err(|error| error.to_string())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => write!(f, "{name}"),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// A policy as declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What is asked for.
    pub mode: Mode,
    /// The hosts it permits; empty only in mode `none`.
    pub mx: Vec<Pattern>,
    /// How long it may be kept, in seconds, as declared; see [`Policy::lifetime`].
    pub max_age: u64,
}

/// The longest `max_age`, in seconds: a year of 365.25 days (RFC 8461 3.2).
pub const LONGEST_AGE: u64 = 31_557_600;
/// Patterns in a policy that are read; a policy with more is refused.
const PATTERNS: usize = 200;

/// Why a policy does not count: in words, for people, with the line where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(pub String);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PolicyError {}

impl Policy {
    /// Reads a policy file: `key: value` lines ended by CRLF or LF. Of repeated keys other than `mx` the first
    /// counts, unknown ones are passed over (RFC 8461 3.2).
    ///
    /// # Errors
    /// When it is longer than `limits::FETCH_BODY`, not UTF-8, a line is no `key: value`, a key is missing, or a value
    /// is not allowed.
    pub fn parse(file: &[u8]) -> Result<Self, PolicyError> {
        let wrong = |why: String| PolicyError(why);
        if file.len() > limits::FETCH_BODY {
            return Err(wrong(format!("longer than {} octets", limits::FETCH_BODY)));
        }
        let text = std::str::from_utf8(file).map_err(|_| wrong("not UTF-8".to_owned()))?;
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line
                .strip_suffix('\r')
                .unwrap_or(line)
                .trim_matches([' ', '\t']);
            if line.is_empty() {
                continue;
            }
            let at = |why: String| PolicyError(format!("line {number}: {why}"));
            let (key, value) = line
                .split_once(':')
                .map(|(key, value)| {
                    (
                        key.trim_end_matches([' ', '\t']),
                        value.trim_start_matches([' ', '\t']),
                    )
                })
                .ok_or_else(|| at("not of the form key: value".to_owned()))?;
            match key {
                "version" if version.is_none() => version = Some(read_version(value).map_err(at)?),
                "mode" if mode.is_none() => mode = Some(read_mode(value).map_err(at)?),
                "max_age" if max_age.is_none() => max_age = Some(read_age(value).map_err(at)?),
                "mx" if mx.len() == PATTERNS => return Err(at(format!("more than {PATTERNS} mx"))),
                "mx" => mx.push(Pattern::parse(value).map_err(at)?),
                _ => {}
            }
        }
        let missing = |key: &str| PolicyError(format!("{key} is missing"));
        version.ok_or_else(|| missing("version"))?;
        let policy = Self {
            mode: mode.ok_or_else(|| missing("mode"))?,
            mx,
            max_age: max_age.ok_or_else(|| missing("max_age"))?,
        };
        if policy.mode != Mode::None && policy.mx.is_empty() {
            return Err(missing("mx"));
        }
        Ok(policy)
    }

    /// How long the policy may be kept: `max_age`, at most [`LONGEST_AGE`].
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.max_age.min(LONGEST_AGE))
    }

    /// Whether the policy names this MX host.
    #[must_use]
    pub fn permits(&self, host: &Domain) -> bool {
        self.mx.iter().any(|pattern| pattern.matches(host))
    }
}

/// Reads the policy out of an HTTP response (RFC 8461 3.3): status 200 and `text/plain`, never a redirect.
///
/// # Errors
/// When status or media type are others, or the policy does not count.
pub fn read_response(
    status: u16,
    media_type: Option<&str>,
    body: &[u8],
) -> Result<Policy, PolicyError> {
    if status != 200 {
        return Err(PolicyError(format!(
            "HTTP status {status}, only 200 counts"
        )));
    }
    let media = media_type.unwrap_or("");
    let essence = media.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("text/plain") {
        return Err(PolicyError(format!(
            "media type {media:?}, only text/plain counts"
        )));
    }
    Policy::parse(body)
}

fn read_version(value: &str) -> Result<(), String> {
    match value {
        "STSv1" => Ok(()),
        _ => Err(format!("version is {value:?}, only STSv1 exists")),
    }
}

fn read_mode(value: &str) -> Result<Mode, String> {
    match value {
        "enforce" => Ok(Mode::Enforce),
        "testing" => Ok(Mode::Testing),
        "none" => Ok(Mode::None),
        _ => Err(format!(
            "mode is {value:?}; there are enforce, testing, none"
        )),
    }
}

fn read_age(value: &str) -> Result<u64, String> {
    (value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| value.parse().ok())
        .flatten()
        .ok_or_else(|| format!("max_age is {value:?}; 1 to 10 digits are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_the_standard_says() {
        for (file, read) in [
            // The example of RFC 8461 3.2.
            (
                "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n",
                Ok((
                    Mode::Enforce,
                    "mail.example.com *.example.net backupmx.example.com",
                    604_800,
                )),
            ),
            (
                "version:STSv1\r\nmode :  testing \r\nmx:\tA.Example\r\nmax_age: 0",
                Ok((Mode::Testing, "a.example", 0)),
            ),
            (
                "version: STSv1\nmode: none\nmax_age: 9999999999\n",
                Ok((Mode::None, "", 9_999_999_999)),
            ),
            (
                "mode: enforce\nmode: none\nmx: a.example\nmax_age: 1\nversion: STSv1\nx: y\n",
                Ok((Mode::Enforce, "a.example", 1)),
            ),
            (
                "version: STSv2\nmode: none\nmax_age: 1\n",
                Err("line 1: version is \"STSv2\", only STSv1 exists"),
            ),
            (
                "version: STSv1\nmode: Enforce\n",
                Err("line 2: mode is \"Enforce\"; there are enforce, testing, none"),
            ),
            (
                "version: STSv1\nmode: enforce\nmax_age: 1\n",
                Err("mx is missing"),
            ),
            ("version: STSv1\nmode: none\n", Err("max_age is missing")),
            (
                "version: STSv1\nmode: none\nmax_age: -1\n",
                Err("line 3: max_age is \"-1\"; 1 to 10 digits are allowed"),
            ),
            (
                "version: STSv1\nmx: *.*.example\n",
                Err(
                    "line 2: \"*.example\" is not a domain name: letters, digits, hyphen and underscore are allowed",
                ),
            ),
            ("<html>", Err("line 1: not of the form key: value")),
            ("", Err("version is missing")),
        ] {
            let expected = read
                .map(|(mode, mx, age)| (mode, mx.to_owned(), age))
                .map_err(|why| PolicyError(why.to_owned()));
            let found = Policy::parse(file.as_bytes()).map(|policy| {
                let mx: Vec<_> = policy.mx.iter().map(ToString::to_string).collect();
                (policy.mode, mx.join(" "), policy.max_age)
            });
            assert_eq!(found, expected, "{file}");
        }
        assert!(Policy::parse(&vec![b'\n'; limits::FETCH_BODY + 1]).is_err());
        assert!(Policy::parse(b"version: STSv1\nmode: none\nmax_age: 1\nx: \xff").is_err());
    }

    #[test]
    fn only_a_plain_200_counts() {
        let body = b"version: STSv1\nmode: none\nmax_age: 1\n";
        for (status, media_type, counts) in [
            (200, Some("text/plain"), true),
            (200, Some("Text/Plain; charset=utf-8"), true),
            (200, Some("text/html"), false),
            (200, None, false),
            (301, Some("text/plain"), false),
            (404, Some("text/plain"), false),
        ] {
            assert_eq!(read_response(status, media_type, body).is_ok(), counts);
        }
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        for (pattern, host, matches) in [
            ("mx.example.org", "mx.example.org", true),
            ("mx.example.org", "a.mx.example.org", false),
            ("*.example.org", "mx.example.org", true),
            ("*.example.org", "a.mx.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.example.org", "badexample.org", false),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(
                pattern.matches(&Domain::parse(host).unwrap()),
                matches,
                "{pattern} {host}"
            );
        }
    }

    #[test]
    fn nothing_is_kept_for_more_than_a_year() {
        let policy = Policy {
            mode: Mode::None,
            mx: Vec::new(),
            max_age: u64::MAX,
        };
        assert_eq!(policy.lifetime(), Duration::from_secs(LONGEST_AGE));
    }
}
