//! The walk over a domain's MX hosts and through their sessions.

use super::level::{Found, Level, Use, level, wants_dane, wants_sts};
use super::{Fact, GivenUp, Order, Outcome, Reason, Reply, Secured, Stage, Step, Verified};
use crate::base::{Domain, Lookup, Mx, Tlsa, limits};
use crate::spec::mta_sts;
use std::collections::VecDeque;
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;

/// One attempt to deliver. Begin with [`Walk::begin`], then answer each step with [`Walk::take`] until
/// [`Step::Done`]; every walk ends, for hosts, addresses and stages only become fewer.
#[derive(Debug)]
pub struct Walk {
    order: Order,
    /// The MTA-STS policy, if there is one in mode `enforce`.
    enforced: Option<Arc<mta_sts::Policy>>,
    mx_secure: bool,
    /// The domain has no MX and is its own mail host (RFC 5321 5.1).
    implicit: bool,
    hosts: VecDeque<Domain>,
    used: super::Reach,
    given_up: Vec<GivenUp>,
    state: State,
}

/// What is awaited.
#[derive(Debug)]
enum State {
    Policy,
    Mx,
    Addresses(Domain),
    Tlsa {
        host: Domain,
        addresses: VecDeque<IpAddr>,
        base: Domain,
        /// The name to ask for when there is nothing at `base`.
        fallback: Option<Domain>,
    },
    Session(Session),
    Leaving(Target),
    Over,
}

/// An MX host about to be tried.
#[derive(Debug)]
struct Target {
    host: Domain,
    addresses: VecDeque<IpAddr>,
    level: Level,
    /// The address where STARTTLS failed and clear text is to be used now.
    clear: Option<IpAddr>,
    connected: bool,
}

/// A connection, awaiting what comes of `stage`.
#[derive(Debug)]
struct Session {
    target: Target,
    address: IpAddr,
    stage: Stage,
    secured: Option<Secured>,
}

impl Walk {
    /// The walk and its first step.
    #[must_use]
    pub fn begin(order: Order) -> (Self, Step) {
        let domain = order.domain.clone();
        let (state, step) = if wants_sts(order.policy) {
            (State::Policy, Step::FindPolicy(domain))
        } else {
            (State::Mx, Step::LookUpMx(domain))
        };
        let walk = Self {
            order,
            enforced: None,
            mx_secure: false,
            implicit: false,
            hosts: VecDeque::new(),
            used: super::Reach {
                hosts: 0,
                addresses: 0,
                sessions: 0,
            },
            given_up: Vec::new(),
            state,
        };
        (walk, step)
    }

    /// What was given up so far, in the order of events; nothing once the walk is over and its outcome has it.
    #[must_use]
    pub fn given_up(&self) -> &[GivenUp] {
        &self.given_up
    }

    /// Takes what came of the last step and says what is next.
    pub fn take(&mut self, fact: Fact) -> Step {
        match (mem::replace(&mut self.state, State::Over), fact) {
            (State::Policy, Fact::Policy(policy)) => {
                self.enforced = policy.filter(|policy| policy.is_enforced());
                self.state = State::Mx;
                Step::LookUpMx(self.order.domain.clone())
            }
            (State::Mx, Fact::Mx(mx)) => self.exchangers(mx),
            (State::Addresses(host), Fact::Addresses(addresses)) => self.addresses(host, addresses),
            (
                State::Tlsa {
                    host,
                    addresses,
                    base,
                    fallback,
                },
                Fact::Tlsa(tlsa),
            ) => self.tlsa(host, addresses, base, fallback, tlsa),
            (State::Session(session), fact) => self.session(session, fact),
            (State::Leaving(target), Fact::Left) => self.next_address(target),
            _ => self.out_of_step(),
        }
    }

    fn exchangers(&mut self, mx: Lookup<Mx>) -> Step {
        if let Some(why) = mx.failed {
            self.note(None, None, Reason::MxLookUp(why));
            return self.finish();
        }
        self.mx_secure = mx.security == crate::base::Security::Secure;
        if mx.records.is_empty() {
            self.implicit = true;
            self.hosts.push_back(self.order.domain.clone());
        } else {
            self.hosts = in_order(mx.records, self.order.seed);
            if self.hosts.is_empty() {
                return failed(Reason::NullMx);
            }
        }
        self.next_host()
    }

    fn next_host(&mut self) -> Step {
        while let Some(host) = self.hosts.pop_front() {
            let permits = |policy: &Arc<mta_sts::Policy>| policy.permits(&host);
            if !self.enforced.as_ref().is_none_or(permits) {
                self.note(Some(&host), None, Reason::NotInPolicy);
            } else if self.used.hosts >= self.order.reach.hosts || self.is_spent() {
                self.note(None, None, Reason::EnoughTried);
                break;
            } else {
                self.state = State::Addresses(host.clone());
                return Step::LookUpAddresses(host);
            }
        }
        self.finish()
    }

