//! A certificate authority that keeps its limits, as Let's Encrypt has them, and notes who passes them.

use super::chance::Chance;
use super::events::Trial;
use super::{BEGIN, DAY, HOUR, WEEK, at};
use mailproof::base::ports::Random as _;
use mailproof::certs::acme::{Account, Request, Window};
use mailproof::certs::{Kind, Slot, Trouble};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType, SerialNumber};
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::time::Duration;

pub const DIRECTORY: &str = "https://ca.example/directory";

/// What is counted, for each certificate or all, how often it may be, and in what time. Of the fifty certificates of a
/// registered domain others have half.
const LIMITS: [(What, bool, usize, i64); 4] = [
    (What::Ordered, false, 300, 3 * HOUR),
    (What::Issued, false, 25, WEEK),
    (What::Issued, true, 5, WEEK),
    (What::Failed, true, 5, HOUR),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Ordered,
    Issued,
    Failed,
}

/// Why an order came to no certificate.
pub enum Stop {
    /// This is what we are told.
    Trouble(Trouble),
    /// We are told nothing: the process is gone.
    Crash,
}

struct Order {
    made: i64,
    /// Whether it was refused.
    closed: bool,
    chain: Option<Vec<CertificateDer<'static>>>,
}

pub struct Authority {
    life: i64,
    ari: bool,
    issuer: rcgen::Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    accounts: u32,
    account: Option<String>,
    orders: Vec<Order>,
    counts: Vec<(i64, Slot, What)>,
    /// When each certificate was issued, and when it ends.
    certificates: BTreeMap<Vec<u8>, (i64, i64)>,
    pub revoked: i64,
    /// On each day.
    pub requests: BTreeMap<i64, usize>,
    /// Limits passed.
    pub faults: Vec<String>,
}

