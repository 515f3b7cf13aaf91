//! MTA-STS (RFC 8461): the TXT record, the policy file, which hosts a policy permits, and how long it holds.
//!
//! Pure; fetching and storing are for others.

mod cache;
mod policy;

pub use cache::{Cache, Plan};
pub use policy::{LONGEST_AGE, Mode, Pattern, Policy, PolicyError, read_response};

use crate::base::{Domain, NameError};
use std::fmt;

/// Where a domain's record is: `_mta-sts.DOMAIN` (RFC 8461 3.1).
///
/// # Errors
/// When the name becomes too long.
pub fn record_name(domain: &Domain) -> Result<Domain, NameError> {
    domain.below("_mta-sts")
}

/// The host that a domain's policy is fetched from: `mta-sts.DOMAIN` (RFC 8461 3.2).
///
/// # Errors
/// When the name becomes too long.
pub fn policy_host(domain: &Domain) -> Result<Domain, NameError> {
    domain.below("mta-sts")
}

/// The path of the policy on its host (RFC 8461 3.3).
pub const POLICY_PATH: &str = "/.well-known/mta-sts.txt";

/// Why a domain has no MTA-STS record that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// No text begins with `v=STSv1`.
    None,
    /// More than one does, so none counts (RFC 8461 3.1).
    Several(usize),
    /// The only one is malformed; the text says where.
    Syntax(String),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no MTA-STS record"),
            Self::Several(count) => write!(f, "{count} MTA-STS records, exactly one is allowed"),
            Self::Syntax(why) => write!(f, "malformed MTA-STS record: {why}"),
        }
    }
}

/// The id of the policy in the texts found at [`record_name`]: of exactly one record that begins with `v=STSv1`
/// (RFC 8461 3.1). Texts of other kinds are passed over.
///
/// # Errors
/// When there is no such record, more than one, or it is malformed.
pub fn record_id<T: AsRef<str>>(texts: &[T]) -> Result<String, RecordError> {
    let mut records = texts.iter().filter_map(|text| {
        let rest = text.as_ref().strip_prefix("v=STSv1")?;
        (rest.is_empty() || rest.starts_with([';', ' ', '\t'])).then_some(rest)
    });
    let record = records.next().ok_or(RecordError::None)?;
    match records.count() {
        0 => id_among(record),
        more => Err(RecordError::Several(more + 1)),
    }
}

fn id_among(fields: &str) -> Result<String, RecordError> {
    let wrong = |why: &str| Err(RecordError::Syntax(why.to_owned()));
    let Some(fields) = fields.trim_matches([' ', '\t']).strip_prefix(';') else {
        return wrong("a semicolon must follow the version");
    };
    let fields = fields.strip_suffix(';').unwrap_or(fields);
    let mut id = None;
    for field in fields.split(';') {
        match field.trim_matches([' ', '\t']).split_once('=') {
            Some(("id", value)) if id.is_none() => id = Some(value),
            Some(("id", _)) => return wrong("more than one id"),
            Some((name, value)) if is_extension_name(name) && !value.is_empty() => {}
            _ => return wrong("a field must be name=value"),
        }
    }
    match id {
        None => wrong("the id is missing"),
        Some(id) if is_id(id) => Ok(id.to_owned()),
        Some(_) => wrong("the id must be 1 to 32 letters and digits"),
    }
}

fn is_id(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `sts-ext-name` of RFC 8461 3.1.
fn is_extension_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_well_formed_record_counts() {
        let syntax = |why: &str| Err(RecordError::Syntax(why.to_owned()));
        for (texts, id) in [
            (&["v=STSv1; id=20160831085700Z;"][..], Ok("20160831085700Z")),
            (&["v=STSv1;id=1"], Ok("1")),
            (&["v=STSv1 ; x-y=1 ; id=a1 ; "], Ok("a1")),
            (&["v=spf1 -all", "v=STSv1; id=7"], Ok("7")),
            (&["v=STSv10; id=7"], Err(RecordError::None)),
            (&[], Err(RecordError::None)),
            (&["V=STSv1; id=7"], Err(RecordError::None)),
            (
                &["v=STSv1; id=7", "v=STSv1; id=8"],
                Err(RecordError::Several(2)),
            ),
            (&["v=STSv1"], syntax("a semicolon must follow the version")),
            (
                &["v=STSv1; id=a-b"],
                syntax("the id must be 1 to 32 letters and digits"),
            ),
            (&["v=STSv1; id=a; id=b"], syntax("more than one id")),
            (&["v=STSv1; mode=x"], syntax("the id is missing")),
            (&["v=STSv1; id"], syntax("a field must be name=value")),
        ] {
            assert_eq!(record_id(texts), id.map(str::to_owned), "{texts:?}");
        }
    }
}