    fn addresses(&mut self, host: Domain, found: Lookup<IpAddr>) -> Step {
        // With DANE a failure must not pass for insecurity (RFC 7672 2.1.2); else the addresses of one family will do.
        let dane = self.mx_secure && wants_dane(self.order.policy);
        let secure = found.is_secure();
        if let Some(why) = found.failed
            && (dane || found.records.is_empty())
        {
            return self.skip(&host, Reason::AddressLookUp(why));
        }
        if found.records.is_empty() {
            if self.implicit {
                return failed(Reason::NoMailHost);
            }
            return self.skip(&host, Reason::NoAddress);
        }
        let addresses = found.records.into();
        if !(dane && secure) {
            return self.choose(host, addresses, Found::Insecure);
        }
        // RFC 7672 2.2.3: the name that CNAMEs lead to comes first.
        let (base, fallback) = match found.canonical {
            Some(canonical) if canonical != host => (canonical, Some(host.clone())),
            _ => (host.clone(), None),
        };
        self.ask_tlsa(host, addresses, base, fallback)
    }

    fn ask_tlsa(
        &mut self,
        host: Domain,
        addresses: VecDeque<IpAddr>,
        base: Domain,
        fallback: Option<Domain>,
    ) -> Step {
        match base.below("_25._tcp") {
            Ok(name) => {
                self.state = State::Tlsa {
                    host,
                    addresses,
                    base,
                    fallback,
                };
                Step::LookUpTlsa(name)
            }
            // No such name can exist.
            Err(_) => self.choose(host, addresses, Found::Absent),
        }
    }

    fn tlsa(
        &mut self,
        host: Domain,
        addresses: VecDeque<IpAddr>,
        base: Domain,
        fallback: Option<Domain>,
        found: Lookup<Tlsa>,
    ) -> Step {
        let secure = found.is_secure();
        if let Some(why) = found.failed {
            return self.skip(&host, Reason::TlsaLookUp(why));
        }
        if secure && !found.records.is_empty() {
            return self.choose(host, addresses, Found::Records(found.records, base));
        }
        match fallback {
            Some(base) => self.ask_tlsa(host, addresses, base, None),
            None => self.choose(host, addresses, Found::Absent),
        }
    }

    fn choose(&mut self, host: Domain, addresses: VecDeque<IpAddr>, found: Found) -> Step {
        match level(self.order.policy, self.enforced.is_some(), found) {
            Ok(level) => self.next_address(Target {
                host,
                addresses,
                level,
                clear: None,
                connected: false,
            }),
            Err(why) => self.skip(&host, why),
        }
    }

    fn next_address(&mut self, mut target: Target) -> Step {
        let Some(address) = target.addresses.pop_front() else {
            return self.next_host();
        };
        if self.is_spent() {
            self.note(None, None, Reason::EnoughTried);
            return self.finish();
        }
        self.used.addresses += 1;
        if !mem::replace(&mut target.connected, true) {
            self.used.hosts += 1;
        }
        let host = target.host.clone();
        self.state = State::Session(Session {
            target,
            address,
            stage: Stage::Greeting,
            secured: None,
        });
        Step::Connect { host, address }
    }

    fn is_spent(&self) -> bool {
        let reach = self.order.reach;
        self.used.addresses >= reach.addresses || self.used.sessions >= reach.sessions
    }

    fn session(&mut self, mut session: Session, fact: Fact) -> Step {
        match (session.stage, fact) {
            (Stage::Greeting, Fact::NotConnected(why)) => {
                self.drop_session(session, Reason::NotConnected(why))
            }
            (Stage::Greeting, Fact::Answered(_, reply)) if reply.is_success() => {
                self.go(session, Stage::Ehlo)
            }
            (Stage::Ehlo, Fact::Greeted { starttls }) => {
                let clear = session.target.clear == Some(session.address);
                match session.target.level.tls {
                    Use::Required if !starttls => self.leave(session, Reason::NoStartTls),
                    Use::IfOffered if clear || !starttls => self.go(session, Stage::Mail),
                    Use::Never => self.go(session, Stage::Mail),
                    Use::Required | Use::IfOffered => self.go(session, Stage::StartTls),
                }
            }
            (Stage::StartTls, Fact::Secured(secured)) => {
                match refusal(&session.target.level, &secured) {
                    Some(why) => self.leave(session, why),
                    None => {
                        session.secured = Some(secured);
                        self.go(session, Stage::SecureEhlo)
                    }
                }
            }
            (Stage::StartTls, Fact::NotSecured(why)) => {
                if self.order.clear_after_failure && session.target.level.tls == Use::IfOffered {
                    session.target.addresses.push_front(session.address);
                    session.target.clear = Some(session.address);
                }
                self.drop_session(session, Reason::NotSecured(why))
            }
            (Stage::SecureEhlo, Fact::Greeted { .. }) => self.go(session, Stage::Mail),
            (Stage::Mail, Fact::Answered(_, reply)) if reply.is_success() => {
                self.go(session, Stage::Rcpt)
            }
            (Stage::Rcpt, Fact::Answered(_, reply)) if reply.is_success() => {
                self.go(session, Stage::Data)
            }
            (Stage::Data, Fact::Answered(_, reply)) if reply.is_intermediate() => {
                self.go(session, Stage::Message)
            }
            (Stage::Message, Fact::Answered(_, reply)) if reply.is_success() => {
                delivered(session, reply)
            }
            (stage, Fact::Answered(_, reply)) => self.refused(session, stage, reply),
            (_, Fact::Lost(stage, why)) => self.drop_session(session, Reason::Lost(stage, why)),
            _ => self.out_of_step(),
        }
    }

