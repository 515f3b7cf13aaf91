//! The operator's records: what they may be, and how they join what the appliance publishes.

use super::ZoneError;
use super::generate::{Instead, Made, NAMESERVER, name};
use super::master::{self, Entry, MasterError};
use crate::base;
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey};
use std::collections::BTreeMap;

/// The operator's records of one zone.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    file: String,
    pub(super) entries: Vec<Entry>,
}

impl Operator {
    /// Reads the operator's master file; `file` is what errors name, `ttl` holds for records that state none.
    ///
    /// # Errors
    /// As [`master::read`].
    pub fn read(
        file: &str,
        text: &str,
        zone: base::Zone,
        base_domain: &base::Domain,
        ttl: u32,
    ) -> Result<Self, ZoneError> {
        let origin = name(&base_domain.below(zone.label())?)?;
        Ok(Self {
            file: file.to_owned(),
            entries: master::read(file, text, &origin, ttl)?,
        })
    }
}

/// A name at which only the case table may publish, or nothing at all.
pub(super) struct Reserved {
    /// The name; those below it are meant too.
    pub(super) name: Name,
    /// The type whose absence at this name decides a test, so that no wildcard may supply it.
    pub(super) decides: Option<RecordType>,
    /// What is decided by what stands there.
    pub(super) why: &'static str,
}

/// The zone while it is put together.
pub(super) struct Merger<'a> {
    /// The operator's records.
    pub(super) operator: &'a Operator,
    /// The apex.
    pub(super) origin: &'a Name,
    /// What the operator says in our place.
    pub(super) instead: Instead,
    /// Where the operator's RRsets begin.
    pub(super) lines: BTreeMap<RrKey, usize>,
    /// All RRsets.
    pub(super) rrsets: BTreeMap<RrKey, RecordSet>,
}

