//! TSIG keys (RFC 8945), in the form that `tsig-keygen` writes and `dig -k` reads:
//!
//! ```text
//! key "NAME" {
//!     algorithm hmac-sha256;
//!     secret "BASE64";
//! };
//! ```

use super::KeyError;
use crate::base::limits;
use crate::base::ports::Random;
use data_encoding::BASE64;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, TSigner};
use std::fmt;

/// How far the clocks of the two sides may differ, in seconds (RFC 8945 10).
const FUDGE: u16 = 300;
/// Octets of a secret that is made here: as long as the MAC (RFC 8945 10).
const MADE: usize = 32;

const ALGORITHMS: [(&str, TsigAlgorithm); 3] = [
    ("hmac-sha256", TsigAlgorithm::HmacSha256),
    ("hmac-sha384", TsigAlgorithm::HmacSha384),
    ("hmac-sha512", TsigAlgorithm::HmacSha512),
];

/// A key that a secondary shares with us.
#[derive(Clone, PartialEq, Eq)]
pub struct TsigKey {
    name: String,
    algorithm: usize,
    secret: Vec<u8>,
}

/// Without the secret.
impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TsigKey({} {})", self.name, self.algorithm().0)
    }
}

impl TsigKey {
    /// A new key of this name: hmac-sha256 with 32 random octets.
    #[must_use]
    pub fn generate(name: &str, random: &dyn Random) -> Self {
        let mut secret = vec![0; MADE];
        random.fill(&mut secret);
        Self {
            name: name.to_owned(),
            algorithm: 0,
            secret,
        }
    }

    /// Reads one key. Comments from `#` or `//` to the end of a line are passed over.
    ///
    /// # Errors
    /// What is wrong with the text, without any of it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let wrong = |why: &str| KeyError(why.to_owned());
        let form =
            "is not of the form: key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };";
        let words = words(text).ok_or_else(|| wrong(form))?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (name, algorithm, secret) = match words[..] {
            [
                "key",
                name,
                "{",
                "algorithm",
                algorithm,
                ";",
                "secret",
                secret,
                ";",
                "}",
                ";",
            ]
            | [
                "key",
                name,
                "{",
                "secret",
                secret,
                ";",
                "algorithm",
                algorithm,
                ";",
                "}",
                ";",
            ] => (name, algorithm, secret),
            _ => return Err(wrong(form)),
        };
        let algorithm = algorithm.trim_end_matches('.');
        let algorithm = ALGORITHMS
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(algorithm))
            .ok_or_else(|| {
                wrong("the algorithm is not one of hmac-sha256, hmac-sha384, hmac-sha512")
            })?;
        let secret = BASE64
            .decode(secret.as_bytes())
            .map_err(|_| wrong("the secret is not base 64"))?;
        let (least, most) = limits::TSIG_SECRET;
        if !(least..=most).contains(&secret.len()) {
            let why = format!("the secret has not {least} to {most} octets");
            return Err(KeyError(why));
        }
        Ok(Self {
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            algorithm,
            secret,
        })
    }

    /// The text that [`TsigKey::parse`] reads; it holds the secret.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "key \"{}\" {{\n\talgorithm {};\n\tsecret \"{}\";\n}};\n",
            self.name,
            self.algorithm().0,
            BASE64.encode(&self.secret)
        )
    }

    /// The name, lower case, without a dot at its end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What signs and verifies messages with this key.
    ///
    /// # Errors
    /// When the name is no domain name.
    pub fn signer(&self) -> Result<TSigner, KeyError> {
        let failed = |error: &dyn fmt::Display| KeyError(format!("{}: {error}", self.name));
        let name = Name::from_ascii(&self.name).map_err(|error| failed(&error))?;
        let algorithm = self.algorithm().1.clone();
        TSigner::new(self.secret.clone(), algorithm, name, FUDGE).map_err(|error| failed(&error))
    }

    fn algorithm(&self) -> &'static (&'static str, TsigAlgorithm) {
        // The index was found in this very table.
        &ALGORITHMS[self.algorithm]
    }
}

/// The words of a configuration in BIND's manner: bare ones, quoted ones without their quotes, and `{`, `}`, `;`.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '#' => break,
                '/' if rest.starts_with("//") => break,
                '{' | '}' | ';' => 1,
                '"' => {
                    let (quoted, behind) = rest[1..].split_once('"')?;
                    words.push(quoted.to_owned());
                    rest = behind.trim_start();
                    continue;
                }
                _ => {
                    let ends = |c: char| c.is_whitespace() || "{};\"".contains(c);
                    rest.find(ends).unwrap_or(rest.len())
                }
            };
            let (word, behind) = rest.split_at(length);
            words.push(word.to_owned());
            rest = behind.trim_start();
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let made = TsigKey::generate("ns.example.net", &Sevens);
        assert_eq!(TsigKey::parse(&made.text()), Ok(made.clone()));
        let digits = BASE64.encode(&[7; 32]);
        let expected = format!(
            "key \"ns.example.net\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{digits}\";\n}};\n"
        );
        assert_eq!(made.text(), expected);
        assert_eq!(format!("{made:?}"), "TsigKey(ns.example.net hmac-sha256)");
        let signer = made.signer().unwrap();
        assert_eq!(signer.signer_name().to_string(), "ns.example.net.");
        assert_eq!(signer.key(), [7; 32]);
    }

    #[test]
    fn what_operators_have_is_read_and_what_is_no_key_is_refused() {
        let secret = BASE64.encode(&[7; 32]);
        for (text, expected) in [
            (
                format!(
                    "# made by hand\nkey NS.Example.net. {{ secret {secret}; // old\n algorithm HMAC-SHA512; }};"
                ),
                Ok("TsigKey(ns.example.net hmac-sha512)"),
            ),
            (
                format!("key k{{algorithm hmac-sha384.;secret\"{secret}\";}};"),
                Ok("TsigKey(k hmac-sha384)"),
            ),
            (
                format!("key k {{ algorithm hmac-md5; secret \"{secret}\"; }};"),
                Err("the algorithm is not one of"),
            ),
            (
                "key k { algorithm hmac-sha256; secret \"?\"; };".to_owned(),
                Err("the secret is not base 64"),
            ),
            (
                "key k { algorithm hmac-sha256; secret \"AAAA\"; };".to_owned(),
                Err("the secret has not 16 to 512 octets"),
            ),
            (
                format!("key k {{ algorithm hmac-sha256; secret \"{secret}; }};"),
                Err("is not of the form: key"),
            ),
            (
                format!("key k {{ algorithm hmac-sha256; secret {secret}; }}; key l"),
                Err("is not of the form: key"),
            ),
            (String::new(), Err("is not of the form: key")),
        ] {
            match (TsigKey::parse(&text), expected) {
                (Ok(key), Ok(expected)) => assert_eq!(format!("{key:?}"), expected),
                (Err(error), Err(expected)) => {
                    assert!(error.0.starts_with(expected), "{text}: {error}");
                    assert!(!error.0.contains(&secret));
                }
                (read, expected) => panic!("{text}: {read:?}, not {expected:?}"),
            }
        }
    }
}
