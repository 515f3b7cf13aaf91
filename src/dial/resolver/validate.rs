//! One step of a look-up with its security: the records at one name, or the alias there, or their absence.
//!
//! hickory validates; it is handed one name at a time, without what other servers add about other names, since it takes
//! a denial behind an alias for a forged one. A failed question inside the chain of trust is told apart from a broken
//! chain here, which hickory does not do.

use super::anchors::Anchors;
use super::exchange::{Exchange, Question, Wish};
use super::{denial, reason, rename};
use crate::base::Security;
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::{DnsHandle, DnsResponseStream, FirstAnswer};
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::dnssec::{Proof, TrustAnchors};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys that a digest names are fetched again after this time.
const ANCHOR_AGE: Duration = Duration::from_secs(3600);
/// Validated sets remembered within one look-up.
const CHAIN: usize = 64;

/// The records at one name and what validation says of them.
pub(super) struct Step {
    /// Records of the type asked for, or the alias; empty when there are none.
    pub(super) records: Vec<Record>,
    /// What validation says of them or of their absence.
    pub(super) security: Security,
}

/// Why there is no step, and whether that is a forgery or a failure.
pub(super) struct Failure {
    /// [`Security::Bogus`] or [`Security::Unknown`].
    pub(super) security: Security,
    /// In words, for people.
    pub(super) why: String,
}

impl Failure {
    fn unknown(why: String) -> Self {
        let security = Security::Unknown;
        Self { security, why }
    }

    fn bogus(why: String) -> Self {
        let security = Security::Bogus;
        Self { security, why }
    }
}

/// Trusts the AD bit of the resolver.
pub(super) async fn upstream(
    exchange: &Exchange,
    name: &Name,
    kind: RecordType,
) -> Result<Step, Failure> {
    match exchange.ask(Question::new(name, kind, Wish::Checked)).await {
        Ok(message) => Ok(Step {
            security: if message.metadata.authentic_data {
                Security::Secure
            } else {
                Security::Insecure
            },
            records: reduced(message, name, kind).answers,
        }),
        Err(why) => {
            let unchecked = Question::new(name, kind, Wish::Unchecked);
            match exchange.ask(unchecked).await {
                Ok(message) => Err(Failure::bogus(reason::bogus(&message, name, kind))),
                Err(_) => Err(Failure::unknown(why)),
            }
        }
    }
}

/// Validates with keys of its own.
pub(super) struct Validator {
    exchange: Arc<Exchange>,
    anchors: Option<Anchors>,
    trusted: Mutex<Option<(Instant, Arc<TrustAnchors>)>>,
}

impl Validator {
    pub(super) fn new(exchange: Arc<Exchange>, anchors: Option<Anchors>) -> Self {
        Self {
            exchange,
            anchors,
            trusted: Mutex::new(None),
        }
    }

    /// The keys in which trust starts; those known by a digest are fetched.
    ///
    /// # Errors
    /// When they cannot be fetched, or no key fits any anchor.
    pub(super) async fn trusted(&self) -> Result<Arc<TrustAnchors>, Failure> {
        let held = || self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, trusted)) = held().as_ref()
            && since.elapsed() < ANCHOR_AGE
        {
            return Ok(Arc::clone(trusted));
        }
        let trusted = match &self.anchors {
            None => TrustAnchors::default(),
            Some(anchors) => self.fetched(anchors).await?,
        };
        let trusted = Arc::new(trusted);
        *held() = Some((Instant::now(), Arc::clone(&trusted)));
        Ok(trusted)
    }

    /// The zone in which trust starts.
    pub(super) fn start(&self) -> Name {
        let first = self.anchors.as_ref().and_then(Anchors::first);
        first.unwrap_or_else(Name::root)
    }

    async fn fetched(&self, anchors: &Anchors) -> Result<TrustAnchors, Failure> {
        let mut keys = Vec::new();
        for zone in anchors.digested() {
            let question = Question::new(&zone, RecordType::DNSKEY, Wish::Unchecked);
            let message = self
                .exchange
                .ask(question)
                .await
                .map_err(|why| Failure::unknown(format!("the keys of {zone}: {why}")))?;
            for record in message.answers {
                if let RData::DNSSEC(DNSSECRData::DNSKEY(key)) = record.data {
                    keys.push((record.name, key));
                }
            }
            let fits = |zone: &Name| {
                let trusted = anchors.trusted(&keys);
                let known = |key| trusted.contains_with_name(key, &zone.into());
                keys.iter().any(|(_, key)| known(key.public_key()))
            };
            if !fits(&zone) {
                let why = format!("no key of {zone} fits its trust anchor");
                return Err(Failure::bogus(why));
            }
        }
        Ok(anchors.trusted(&keys))
    }

    /// Looks up one name, without following an alias.
    pub(super) async fn step(&self, name: &Name, kind: RecordType) -> Result<Step, Failure> {
        match self.plain_step(name, kind).await {
            Err(failure) if failure.security == Security::Bogus => {
                self.renamed(name, kind).await.ok_or(failure)
            }
            step => step,
        }
    }

    /// The alias by a DNAME record above the name, with the security of that record.
    async fn renamed(&self, name: &Name, kind: RecordType) -> Option<Step> {
        let question = Question::new(name, kind, Wish::Unchecked);
        let message = self.exchange.ask(question).await.ok()?;
        let owner = rename::above(&message, name)?;
        let step = self.plain_step(&owner, RecordType::DNAME).await.ok()?;
        let alias = rename::alias(step.records.first()?, name)?;
        Some(Step {
            records: vec![alias],
            security: step.security,
        })
    }

    async fn plain_step(&self, name: &Name, kind: RecordType) -> Result<Step, Failure> {
        let handle = Handle {
            exchange: Arc::clone(&self.exchange),
            trouble: Arc::default(),
        };
        let validating = DnssecDnsHandle::with_trust_anchor(handle.clone(), self.trusted().await?)
            .validation_cache_size(CHAIN);
        let answer = validating
            .lookup(
                Query::query(name.clone(), kind),
                DnsRequestOptions::default(),
            )
            .first_answer()
            .await;
        let (message, security) = match answer {
            Ok(response) => {
                let security = weakest(&response);
                (response.into_message(), security)
            }
            Err(NetError::Dns(DnsError::Nsec {
                response, proof, ..
            })) => {
                let message = response.into_message();
                let proven =
                    weakest(&message) == Security::Secure && denial::expanded(&message, name, kind);
                let security = if proven {
                    Security::Secure
                } else {
                    security(proof)
                };
                (message, security)
            }
            Err(error) => return Err(Failure::unknown(handle.trouble(&error.to_string()))),
        };
        let security = if message.answers.is_empty() && !denial::concerns(&message, name) {
            Security::Bogus
        } else {
            security
        };
        match security {
            Security::Bogus | Security::Unknown if handle.troubled() => {
                Err(Failure::unknown(handle.trouble("the chain of trust")))
            }
            Security::Bogus => Err(Failure::bogus(reason::bogus(&message, name, kind))),
            Security::Unknown => Err(Failure::unknown("validation came to no end".to_owned())),
            _ => Ok(Step {
                records: reduced(message, name, kind).answers,
                security,
            }),
        }
    }
}