impl Authority {
    pub fn new(life: i64, ari: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let root = params.self_signed(&key).unwrap().der().clone();
        Self {
            life,
            ari,
            issuer: rcgen::Issuer::from_ca_cert_der(&root, key).unwrap(),
            root,
            accounts: 0,
            account: None,
            orders: Vec::new(),
            counts: Vec::new(),
            certificates: BTreeMap::new(),
            revoked: BEGIN,
            requests: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub fn forget(&mut self) {
        self.account = None;
    }

    pub fn issued(&self) -> usize {
        self.certificates.len()
    }

    fn count(&mut self, time: i64, slot: Slot, what: What) {
        self.counts.retain(|(then, ..)| time - then < WEEK);
        self.counts.push((time, slot, what));
        for (of, each, most, within) in LIMITS {
            let counted = self.counts.iter().filter(|(then, whose, kind)| {
                *kind == of && time - then < within && (!each || *whose == slot)
            });
            let number = counted.count();
            if number > most {
                let fault = format!("{number} times {of:?} within {within} s, at {slot}");
                self.faults.push(fault);
            }
        }
    }

    /// The account that we get.
    pub fn session(
        &mut self,
        time: i64,
        known: Option<&Account>,
        (trial, wrong): (Option<Trial>, i64),
    ) -> Result<Account, Trouble> {
        *self.requests.entry((time - BEGIN) / DAY).or_default() += 1;
        if trial == Some(Trial::Outage) {
            return Err(Trouble::new(Kind::Unreachable, "no answer"));
        }
        if wrong.abs() > HOUR {
            return Err(Trouble::new(Kind::Clock, "another time"));
        }
        match (known, &self.account) {
            (Some(known), Some(account)) if known.url == *account => return Ok(known.clone()),
            (Some(_), _) => return Err(Trouble::new(Kind::AccountGone, "no such account")),
            (None, Some(_)) => {}
            (None, None) => {
                self.accounts += 1;
                self.account = Some(format!("https://ca.example/account/{}", self.accounts));
            }
        }
        Ok(Account {
            directory: DIRECTORY.to_owned(),
            url: self.account.clone().unwrap(),
            contact: None,
        })
    }

    /// The chain that we get.
    pub fn obtain(
        &mut self,
        time: i64,
        (slot, request, key): (Slot, &Request, &KeyPair),
        trial: Option<(Trial, i64)>,
        noted: &mut dyn FnMut(&str) -> Result<(), Trouble>,
        chance: &Chance,
    ) -> Result<Vec<CertificateDer<'static>>, Stop> {
        let no = |kind| Stop::Trouble(Trouble::new(kind, "no"));
        let pending = request.pending.as_deref();
        let pending = pending.and_then(|url| url.rsplit('/').next()?.parse::<usize>().ok());
        let open = pending.filter(|number| {
            let order = &self.orders[*number];
            !order.closed && (order.chain.is_some() || time - order.made < WEEK)
        });
        let number = match (open, trial) {
            (Some(number), _) => number,
            (None, Some((Trial::Filled, until))) => {
                let mut trouble = Trouble::new(Kind::RateLimited, "too many certificates");
                trouble.wait = Some(Duration::from_secs((until - time).cast_unsigned()));
                return Err(Stop::Trouble(trouble));
            }
            (None, _) => self.begin(time, slot),
        };
        if open.is_none() {
            noted(&format!("https://ca.example/order/{number}")).map_err(Stop::Trouble)?;
        }
        if chance.once_in(60) {
            return Err(Stop::Crash);
        }
        if self.orders[number].chain.is_none() {
            match trial {
                Some((Trial::Lag, _)) => return Err(no(Kind::NotVisible)),
                // Either of them is a failed authorization.
                Some((trial @ (Trial::Unproven | Trial::Caa), _)) => {
                    self.orders[number].closed = true;
                    self.count(time, slot, What::Failed);
                    return Err(no(match trial {
                        Trial::Caa => Kind::Caa,
                        _ => Kind::Validation,
                    }));
                }
                _ => {}
            }
            let chain = self.issue(time, request, key, chance);
            self.orders[number].chain = Some(chain);
            self.count(time, slot, What::Issued);
        }
        match chance.below(60) {
            0 => Err(Stop::Crash),
            1 => Err(no(Kind::Unreachable)),
            _ => Ok(self.orders[number].chain.clone().unwrap()),
        }
    }

    fn begin(&mut self, time: i64, slot: Slot) -> usize {
        self.count(time, slot, What::Ordered);
        self.orders.push(Order {
            made: time,
            closed: false,
            chain: None,
        });
        self.orders.len() - 1
    }

    fn issue(
        &mut self,
        time: i64,
        request: &Request,
        key: &KeyPair,
        chance: &Chance,
    ) -> Vec<CertificateDer<'static>> {
        let mut serial = [1; 9];
        chance.fill(&mut serial[1..]);
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let names = request.names.iter();
        params.subject_alt_names = names
            .map(|name| SanType::DnsName(name.as_str().try_into().unwrap()))
            .collect();
        let second = |second: i64| {
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(second.cast_unsigned())
        };
        let until = time - HOUR + self.life;
        params.not_before = second(time - HOUR);
        params.not_after = second(until);
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(key, &self.issuer).unwrap().der().clone();
        self.certificates.insert(leaf.to_vec(), (time, until));
        vec![leaf, self.root.clone()]
    }

    /// What we are told of a certificate's renewal.
    pub fn advise(&self, leaf: &CertificateDer<'_>) -> Option<Window> {
        let (issued, until) = self.certificates.get(leaf.as_ref())?;
        let (start, end) = if *issued < self.revoked {
            (self.revoked - 2 * HOUR, self.revoked - HOUR)
        } else {
            let middle = until - self.life / 3;
            (middle - self.life / 90, middle + self.life / 90)
        };
        self.ari.then(|| Window {
            start: at(start),
            end: at(end),
            ask_again: Duration::from_secs(24 * 3600),
            explanation: None,
        })
    }
}
