//! The TXT records that SPF, DKIM, ARC and DMARC want, looked up by our own resolver.
//!
//! mail-auth looks for a record in a cache, which cannot wait, before it asks a resolver of another make. Here a check
//! runs on what is known; what it missed is looked up, and it runs again until it misses nothing.

use crate::base::{Domain, Lookup};
use crate::dial::resolver::Resolver;
use hickory_proto::op::ResponseCode;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dkim::Atps;
use mail_auth::dmarc::Dmarc;
use mail_auth::spf::Spf;
use mail_auth::{DnsError, Error, ResolverCache, Txt};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The records for the checks of one message.
pub(super) struct Texts {
    resolver: Resolver,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<Box<str>, Txt>,
    missed: Vec<Box<str>>,
}

impl Texts {
    /// None yet; this resolver will be asked.
    pub(super) fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            state: Mutex::default(),
        }
    }

    /// Runs a check until it has had every record that it wanted.
    pub(super) async fn settle<'a, T, F: Future<Output = T>>(
        &'a self,
        check: impl Fn(&'a Self) -> F,
    ) -> T {
        loop {
            let done = check(self).await;
            let missed = mem::take(&mut self.state().missed);
            if missed.is_empty() {
                return done;
            }
            for name in missed {
                let record = match Domain::parse(&name) {
                    Ok(domain) => record(&name, &self.resolver.txt(&domain).await),
                    Err(_) => Txt::Error(Error::ParseError),
                };
                self.state().known.insert(name, record);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolverCache<Box<str>, Txt> for Texts {
    /// The record; one that is missed is a failure for now, so that nothing is concluded from it.
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut state = self.state();
        if let Some(record) = state.known.get(name) {
            return Some(record.clone());
        }
        let name = Spelled::name(name)?;
        if !state.missed.contains(&name) {
            state.missed.push(name);
        }
        Some(failed("not asked yet"))
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

/// Spells out what is hashed: of the name that is looked for, the trait shows nothing else.
#[derive(Default)]
struct Spelled(Vec<u8>);

impl Spelled {
    fn name(name: &(impl Hash + ?Sized)) -> Option<Box<str>> {
        let mut spelled = Self::default();
        name.hash(&mut spelled);
        // Behind a text comes one octet that is in none.
        let (_, text) = spelled.0.split_last()?;
        std::str::from_utf8(text).ok().map(Box::from)
    }
}

impl Hasher for Spelled {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }
}

/// The record among the texts at a name, which says what it is for.
fn record(name: &str, found: &Lookup<String>) -> Txt {
    if let Some(why) = &found.failed {
        return failed(why);
    }
    let texts = &found.records;
    if name.starts_with("_dmarc.") {
        // RFC 9989 4.10.1: of several records none applies.
        match texts
            .iter()
            .filter(|text| is(text, "v=DMARC1", ';'))
            .count()
        {
            0 | 1 => first::<Dmarc>(texts),
            _ => first::<Dmarc>(&[]),
        }
    } else if name.contains("._domainkey.") {
        first::<DomainKey>(texts)
    } else if name.contains("._atps.") {
        first::<Atps>(texts)
    } else {
        // RFC 7208 4.5: several records are a permanent error.
        match texts.iter().filter(|text| is(text, "v=spf1", ' ')).count() {
            0 | 1 => first::<Spf>(texts),
            _ => Txt::Error(Error::ParseError),
        }
    }
}

/// Whether a text begins with this version.
fn is(text: &str, version: &str, end: char) -> bool {
    let first = text.split(end).next().unwrap_or_default();
    first.trim_end().eq_ignore_ascii_case(version)
}

/// The first text that is such a record.
fn first<T: TxtRecordParser + Into<Txt>>(texts: &[String]) -> Txt {
    let mut best = Err(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain)));
    for text in texts {
        best = T::parse(text.as_bytes());
        if best.is_ok() {
            break;
        }
    }
    best.into()
}

fn failed(why: &str) -> Txt {
    Txt::Error(Error::Dns(DnsError::Resolver(why.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Security;
    use crate::dial::{Dial, Settings};

    #[test]
    fn what_is_missed_is_known_by_its_name() {
        let dial = Dial::new(Settings {
            resolvers: vec!["127.0.0.1:1".parse().unwrap()],
            ..Settings::default()
        });
        let texts = Texts::new(dial.unwrap().resolver().clone());
        for name in ["a.example.", "b.example.", "a.example."] {
            let found = texts.get(name).unwrap();
            assert!(matches!(
                found,
                Txt::Error(Error::Dns(DnsError::Resolver(_)))
            ));
        }
        assert_eq!(
            texts.state().missed,
            [Box::from("a.example."), Box::from("b.example.")]
        );
        let known = Txt::Error(Error::ParseError);
        texts.state().known.insert("a.example.".into(), known);
        let found = texts.get("a.example.").unwrap();
        assert!(matches!(found, Txt::Error(Error::ParseError)));
    }

    #[test]
    fn a_name_says_which_record_is_wanted_there() {
        let is = |txt: &Txt| match txt {
            Txt::Spf(_) => "spf",
            Txt::Dmarc(_) => "dmarc",
            Txt::DomainKey(_) => "key",
            Txt::Error(Error::Dns(DnsError::RecordNotFound(_))) => "none",
            Txt::Error(Error::Dns(DnsError::InvalidRecordType)) => "other",
            Txt::Error(Error::ParseError) => "broken",
            _ => "unexpected",
        };
        for (name, texts, expected) in [
            ("a.example.", &["other", "v=spf1 -all"][..], "spf"),
            ("a.example.", &["v=spf1 -all", "v=spf1"], "broken"),
            ("a.example.", &["V=SPF1 -all", "v=spf10 -all"], "spf"),
            ("a.example.", &["v=DMARC1; p=none"], "other"),
            ("a.example.", &[], "none"),
            ("_dmarc.a.example.", &["v=DMARC1; p=none", "x"], "dmarc"),
            (
                "_dmarc.a.example.",
                &["v=DMARC1; p=none", "v=DMARC1 ;p=reject"],
                "none",
            ),
            (
                "s._domainkey.a.example.",
                &["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
                "key",
            ),
        ] {
            let records = texts.iter().map(|text| (*text).to_owned()).collect();
            let found = Lookup::found(records, Security::Insecure);
            assert_eq!(is(&record(name, &found)), expected, "{name} {texts:?}");
        }
        let failed = Lookup::failure(Security::Bogus, "forged".to_owned());
        let found = record("a.example.", &failed);
        assert!(matches!(
            found,
            Txt::Error(Error::Dns(DnsError::Resolver(_)))
        ));
    }
}
