//! Where trust starts: DS and DNSKEY records that the operator holds (RFC 4033 5). Pure.

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_proto::dnssec::{PublicKey, TrustAnchors};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::txt::trust_anchor::{Entry, Parser};
use std::fmt;

/// Trust anchors as they were written.
#[derive(Clone, Debug)]
pub struct Anchors(Vec<(Name, Anchor)>);

#[derive(Clone, Debug)]
enum Anchor {
    Digest(DS),
    Key(DNSKEY),
}

/// Which line of the anchors is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub why: String,
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for AnchorError {}

impl Anchors {
    /// Reads DS and DNSKEY records in presentation form, one a line, such as `. IN DS 20326 8 2 E06D44B8...`;
    /// `;` starts a comment.
    ///
    /// # Errors
    /// When a line is neither, or there is none.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let mut anchors = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let words: Vec<_> = line
                .split(';')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            if !words.is_empty() {
                let line = index + 1;
                anchors.push(anchor(&words).map_err(|why| AnchorError { line, why })?);
            }
        }
        if anchors.is_empty() {
            let why = "no trust anchor; DS or DNSKEY records are allowed".to_owned();
            return Err(AnchorError { line: 1, why });
        }
        Ok(Self(anchors))
    }

    /// The zone that the first anchor is of.
    pub(super) fn first(&self) -> Option<Name> {
        self.0.first().map(|(zone, _)| zone.clone())
    }

    /// The zones whose keys must be fetched, since only a digest of them is known.
    pub(super) fn digested(&self) -> Vec<Name> {
        let mut zones: Vec<_> = self
            .0
            .iter()
            .filter(|(_, anchor)| matches!(anchor, Anchor::Digest(_)))
            .map(|(zone, _)| zone.clone())
            .collect();
        zones.dedup();
        zones
    }

    /// The trusted keys: those written, and those of the fetched ones that a digest names.
    pub(super) fn trusted(&self, fetched: &[(Name, DNSKEY)]) -> TrustAnchors {
        let mut trusted = TrustAnchors::empty();
        let mut trust = |zone: &Name, key: &DNSKEY| {
            trusted.insert_with_name(key.public_key(), zone.into());
        };
        for (zone, anchor) in &self.0 {
            match anchor {
                Anchor::Key(key) => trust(zone, key),
                Anchor::Digest(digest) => {
                    let named = |(owner, key): &&(Name, DNSKEY)| {
                        owner == zone && digest.covers(owner, key).unwrap_or(false)
                    };
                    for (_, key) in fetched.iter().filter(named) {
                        trust(zone, key);
                    }
                }
            }
        }
        trusted
    }
}

/// One record, as words: owner, perhaps TTL and class, type, data.
fn anchor(words: &[&str]) -> Result<(Name, Anchor), String> {
    let owner = words.first().copied().unwrap_or_default();
    let mut zone = Name::from_ascii(owner).map_err(|error| format!("{owner:?}: {error}"))?;
    zone.set_fqdn(true);
    let noise = |word: &&str| word.eq_ignore_ascii_case("IN") || word.parse::<u32>().is_ok();
    let start = 1 + words.iter().skip(1).take_while(|word| noise(word)).count();
    let kind = words.get(start).copied().unwrap_or_default();
    let data = words.get(start + 1..).unwrap_or_default().join(" ");
    let anchor = match kind.to_ascii_uppercase().as_str() {
        "DS" => digest(&data),
        "DNSKEY" => key(&data),
        _ => {
            return Err(format!(
                "{kind:?} is no trust anchor; DS or DNSKEY is allowed"
            ));
        }
    };
    Ok((zone, anchor.map_err(|why| format!("{kind}: {why}"))?))
}

/// Tag, algorithm, digest type, digest (RFC 4034 5.3).
fn digest(data: &str) -> Result<Anchor, String> {
    match RData::try_from_str(RecordType::DS, data) {
        Ok(RData::DNSSEC(DNSSECRData::DS(digest))) if digest.digest_type().is_supported() => {
            Ok(Anchor::Digest(digest))
        }
        Ok(_) => Err("this type of digest is not supported; 2 and 4 are".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Flags, protocol, algorithm, key (RFC 4034 2.2).
fn key(data: &str) -> Result<Anchor, String> {
    let line = format!(". IN DNSKEY {data}\n");
    let read = Parser::new(line)
        .parse()
        .map_err(|error| error.to_string())?;
    match read.into_iter().next() {
        Some(Entry::DNSKEY(record))
            if record.data().zone_key()
                && record.data().public_key().algorithm().is_supported() =>
        {
            Ok(Anchor::Key(record.data().clone()))
        }
        _ => Err("no zone key, or an algorithm that is not supported".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";

    #[test]
    fn lines_are_read_as_other_resolvers_write_them() {
        for (text, zones) in [
            (
                "; root\n. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n",
                1,
            ),
            (
                ". 172800 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D084 58E880409BBC683457104237C7F8EC8D",
                1,
            ),
            (&format!("lab. DNSKEY {KEY} ; key"), 0),
        ] {
            let anchors = Anchors::parse(text).unwrap();
            assert_eq!(anchors.digested().len(), zones, "{text}");
        }
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, line) in [
            ("", 1),
            ("; nothing", 1),
            ("\n. IN A 192.0.2.1", 2),
            (". IN DS 20326 8", 1),
            (". IN DS x y z q", 1),
            (". IN DNSKEY 256 3 200 AAAA", 1),
            (". DNSKEY", 1),
        ] {
            let error = Anchors::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(
                error.why.contains("DS") || error.why.contains("DNSKEY"),
                "{error}"
            );
        }
    }

    #[test]
    fn only_keys_that_a_digest_names_are_trusted() {
        let zone = Name::from_ascii("lab.").unwrap();
        let Ok(Anchor::Key(key)) = key(KEY) else {
            panic!("not a key");
        };
        let digest = key
            .to_digest(&zone, hickory_proto::dnssec::DigestType::SHA256)
            .unwrap();
        let hex: String = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let tag = key.calculate_key_tag().unwrap();
        for (line, trusted) in [
            (format!("lab. DS {tag} 13 2 {hex}"), true),
            (format!("lab. DS {tag} 13 2 {}", "00".repeat(32)), false),
            (format!("other. DS {tag} 13 2 {hex}"), false),
        ] {
            let anchors = Anchors::parse(&line).unwrap();
            let keys = anchors.trusted(&[(zone.clone(), key.clone())]);
            let found = keys.contains_with_name(key.public_key(), &(&zone).into());
            assert_eq!(found, trusted, "{line}");
        }
    }
}
