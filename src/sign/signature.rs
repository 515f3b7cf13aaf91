//! RRSIG records and the cache of those already made (RFC 4034 3).

use super::name::WireName;
use super::rrset::Rrset;
use super::{SignError, Validity};
use crate::base::Timestamp;
use crate::keys::DnssecKey;
use hickory_proto::dnssec::{SigningKey as _, TBS};
use std::collections::HashMap;
use std::sync::Arc;

/// The signatures of one zone as last made, so that only what changed, or runs out, is signed again.
#[derive(Clone, Debug, Default)]
pub struct SignatureCache {
    entries: HashMap<(WireName, u16), Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    signed: Rrset,
    keys: Vec<Vec<u8>>,
    inception: i64,
    expiration: i64,
}

/// One run over a zone: signs RRsets at one point in time, and fills a new cache from the old one.
pub(super) struct Signer<'s> {
    zone: &'s WireName,
    validity: Validity,
    now: i64,
    old: &'s SignatureCache,
    new: SignatureCache,
    made: usize,
}

impl<'s> Signer<'s> {
    pub(super) fn new(
        zone: &'s WireName,
        validity: Validity,
        now: Timestamp,
        old: &'s SignatureCache,
    ) -> Self {
        Self {
            zone,
            validity,
            now: now.as_second(),
            old,
            new: SignatureCache::default(),
            made: 0,
        }
    }

    /// Puts signatures of these keys on an RRset: those of the cache while they fit and more than half their time is
    /// left, else new ones.
    pub(super) fn sign(
        &mut self,
        owner: &WireName,
        rrset: &mut Rrset,
        keys: &[Key],
    ) -> Result<(), SignError> {
        let at = (owner.clone(), rrset.rtype);
        let reusable = self.old.entries.get(&at).filter(|entry| {
            entry.signed.rdata == rrset.rdata
                && entry.signed.ttl == rrset.ttl
                && entry.keys.iter().eq(keys.iter().map(|key| &key.record))
                && entry.inception <= self.now
                && entry.expiration - self.now > self.validity.renewal()
        });
        let entry = match reusable {
            Some(entry) => entry.clone(),
            None => self.make(owner, rrset, keys)?,
        };
        rrset.signatures.clone_from(&entry.signed.signatures);
        self.new.entries.insert(at, entry);
        Ok(())
    }

    fn make(&mut self, owner: &WireName, rrset: &Rrset, keys: &[Key]) -> Result<Entry, SignError> {
        let mut entry = Entry {
            signed: rrset.clone(),
            keys: keys.iter().map(|key| key.record.clone()).collect(),
            inception: self.now - self.validity.backdate(),
            expiration: self.now + self.validity.lifetime(),
        };
        entry.signed.signatures.clear();
        for key in keys {
            let mut rdata = self.fields(owner, rrset, &key.key, &entry);
            let data = TBS::from(&*signed_data(owner, rrset, &rdata));
            let signature = key.key.signing_key().sign(&data);
            rdata.extend(signature.map_err(|error| SignError::Key {
                zone: self.zone.to_string(),
                why: format!("{:?} does not sign: {error}", key.key),
            })?);
            entry.signed.signatures.push(rdata);
            self.made += 1;
        }
        Ok(entry)
    }

    /// The RDATA of an RRSIG without its signature (RFC 4034 3.1).
    fn fields(&self, owner: &WireName, rrset: &Rrset, key: &DnssecKey, entry: &Entry) -> Vec<u8> {
        let labels = owner.labels().count() - usize::from(owner.is_wildcard());
        let mut rdata = Vec::with_capacity(128);
        rdata.extend(rrset.rtype.to_be_bytes());
        rdata.push(key.signing_key().algorithm().into());
        rdata.push(u8::try_from(labels).unwrap_or(u8::MAX));
        rdata.extend(rrset.ttl.to_be_bytes());
        rdata.extend(serial(entry.expiration).to_be_bytes());
        rdata.extend(serial(entry.inception).to_be_bytes());
        rdata.extend(key.tag().to_be_bytes());
        rdata.extend(self.zone.as_bytes());
        rdata
    }

    /// The cache for the next run, without what is no longer in the zone; when the first of its signatures should be
    /// renewed, in seconds of Unix time; and how many signatures were made.
    pub(super) fn finish(self) -> (SignatureCache, i64, usize) {
        let renewal = self.validity.renewal();
        let soonest = self
            .new
            .entries
            .values()
            .map(|entry| entry.expiration)
            .min();
        let due = soonest.unwrap_or(self.now + self.validity.lifetime()) - renewal;
        (self.new, due, self.made)
    }
}

/// A signing key with its DNSKEY RDATA, by which the cache knows it.
pub(super) struct Key {
    pub(super) key: Arc<DnssecKey>,
    pub(super) record: Vec<u8>,
}

/// What is signed: the RRSIG's fields, then the records with the owner in canonical form (RFC 4034 3.1.8.1).
fn signed_data(owner: &WireName, rrset: &Rrset, fields: &[u8]) -> Vec<u8> {
    let mut data = fields.to_vec();
    for rdata in &rrset.rdata {
        data.extend(owner.as_bytes());
        data.extend(rrset.rtype.to_be_bytes());
        data.extend([0, 1]);
        data.extend(rrset.ttl.to_be_bytes());
        data.extend(u16::try_from(rdata.len()).unwrap_or(u16::MAX).to_be_bytes());
        data.extend(rdata);
    }
    data
}

/// Seconds of Unix time in the serial number arithmetic of RRSIG times (RFC 4034 3.1.5).
fn serial(seconds: i64) -> u32 {
    u32::try_from(seconds.rem_euclid(1 << 32)).unwrap_or_default()
}
