//! What an observer of a delivery hears, and how it reads.

use crate::base::{Lookup, Security};
use crate::spec::mta_sts;
use crate::spec::sender::{Demand, Fact, GivenUp, Secured, Stage, Step};
use std::fmt;

/// A moment of a delivery.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// This is done next.
    Next(&'a Step),
    /// No policy could be had anew, for this reason; one kept may apply all the same.
    Policy(&'a str),
    /// This came of it.
    Came(&'a Fact),
    /// A host or address was given up, and the walk goes on.
    GivenUp(&'a GivenUp),
}

/// One line for people; empty where there is nothing to say.
impl fmt::Display for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next(step) => next(step, f),
            Self::Policy(why) => write!(f, "! {why}"),
            Self::Came(fact) => came(fact, f),
            Self::GivenUp(given_up) => write!(f, "! {given_up}"),
        }
    }
}

fn next(step: &Step, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match step {
        Step::FindPolicy(domain) => write!(f, "MTA-STS policy of {domain}?"),
        Step::LookUpMx(domain) => write!(f, "MX of {domain}?"),
        Step::LookUpAddresses(host) => write!(f, "addresses of {host}?"),
        Step::LookUpTlsa(name) => write!(f, "TLSA at {name}?"),
        Step::Connect { host, address } => write!(f, "connecting to {host} [{address}]"),
        Step::StartTls { sni, demand } => {
            let name = sni
                .as_ref()
                .map_or_else(|| "no SNI".to_owned(), |sni| format!("SNI {sni}"));
            write!(f, "> STARTTLS ({name}; {})", asked(demand))
        }
        Step::Say(Stage::Ehlo | Stage::SecureEhlo) => f.write_str("> EHLO"),
        Step::Say(Stage::Message) => f.write_str("> (message)"),
        Step::Say(stage) => write!(f, "> {}", stage.name().to_ascii_uppercase()),
        Step::Leave => f.write_str("> QUIT"),
        Step::Done(_) => Ok(()),
    }
}

/// What the certificate has to be.
const fn asked(demand: &Demand) -> &'static str {
    match (demand.pkix, demand.tlsa.is_empty()) {
        (false, true) => "any certificate will do",
        (true, true) => "a trusted certificate is required",
        (false, false) => "a TLSA match is required",
        (true, false) => "a trusted certificate and a TLSA match are required",
    }
}

fn came(fact: &Fact, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fact {
        Fact::Policy(None) => f.write_str("no policy"),
        Fact::Policy(Some(policy)) => {
            let hosts: Vec<_> = policy.mx.iter().map(ToString::to_string).collect();
            write!(f, "{}: {}", mode(policy.mode), hosts.join(" "))
        }
        Fact::Mx(mx) => looked_up(mx, f, |mx| {
            let host = mx.host.as_ref().map_or(".", |host| host.as_str());
            format!("{} {host}", mx.preference)
        }),
        Fact::Addresses(addresses) => looked_up(addresses, f, ToString::to_string),
        Fact::Tlsa(records) => looked_up(records, f, |tlsa| {
            let data: String = tlsa
                .data
                .iter()
                .take(4)
                .map(|octet| format!("{octet:02x}"))
                .collect();
            format!(
                "{} {} {} {data}...",
                tlsa.usage, tlsa.selector, tlsa.matching
            )
        }),
        Fact::NotConnected(why) | Fact::NotSecured(why) | Fact::Lost(_, why) => {
            write!(f, "! {why}")
        }
        Fact::Greeted { starttls: true } => f.write_str("< 250, STARTTLS offered"),
        Fact::Greeted { starttls: false } => f.write_str("< 250"),
        Fact::Secured(secured) => secure(secured, f),
        Fact::Answered(_, reply) => write!(f, "< {reply}"),
        Fact::Left => Ok(()),
    }
}

fn secure(secured: &Secured, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "TLS {} {}; certificate: {}; {}",
        secured.tls.version, secured.tls.cipher, secured.pkix, secured.tlsa
    )
}

fn looked_up<T>(
    lookup: &Lookup<T>,
    f: &mut fmt::Formatter<'_>,
    show: impl Fn(&T) -> String,
) -> fmt::Result {
    if let Some(why) = &lookup.failed {
        return write!(f, "! {why}");
    }
    let security = match lookup.security {
        Security::Secure => "secure",
        Security::Insecure => "insecure",
        Security::Bogus => "bogus",
        Security::Unknown => "unknown",
    };
    let records: Vec<_> = lookup.records.iter().map(show).collect();
    match records.is_empty() {
        true => write!(f, "none ({security})"),
        false => write!(f, "{} ({security})", records.join(", ")),
    }
}

const fn mode(mode: mta_sts::Mode) -> &'static str {
    match mode {
        mta_sts::Mode::Enforce => "enforce",
        mta_sts::Mode::Testing => "testing",
        mta_sts::Mode::None => "none",
    }
}