    /// Goes on to `stage`, unless the order is to stop before it.
    fn go(&mut self, mut session: Session, stage: Stage) -> Step {
        if self.order.stop_after.is_some_and(|last| stage > last) {
            return Step::Done(Outcome::Stopped {
                host: session.target.host,
                address: session.address,
                stage: session.stage,
            });
        }
        if stage == Stage::Mail {
            self.used.sessions += 1;
        }
        session.stage = stage;
        let step = match stage {
            Stage::StartTls => Step::StartTls {
                sni: session
                    .target
                    .level
                    .sni(self.order.sni, &session.target.host),
                demand: session.target.level.demand(&self.order.domain),
            },
            stage => Step::Say(stage),
        };
        self.state = State::Session(session);
        step
    }

    /// A no to the transaction may be for good; a no before it is only about this host (RFC 5321 5.1).
    fn refused(&mut self, session: Session, stage: Stage, reply: Reply) -> Step {
        if reply.is_permanent() && stage >= Stage::Mail {
            return Step::Done(Outcome::Failed(GivenUp {
                host: Some(session.target.host),
                address: Some(session.address),
                why: Reason::Refused(stage, reply),
            }));
        }
        self.leave(session, Reason::Refused(stage, reply))
    }

    /// Gives up an address whose connection is open.
    fn leave(&mut self, session: Session, why: Reason) -> Step {
        self.note(Some(&session.target.host), Some(session.address), why);
        self.state = State::Leaving(session.target);
        Step::Leave
    }

    /// Gives up an address whose connection is gone.
    fn drop_session(&mut self, session: Session, why: Reason) -> Step {
        self.note(Some(&session.target.host), Some(session.address), why);
        self.next_address(session.target)
    }

    fn skip(&mut self, host: &Domain, why: Reason) -> Step {
        self.note(Some(host), None, why);
        self.next_host()
    }

    fn note(&mut self, host: Option<&Domain>, address: Option<IpAddr>, why: Reason) {
        self.given_up.push(GivenUp {
            host: host.cloned(),
            address,
            why,
        });
    }

    fn out_of_step(&mut self) -> Step {
        self.note(None, None, Reason::OutOfStep);
        self.finish()
    }

    fn finish(&mut self) -> Step {
        Step::Done(Outcome::Deferred(mem::take(&mut self.given_up)))
    }
}

/// The domain takes no mail at all.
const fn failed(why: Reason) -> Step {
    Step::Done(Outcome::Failed(GivenUp {
        host: None,
        address: None,
        why,
    }))
}

fn delivered(session: Session, reply: Reply) -> Step {
    let level = &session.target.level;
    let verified = match (level.dane.is_some(), level.pkix) {
        _ if session.secured.is_none() => Verified::Nothing,
        (true, true) => Verified::Both,
        (true, false) => Verified::Dane,
        (false, true) => Verified::Pkix,
        (false, false) => Verified::Nothing,
    };
    Step::Done(Outcome::Delivered {
        host: session.target.host,
        address: session.address,
        tls: session.secured.map(|secured| secured.tls),
        verified,
        reply,
    })
}

/// Why a host that is to prove its identity did not.
fn refusal(level: &Level, secured: &Secured) -> Option<Reason> {
    if level.dane.is_some() && !secured.tlsa.is_match() {
        return Some(Reason::TlsaMismatch(secured.tlsa.to_string()));
    }
    (level.pkix && !secured.pkix.is_trusted()).then(|| Reason::Untrusted(secured.pkix.to_string()))
}

/// The hosts by preference, each once, those of equal preference as the seed has it (RFC 5321 5.1); at most
/// `limits::MX_HOSTS`. A null MX beside others is no host.
fn in_order(mut records: Vec<Mx>, seed: u64) -> VecDeque<Domain> {
    records.sort();
    let mut shuffled: Vec<_> = (0..)
        .zip(records)
        .filter_map(|(index, mx)| Some((mx.preference, mixed(seed, index), mx.host?)))
        .collect();
    shuffled.sort();
    let mut hosts = VecDeque::new();
    for (_, _, host) in shuffled {
        if hosts.len() < limits::MX_HOSTS && !hosts.contains(&host) {
            hosts.push_back(host);
        }
    }
    hosts
}

/// SplitMix64: spreads the seed over the indices.
const fn mixed(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