/// What hickory asks its questions with: our exchange, with a memory of what failed.
#[derive(Clone)]
struct Handle {
    exchange: Arc<Exchange>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Handle {
    fn troubled(&self) -> bool {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.is_some()
    }

    /// What failed first, else what is given.
    fn trouble(&self, otherwise: &str) -> String {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone().unwrap_or_else(|| otherwise.to_owned())
    }
}

impl DnsHandle for Handle {
    type Response = DnsResponseStream;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let handle = self.clone();
        let answer = async move {
            let Some(query) = request.queries.first() else {
                return Err(NetError::from("no question"));
            };
            let (name, kind) = (query.name(), query.query_type());
            let question = Question::new(name, kind, Wish::Unchecked);
            match handle.exchange.ask(question).await {
                Ok(message) => Ok(DnsResponse::from_message(reduced(message, name, kind))?),
                Err(why) => {
                    let mut trouble = handle
                        .trouble
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    let first = format!("{name} {kind}: {why}");
                    trouble.get_or_insert(first);
                    Err(NetError::Msg(why))
                }
            }
        };
        Box::pin(answer).into()
    }
}

/// The part of an answer that is about this name: the records or the alias there with their signatures, and denials
/// where there are none or a wildcard was expanded.
fn reduced(mut message: Message, name: &Name, kind: RecordType) -> Message {
    let here = |record: &Record, wanted: RecordType| {
        record.name == *name && (record.record_type() == wanted || signs(record) == Some(wanted))
    };
    let has = |wanted| {
        let mut answers = message.answers.iter();
        answers.any(|record| record.name == *name && record.record_type() == wanted)
    };
    let wanted = if !has(kind) && has(RecordType::CNAME) {
        RecordType::CNAME
    } else {
        kind
    };
    message.answers.retain(|record| here(record, wanted));
    message.additionals.clear();
    if message.answers.is_empty() {
        message
            .authorities
            .retain(|record| record.record_type() != RecordType::NS);
    } else {
        message.metadata.response_code = ResponseCode::NoError;
        let expanded = message.answers.iter().any(|record| {
            matches!(&record.data, RData::DNSSEC(DNSSECRData::RRSIG(signature))
                if signature.input().num_labels < record.name.num_labels())
        });
        message
            .authorities
            .retain(|record| expanded && is_denial(record));
    }
    message
}

/// The type that a signature covers.
pub(super) fn signs(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input().type_covered),
        _ => None,
    }
}

/// NSEC and NSEC3 records and their signatures.
fn is_denial(record: &Record) -> bool {
    let kind = signs(record).unwrap_or_else(|| record.record_type());
    matches!(kind, RecordType::NSEC | RecordType::NSEC3)
}

/// The weakest proof among the records of the answer, or of the denial when there are none. An answer without any
/// record comes only from outside the signed zones.
fn weakest(message: &Message) -> Security {
    let section = if message.answers.is_empty() {
        &message.authorities
    } else {
        &message.answers
    };
    section
        .iter()
        .filter(|record| record.record_type() != RecordType::RRSIG)
        .map(|record| record.proof)
        .min()
        .map_or(Security::Insecure, security)
}

const fn security(proof: Proof) -> Security {
    match proof {
        Proof::Secure => Security::Secure,
        Proof::Insecure => Security::Insecure,
        Proof::Bogus => Security::Bogus,
        Proof::Indeterminate => Security::Unknown,
    }
}
