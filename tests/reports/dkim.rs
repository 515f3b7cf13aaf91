//! DKIM signatures checked without the code that made them, by the letter of RFC 6376 and RFC 8463; and by mail-auth.

use data_encoding::BASE64;
use mail_auth::common::parse::TxtRecordParser as _;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::TokioResolver;
use mail_auth::hickory_resolver::config::ResolverConfig;
use mail_auth::hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::{AuthenticatedMessage, MessageAuthenticator, Parameters, ResolverCache, Txt};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

/// One DKIM-Signature header.
pub struct Signature {
    /// The header, folded as it is.
    header: String,
    tags: HashMap<String, String>,
}

/// Head of a message as headers, folded, and its body.
fn split(mail: &str) -> (Vec<String>, &str) {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let mut headers: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match headers.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push_str("\r\n");
                last.push_str(line);
            }
            _ => headers.push(line.to_owned()),
        }
    }
    (headers, body)
}

pub fn signatures(mail: &str) -> Vec<Signature> {
    let (headers, _) = split(mail);
    headers
        .into_iter()
        .filter(|header| header.starts_with("DKIM-Signature:"))
        .map(|header| {
            let (_, value) = header.split_once(':').unwrap();
            let tags = value
                .split(';')
                .filter_map(|tag| tag.split_once('='))
                .map(|(name, value)| {
                    let bare = value.chars().filter(|c| !c.is_whitespace()).collect();
                    (name.trim().to_owned(), bare)
                })
                .collect();
            Signature { header, tags }
        })
        .collect()
}

fn squeezed(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ' ' | '\t' if out.ends_with(' ') => {}
            ' ' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// RFC 6376 3.4.2.
fn relaxed_header(header: &str) -> String {
    let (name, value) = header.split_once(':').unwrap();
    let value = squeezed(&value.replace("\r\n", ""));
    format!("{}:{}", name.trim_end().to_ascii_lowercase(), value.trim())
}

/// RFC 6376 3.4.4.
fn relaxed_body(body: &str) -> String {
    let mut lines: Vec<String> = body
        .split("\r\n")
        .map(|line| squeezed(line).trim_end_matches(' ').to_owned())
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

impl Signature {
    pub fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map_or("", String::as_str)
    }

    pub fn verify(&self, mail: &str, record: &str) -> Result<(), String> {
        let (headers, body) = split(mail);
        let hash = digest(&SHA256, relaxed_body(body).as_bytes());
        if BASE64.encode(hash.as_ref()) != self.tag("bh") {
            return Err("body".to_owned());
        }
        let mut left: Vec<&String> = headers.iter().collect();
        let mut signed = String::new();
        for name in self.tag("h").split(':') {
            let named = |header: &&String| {
                let (other, _) = header.split_once(':').unwrap();
                other.eq_ignore_ascii_case(name)
            };
            // The last one first (RFC 6376 5.4.2); absent ones count as empty.
            if let Some(index) = left.iter().rposition(named) {
                signed.push_str(&relaxed_header(left.remove(index)));
                signed.push_str("\r\n");
            }
        }
        let bare = match self.header.rfind("b=") {
            Some(at) if !self.header[at..].contains(';') => self.header[..at + 2].to_owned(),
            Some(at) => {
                let end = at + self.header[at..].find(';').unwrap();
                format!("{}{}", &self.header[..at + 2], &self.header[end..])
            }
            None => return Err("no b=".to_owned()),
        };
        signed.push_str(&relaxed_header(&bare));
        let key = record.rsplit("p=").next().unwrap();
        let key = BASE64.decode(key.as_bytes()).unwrap();
        let value = BASE64.decode(self.tag("b").as_bytes()).unwrap();
        let verified = match self.tag("a") {
            // ring wants the RSAPublicKey inside the SubjectPublicKeyInfo, which begins after 24 octets.
            "rsa-sha256" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key[24..])
                .verify(signed.as_bytes(), &value),
            // RFC 8463 3: the digest is what is signed.
            "ed25519-sha256" => UnparsedPublicKey::new(&ED25519, &key)
                .verify(digest(&SHA256, signed.as_bytes()).as_ref(), &value),
            other => return Err(other.to_owned()),
        };
        verified.map_err(|_| "signature".to_owned())
    }
}

/// Records as if they came from the DNS.
struct Records(HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Records {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// What mail-auth says of each signature, given these selectors and records.
pub async fn by_mail_auth(mail: &str, records: &[(String, String)]) -> Vec<String> {
    let records = records
        .iter()
        .map(|(selector, text)| {
            let key = DomainKey::parse(text.as_bytes()).unwrap();
            let name = format!("{selector}._domainkey.et.example.org.");
            (name.into_boxed_str(), Txt::DomainKey(Arc::new(key)))
        })
        .collect();
    let records = Records(records);
    let resolver = TokioResolver::builder_with_config(
        ResolverConfig::default(),
        TokioRuntimeProvider::default(),
    );
    let authenticator = MessageAuthenticator(resolver.build().unwrap());
    let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
    let outputs = authenticator
        .verify_dkim(Parameters::new(&message).with_txt_cache(&records))
        .await;
    outputs
        .iter()
        .map(|output| format!("{:?}", output.result()))
        .collect()
}
