//! TLS reports (RFC 8460): from a message, or from what was posted, to what the report says of our domains.
//!
//! Pure. Nothing is unpacked beyond its limit, nothing is kept of what the report says of others, and no person: whom to
//! ask about it tells the organisation and is dropped. What is unknown is passed over, what is wrong is said.

mod json;
mod mail;

pub use mail::{Mailed, mailed, signer};

use crate::base::ports::NotTaken;
use crate::base::{Domain, Packing, Timestamp, TlsReport, limits};
use flate2::read::GzDecoder;
use std::borrow::Cow;
use std::fmt;
use std::io::Read as _;

/// Why a report cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is larger than `limits::TLS_REPORT`, or than `limits::TLS_REPORT_UNPACKED` when it is unpacked.
    TooLarge,
    /// It is no report, or none that concerns us: why.
    Unfit(String),
}

impl Flaw {
    /// With a reason fit to be told: it may quote the report.
    fn unfit(why: impl fmt::Display) -> Self {
        let why = why.to_string();
        let fit = why.chars().filter(|c| !c.is_control());
        Self::Unfit(fit.take(limits::NOTED_TEXT).collect())
    }
}

impl From<Flaw> for NotTaken {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::TooLarge => Self::TooLarge,
            Flaw::Unfit(why) => Self::Unfit(why),
        }
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What it says of our domains.
    pub report: TlsReport,
    /// The domain that it claims to be of: of the address for questions about it, else its organisation's name, where
    /// that is a domain. Proven by nothing.
    pub claimed: Option<Domain>,
}

/// Reads a report; `base_domain` is above our domains.
///
/// # Errors
/// When it is too large, is no report, has too many policies, or says nothing of our domains.
pub fn read(packing: Packing, bytes: &[u8], base_domain: &Domain) -> Result<Content, Flaw> {
    json::read(&unpacked(packing, bytes)?, base_domain)
}

/// Looks whether a report is of a time that it can be of, and that is of use: not too long, and lately over.
///
/// # Errors
/// What is wrong with its date-range.
pub fn timely(report: &TlsReport, now: Timestamp) -> Result<(), Flaw> {
    let (from, until) = (report.from, report.until);
    let span = |from: Timestamp, until: Timestamp| until.duration_since(from).unsigned_abs();
    let why = if until < from {
        "ends before it begins"
    } else if span(from, until) > limits::TLS_REPORT_RANGE {
        "is longer than eight days"
    } else if until > now && span(now, until) > limits::TLS_REPORT_AHEAD {
        "lies in the future"
    } else if until < now && span(until, now) > limits::TLS_REPORT_LATE {
        "is over for too long"
    } else {
        return Ok(());
    };
    Err(Flaw::unfit(format_args!("its date-range {why}")))
}

/// Whose a posted report is, and whether that is proven: whether a confirmed reverse name of the client lies in the
/// organisation's domain. One that claims to be nobody's is the client's.
///
/// # Errors
/// When neither the report nor the client has a name.
pub fn poster(claimed: Option<Domain>, names: &[Domain]) -> Result<(Domain, bool), Flaw> {
    let Some(domain) = claimed.or_else(|| names.first().map(Domain::registrable)) else {
        return Err(Flaw::unfit(
            "neither its contact-info nor its organization-name has a domain",
        ));
    };
    let organisation = domain.registrable();
    let proven = names.iter().any(|name| name.registrable() == organisation);
    Ok((domain, proven))
}

/// The report's text. What unpacks to more than it may is left at that point.
fn unpacked(packing: Packing, bytes: &[u8]) -> Result<Cow<'_, [u8]>, Flaw> {
    if bytes.len() > limits::TLS_REPORT {
        return Err(Flaw::TooLarge);
    }
    if packing == Packing::Json {
        return Ok(Cow::Borrowed(bytes));
    }
    let most = limits::TLS_REPORT_UNPACKED;
    let mut text = Vec::new();
    GzDecoder::new(bytes)
        .take(most as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| Flaw::unfit(format_args!("it is no gzip (RFC 1952): {error}")))?;
    match text.len() > most {
        true => Err(Flaw::TooLarge),
        false => Ok(Cow::Owned(text)),
    }
}

#[cfg(test)]
mod tests;
