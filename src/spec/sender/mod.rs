//! One message to one domain under one policy: facts in, next step out (RFC 5321 5.1, RFC 7505, RFC 7672, RFC 8461).
//!
//! ```text
//! FindPolicy -> LookUpMx -> per host: LookUpAddresses -> LookUpTlsa -> per address: Connect -> Say(Ehlo)
//!   -> StartTls -> Say(SecureEhlo) -> Say(Mail) -> Say(Rcpt) -> Say(Data) -> Say(Message) -> Done(Delivered)
//!   (only what the policy needs)  whatever stands in the way: Leave, then the next address, host, or Done
//! ```
//!
//! The same walk delivers result mails, plays `send` and the simulated senders. It never does I/O, reads no clock
//! and draws no random numbers: the seed for hosts of equal preference is given.

mod level;
mod reason;
mod reply;
mod walk;

#[cfg(test)]
mod tests;

pub use level::{Demand, Sni};
pub use reason::{GivenUp, Reason};
pub use reply::{Reply, ReplyError};
pub use walk::Walk;

use super::mta_sts;
use super::pkix::Pkix;
use super::tlsa::TlsaResult;
use crate::base::{Domain, Lookup, Mx, Policy, Tls, Tlsa, limits};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    /// The recipient's domain.
    pub domain: Domain,
    /// How mail is protected.
    pub policy: Policy,
    /// When the host is named in the handshake.
    pub sni: Sni,
    /// Whether an opportunistic sender, after STARTTLS failed, connects again and goes on in clear text.
    pub clear_after_failure: bool,
    /// Where to stop and leave, as if the sender had gone.
    pub stop_after: Option<Stage>,
    /// Orders hosts of equal preference.
    pub seed: u64,
    /// How far one attempt goes.
    pub reach: Reach,
}

impl Order {
    /// An order with everything but the policy as real senders have it.
    #[must_use]
    pub const fn new(domain: Domain, policy: Policy, seed: u64) -> Self {
        Self {
            domain,
            policy,
            sni: Sni::Authenticated,
            clear_after_failure: false,
            stop_after: None,
            seed,
            reach: Reach::FULL,
        }
    }
}

/// How far one attempt goes before the rest is left to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Hosts connected.
    pub hosts: usize,
    /// Addresses connected.
    pub addresses: usize,
    /// Sessions that came as far as MAIL (Postfix: `smtp_mx_session_limit`).
    pub sessions: usize,
}

impl Reach {
    /// Every host of a reasonable domain.
    pub const FULL: Self = Self {
        hosts: limits::MX_HOSTS,
        addresses: limits::MX_ADDRESSES,
        sessions: limits::MX_HOSTS,
    };
}

/// A stage of a session, each after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The connection and the server's greeting.
    Greeting,
    /// EHLO in clear text.
    Ehlo,
    /// STARTTLS and the handshake.
    StartTls,
    /// EHLO inside TLS.
    SecureEhlo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the message.
    Data,
    /// The message up to its final dot.
    Message,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 8] = [
        Self::Greeting,
        Self::Ehlo,
        Self::StartTls,
        Self::SecureEhlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Message,
    ];

    /// The name in commands and texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::StartTls => "starttls",
            Self::SecureEhlo => "ehlo-tls",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Message => "message",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.name() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|stage| stage.name()).collect();
                format!("{text:?} is not a step; there are {}", names.join(", "))
            })
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Find the MTA-STS policy of the domain, kept or fetched. Answer: [`Fact::Policy`].
    FindPolicy(Domain),
    /// Look up the MX of the domain. Answer: [`Fact::Mx`].
    LookUpMx(Domain),
    /// Look up the addresses of a host. Answer: [`Fact::Addresses`].
    LookUpAddresses(Domain),
    /// Look up TLSA at this very name. Answer: [`Fact::Tlsa`].
    LookUpTlsa(Domain),
    /// Connect and read the greeting. Answer: [`Fact::NotConnected`] or as for [`Step::Say`].
    Connect {
        /// The MX host.
        host: Domain,
        /// Its address.
        address: IpAddr,
    },
    /// Say STARTTLS, make the handshake whatever the certificate, and hold what was presented against the demand.
    /// Answer: [`Fact::Secured`] or [`Fact::NotSecured`].
    StartTls {
        /// The name to send.
        sni: Option<Domain>,
        /// What to check.
        demand: Demand,
    },
    /// Go through this stage. Answer: [`Fact::Greeted`] to a successful EHLO, else [`Fact::Answered`] or
    /// [`Fact::Lost`].
    Say(Stage),
    /// Leave the connection in order. Answer: [`Fact::Left`].
    Leave,
    /// It is over. An open connection may be left in order.
    Done(Outcome),
}

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The policy that applies, if any.
    Policy(Option<Arc<mta_sts::Policy>>),
    /// The MX.
    Mx(Lookup<Mx>),
    /// The addresses.
    Addresses(Lookup<IpAddr>),
    /// The TLSA records.
    Tlsa(Lookup<Tlsa>),
    /// There is no connection; the text says why.
    NotConnected(String),
    /// EHLO or HELO was answered with success.
    Greeted {
        /// Whether STARTTLS was offered.
        starttls: bool,
    },
    /// The handshake was completed.
    Secured(Secured),
    /// STARTTLS was refused or the handshake broke; the connection is of no more use.
    NotSecured(String),
    /// The server's reply.
    Answered(Stage, Reply),
    /// The connection broke, or the server did not keep to the protocol; it is of no more use.
    Lost(Stage, String),
    /// The connection is closed.
    Left,
}

/// A completed handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// What was negotiated.
    pub tls: Tls,
    /// The chain against the roots, for the MX host.
    pub pkix: Pkix,
    /// The chain against the TLSA records demanded; [`TlsaResult::Absent`] where none are.
    pub tlsa: TlsaResult,
}

/// What a delivery's server was authenticated by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verified {
    /// By nothing, or nothing that the policy asked for.
    #[default]
    Nothing,
    /// By a trusted certificate for its name.
    Pkix,
    /// By its TLSA records.
    Dane,
    /// By both.
    Both,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "not authenticated",
            Self::Pkix => "authenticated by its certificate",
            Self::Dane => "authenticated by DANE",
            Self::Both => "authenticated by DANE and by its certificate",
        })
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A server took the message.
    Delivered {
        /// The MX host.
        host: Domain,
        /// Its address.
        address: IpAddr,
        /// What was negotiated; `None` in clear text.
        tls: Option<Tls>,
        /// What it was authenticated by.
        verified: Verified,
        /// What it said.
        reply: Reply,
    },
    /// Nobody took it; it may be tried again later. Why, in the order of events.
    Deferred(Vec<GivenUp>),
    /// It will never be taken.
    Failed(GivenUp),
    /// Stopped where it was ordered.
    Stopped {
        /// The MX host.
        host: Domain,
        /// Its address.
        address: IpAddr,
        /// The last stage gone through.
        stage: Stage,
    },
}
