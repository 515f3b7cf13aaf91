//! Our own MTA-STS policy: its text and its id (RFC 8461 3).

use crate::base::{Domain, NameError, Zone};
use crate::cases;

/// How long senders may keep the policy, in seconds.
const MAX_AGE: u32 = 86_400;
/// The longest id (RFC 8461 3.1).
const ID: usize = 32;

/// The policy file of `et`: enforced, for the hosts that the case table puts into it; lines end with CRLF.
///
/// # Errors
/// When the base domain is too long to have these names below it.
pub fn text(base_domain: &Domain) -> Result<String, NameError> {
    let mut text = String::from("version: STSv1\r\nmode: enforce\r\n");
    for case in cases::hosts().filter(|case| case.in_policy) {
        if let Some(name) = cases::relative_name(case.server) {
            text.push_str(&format!("mx: {}\r\n", base_domain.below(&name)?));
        }
    }
    text.push_str(&format!("max_age: {MAX_AGE}\r\n"));
    Ok(text)
}

/// The host that serves the policy: `mta-sts.et.BASE` (RFC 8461 3.3).
///
/// # Errors
/// As [`text`].
pub fn host(base_domain: &Domain) -> Result<Domain, NameError> {
    base_domain.below(&format!("mta-sts.{}", Zone::Et.label()))
}

/// The id that the TXT record gives a policy with this text: the same for the same text, another for another.
#[must_use]
pub fn id(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut id = data_encoding::HEXLOWER.encode(digest.as_ref());
    id.truncate(ID);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lists_four_five_and_six() {
        let base = Domain::parse("example.org").unwrap();
        let text = text(&base).unwrap();
        assert_eq!(
            text,
            "version: STSv1\r\nmode: enforce\r\nmx: mx04.et.example.org\r\nmx: mx05.et.example.org\r\n\
             mx: mx06.et.example.org\r\nmax_age: 86400\r\n"
        );
        assert_eq!(id(&text).len(), 32);
        assert_ne!(id(&text), id(""));
        assert_eq!(host(&base).unwrap().as_str(), "mta-sts.et.example.org");
    }
}