impl Merger<'_> {
    fn wrong(&self, line: usize, what: impl Into<String>) -> ZoneError {
        MasterError::new(&self.operator.file, line, what).into()
    }

    /// Judges a record of the operator by itself, and notes what it replaces.
    pub(super) fn admit(&mut self, entry: &Entry, reserved: &[Reserved]) -> Result<(), ZoneError> {
        let record = &entry.record;
        let apex = record.name == *self.origin;
        let under = |one: &&Reserved| record.name.zone_of(&one.name);
        let within = |one: &&Reserved| one.name.zone_of(&record.name);
        let refused = match record.record_type() {
            RecordType::RRSIG
            | RecordType::NSEC
            | RecordType::NSEC3
            | RecordType::NSEC3PARAM
            | RecordType::DNSKEY
            | RecordType::CDS
            | RecordType::CDNSKEY => "is made by the appliance",
            RecordType::DNAME | RecordType::ANAME => "is not supported",
            RecordType::DS if apex => "belongs into the zone above",
            RecordType::SOA if !apex => "is allowed at the apex only",
            RecordType::CNAME if apex => "is not allowed at the apex",
            RecordType::NS if record.name.is_wildcard() => {
                "is refused: a wildcard cannot be delegated (RFC 4592 4.2)"
            }
            _ => "",
        };
        let hides = !apex && record.record_type() == RecordType::NS;
        let refused = match (reserved.iter().find(within), reserved.iter().find(under)) {
            _ if !refused.is_empty() => refused.to_owned(),
            (_, Some(one)) if hides => {
                format!(
                    "is refused: what stands at a name below decides {}",
                    one.why
                )
            }
            (Some(one), _) => format!("is refused: what stands at this name decides {}", one.why),
            _ => String::new(),
        };
        if !refused.is_empty() {
            let what = format!("{} {} {refused}", record.name, record.record_type());
            return Err(self.wrong(entry.line, what));
        }
        match &record.data {
            RData::SOA(_) if self.instead.soa.is_some() => {
                return Err(self.wrong(entry.line, "a second SOA; one is allowed"));
            }
            RData::SOA(soa) => self.instead.soa = Some(soa.clone()),
            RData::NS(_) if apex => self.instead.ns = true,
            RData::A(_) | RData::AAAA(_) => {
                let nameserver =
                    Name::from_ascii(NAMESERVER).and_then(|label| label.append_domain(self.origin));
                self.instead.nameserver |= nameserver.is_ok_and(|name| name == record.name);
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts our own records into the zone.
    pub(super) fn generated(&mut self, made: Vec<Made>) -> Result<(), ZoneError> {
        for (name, ttl, data) in made {
            let set = self.set(&name, data.record_type(), ttl);
            set.add_rdata(data);
        }
        Ok(())
    }

    fn set(&mut self, name: &Name, record_type: RecordType, ttl: u32) -> &mut RecordSet {
        let name = name.to_lowercase();
        self.rrsets
            .entry(RrKey::new(LowerName::new(&name), record_type))
            .or_insert_with(|| RecordSet::with_ttl(name, record_type, ttl))
    }

    /// Puts a record of the operator into the zone.
    pub(super) fn operators(&mut self, entry: &Entry, ttl_ns: u32) -> Result<(), ZoneError> {
        let Record { name, data, .. } = &entry.record;
        let record_type = data.record_type();
        if record_type == RecordType::SOA {
            return Ok(());
        }
        let ttl = match record_type {
            RecordType::NS if !entry.ttl_stated => ttl_ns,
            _ => entry.record.ttl,
        };
        let key = RrKey::new(LowerName::new(name), record_type);
        let ours = self.rrsets.contains_key(&key) && !self.lines.contains_key(&key);
        if ours {
            let what = format!("{name} {record_type} is published by the appliance already");
            return Err(self.wrong(entry.line, what));
        }
        self.lines.entry(key).or_insert(entry.line);
        let set = self.set(name, record_type, ttl);
        if set.ttl() != ttl && !set.is_empty() {
            let what = format!(
                "the TTL is {ttl}, but {} in another record of {name} {record_type} (RFC 2181 5.2)",
                set.ttl()
            );
            return Err(self.wrong(entry.line, what));
        }
        if record_type == RecordType::CNAME && !set.is_empty() {
            let what = format!("a second CNAME of {name}; one is allowed");
            return Err(self.wrong(entry.line, what));
        }
        set.add_rdata(data.clone());
        Ok(())
    }

    /// Judges the operator's RRsets among all others.
    pub(super) fn check(&self, reserved: &[Reserved]) -> Result<(), ZoneError> {
        for (key, &line) in &self.lines {
            let owner: &Name = key.name();
            if owner.is_wildcard() {
                self.wildcard(key, line, reserved)?;
            }
            match key.record_type {
                RecordType::CNAME => self.alone(owner, line)?,
                RecordType::NS => {
                    if owner != self.origin {
                        self.delegation(owner, line)?;
                    }
                    self.glue(key, line)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A wildcard must not answer where the absence of an answer decides a test; nor must an alias, which answers for
    /// every type.
    fn wildcard(&self, key: &RrKey, line: usize, reserved: &[Reserved]) -> Result<(), ZoneError> {
        let (owner, rtype): (&Name, _) = (key.name(), key.record_type);
        let supplied = reserved.iter().find_map(|Reserved { name, decides, .. }| {
            let decides = decides.filter(|of| [*of, RecordType::CNAME].contains(&rtype))?;
            self.covers(owner, name).then_some((name, decides))
        });
        match supplied {
            None => Ok(()),
            Some((name, decides)) => {
                let what = format!(
                    "{owner} {rtype} is refused: it would answer for {name}, and that there is no {decides} decides \
                     the test; write out the names that need it, or put the wildcard below a name of its own"
                );
                Err(self.wrong(line, what))
            }
        }
    }

    /// Whether a wildcard stands for a name: its parent is the name's closest encloser (RFC 4592 3.3.1).
    fn covers(&self, wildcard: &Name, name: &Name) -> bool {
        let shared = |other: &Name| {
            let labels = other.iter().rev().zip(name.iter().rev());
            labels
                .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
                .count()
        };
        let closest = self.rrsets.keys().map(|key| shared(key.name())).max();
        let parent = wildcard.iter().count().saturating_sub(1);
        closest == Some(parent) && shared(wildcard) == parent && parent < name.iter().count()
    }

    /// Nothing may stand beside a CNAME (RFC 1034 3.6.2).
    fn alone(&self, owner: &Name, line: usize) -> Result<(), ZoneError> {
        let other = self
            .rrsets
            .keys()
            .find(|key| key.name() as &Name == owner && key.record_type != RecordType::CNAME);
        match other {
            None => Ok(()),
            Some(key) => {
                let what = format!("{owner} has a CNAME and {} as well", key.record_type);
                Err(self.wrong(line, what))
            }
        }
    }

    /// Nothing that we publish may lie in a zone given away.
    fn delegation(&self, owner: &Name, line: usize) -> Result<(), ZoneError> {
        let hidden = self
            .rrsets
            .keys()
            .find(|key| !self.lines.contains_key(key) && owner.zone_of(key.name()));
        match hidden {
            None => Ok(()),
            Some(key) => {
                let what = format!(
                    "the delegation of {owner} would hide {} {}, which the appliance publishes",
                    key.name(),
                    key.record_type
                );
                Err(self.wrong(line, what))
            }
        }
    }

    /// A nameserver within the zone must have an address.
    fn glue(&self, key: &RrKey, line: usize) -> Result<(), ZoneError> {
        let records = self.rrsets.get(key).into_iter();
        for record in records.flat_map(RecordSet::records_without_rrsigs) {
            let RData::NS(target) = &record.data else {
                continue;
            };
            let has = |record_type| {
                let key = RrKey::new(LowerName::new(&target.0), record_type);
                self.rrsets.contains_key(&key)
            };
            let inside = self.origin.zone_of(&target.0);
            if inside && !has(RecordType::A) && !has(RecordType::AAAA) {
                let what = format!("the nameserver {} has no A or AAAA record", target.0);
                return Err(self.wrong(line, what));
            }
        }
        Ok(())
    }
}
