//! Domain names and mail addresses, as values that are right once they exist.

use super::limits;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One of the two test domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// With TLSA records and an MTA-STS policy, behind four MX hosts.
    Et,
    /// With neither, its own MX.
    Ut,
}

impl Zone {
    /// Both domains.
    pub const ALL: [Self; 2] = [Self::Et, Self::Ut];

    /// The label under the base domain.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Et => "et",
            Self::Ut => "ut",
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// Why a text is no name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError(pub String);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NameError {}

/// A host or domain name: A-labels, lower case, without the final dot, 253 octets at most (RFC 1035 2.3.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Domain(String);

impl Domain {
    /// Reads a name in any case, with U-labels or A-labels, with or without the final dot.
    ///
    /// # Errors
    /// When a label is empty or longer than 63 octets, the name is longer than 253, or a character is not allowed.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = |why: &str| NameError(format!("{text:?} is not a domain name: {why}"));
        let bare = text.strip_suffix('.').unwrap_or(text);
        let ascii = if bare.is_ascii() {
            bare.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(bare).map_err(|_| wrong("not a valid internationalised name"))?
        };
        if ascii.is_empty() || ascii.len() > 253 {
            return Err(wrong("1 to 253 characters are allowed"));
        }
        for label in ascii.split('.') {
            if label.is_empty() || label.len() > 63 {
                return Err(wrong("a label has 1 to 63 characters"));
            }
            if !label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            {
                return Err(wrong("letters, digits, hyphen and underscore are allowed"));
            }
        }
        Ok(Self(ascii))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The organisational domain: one label below the longest public suffix; the name itself when there is none.
    #[must_use]
    pub fn registrable(&self) -> Self {
        psl::domain_str(&self.0).map_or_else(|| self.clone(), |name| Self(name.to_owned()))
    }

    /// Whether this name is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0
            .strip_suffix(&other.0)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The name with one or more labels before it.
    ///
    /// # Errors
    /// As [`Domain::parse`].
    pub fn below(&self, labels: &str) -> Result<Self, NameError> {
        Self::parse(&format!("{labels}.{}", self.0))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

impl TryFrom<String> for Domain {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl FromStr for Domain {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A mail address; the local part as it was written, the domain case-folded (RFC 5321 2.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mailbox {
    /// The part before the last `@`, quotes included.
    pub local: String,
    /// The part behind it.
    pub domain: Domain,
}

impl Mailbox {
    /// Reads `local@domain` without angle brackets.
    ///
    /// # Errors
    /// When there is no `@`, the local part is empty, longer than 64 octets in an address of more than 254, or holds a control character, or, outside
    /// quotes, a space or a mark that means something else (RFC 5321 4.1.2), or the domain is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = |why: &str| NameError(format!("{text:?} is not a mail address: {why}"));
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| wrong("no @"))?;
        let quoted = is_quoted(local);
        let domain = Domain::parse(domain)?;
        // The senders that forwarders and lists make of others have long local parts.
        let long = local.len() > limits::LOCAL_PART
            && local.len() + 1 + domain.as_str().len() > limits::ADDRESS;
        if local.is_empty() || long {
            return Err(wrong("1 to 64 characters before the @, or 254 in all"));
        }
        let bad =
            |c: char| c.is_control() || (!quoted && (c == ' ' || "<>(),:;@[]\\\"".contains(c)));
        if local.chars().any(bad) {
            return Err(wrong("a character before the @ is not allowed"));
        }
        Ok(Self {
            local: local.to_owned(),
            domain,
        })
    }

    /// The address with the local part hidden but for its first and last character: `j***m@example.org`.
    /// A local part of one or two characters is hidden whole.
    #[must_use]
    pub fn redacted(&self) -> String {
        let mut chars = self.local.chars();
        match (chars.next(), chars.next_back()) {
            (Some(first), Some(last)) if self.local.chars().count() > 2 => {
                format!("{first}***{last}@{}", self.domain)
            }
            _ => format!("***@{}", self.domain),
        }
    }
}

/// Whether a local part is one quoted string from end to end (RFC 5321 4.1.2).
fn is_quoted(local: &str) -> bool {
    let inside = (local.strip_prefix('"')).and_then(|rest| rest.strip_suffix('"'));
    let mut escaped = false;
    let whole = inside.is_some_and(|inside| {
        inside.chars().all(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            !ends
        })
    });
    whole && !escaped
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.to_string()
    }
}

impl TryFrom<String> for Mailbox {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl FromStr for Mailbox {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_checked() {
        for (text, name) in [
            ("Example.ORG.", Some("example.org")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("_25._tcp.mx.example", Some("_25._tcp.mx.example")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("a b.example", None),
            (&"a".repeat(64), None),
        ] {
            let read = Domain::parse(text).ok();
            assert_eq!(read.as_ref().map(Domain::as_str), name, "{text}");
        }
    }

    #[test]
    fn organisational_domains_follow_the_public_suffix_list() {
        for (name, organisation) in [
            ("mail.example.co.uk", "example.co.uk"),
            ("example.org", "example.org"),
            ("a.b.sender.lab", "sender.lab"),
            ("localhost", "localhost"),
        ] {
            let name = Domain::parse(name).unwrap();
            assert_eq!(name.registrable().as_str(), organisation);
        }
    }

    #[test]
    fn a_name_lies_within_itself_and_its_parents() {
        let name = |text| Domain::parse(text).unwrap();
        assert!(name("mx.example.org").is_within(&name("example.org")));
        assert!(name("example.org").is_within(&name("example.org")));
        assert!(!name("badexample.org").is_within(&name("example.org")));
    }

    #[test]
    fn addresses_are_read_and_redacted() {
        let local = |length| "l".repeat(length);
        let domain = [local(63), local(63), local(63), local(61)].join(".");
        for (text, redacted) in [
            ("jim@Example.org", Some("j***m@example.org")),
            ("ab@example.org", Some("***@example.org")),
            ("\"a b\"@example.org", Some("\"***\"@example.org")),
            (r#""a\"@b"@example.org"#, Some(r#""***"@example.org"#)),
            ("a b@example.org", None),
            ("a@b@example.org", None),
            (r#""a"@b,c"@example.org"#, None),
            (r#""a\"@example.org"#, None),
            ("\"@example.org", None),
            ("example.org", None),
            ("@example.org", None),
            (
                &format!("{}@{domain}", local(64)),
                Some(&*format!("l***l@{domain}")),
            ),
            (&format!("{}@{domain}", local(65)), None),
            (
                &format!("{}@example.org", local(242)),
                Some("l***l@example.org"),
            ),
            (&format!("{}@example.org", local(243)), None),
        ] {
            let read = Mailbox::parse(text).ok().map(|mailbox| mailbox.redacted());
            assert_eq!(read.as_deref(), redacted, "{text}");
        }
    }
}
