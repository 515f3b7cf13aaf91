//! A report that comes as a message (RFC 8460 5.3).

use super::{Content, Flaw, read};
use crate::base::ports::NotTaken;
use crate::base::{Domain, MessageFacts, Packing, Verdict};
use mail_parser::{MessageParser, MessagePart, MimeHeaders as _};

/// What was read of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailed {
    /// The report.
    pub content: Content,
    /// Who sends it by its own word (`TLS-Report-Submitter`), where it says so: each time, and `None` where that is no
    /// domain.
    pub submitters: Vec<Option<Domain>>,
}

/// Reads the report in a message: the only part that is of one of its media types, whatever is around it.
///
/// # Errors
/// When there is none, or more than one, and as [`read`].
pub fn mailed(message: &[u8], base_domain: &Domain) -> Result<Mailed, Flaw> {
    let Some(parsed) = MessageParser::default().parse(message) else {
        return Err(Flaw::unfit("it is no message"));
    };
    let mut reports = (parsed.parts.iter()).filter_map(|part| Some((packing(part)?, part)));
    let (Some((packing, part)), None) = (reports.next(), reports.next()) else {
        return Err(Flaw::unfit(
            "it does not have one part of type application/tlsrpt+gzip or application/tlsrpt+json (RFC 8460 5.3)",
        ));
    };
    let submitters = parsed
        .headers_raw()
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("TLS-Report-Submitter"))
        .map(|(_, value)| Domain::parse(value.trim()).ok())
        .collect();
    Ok(Mailed {
        content: read(packing, part.contents(), base_domain)?,
        submitters,
    })
}

fn packing(part: &MessagePart<'_>) -> Option<Packing> {
    let media_type = part.content_type()?;
    Packing::of(&format!("{}/{}", media_type.ctype(), media_type.subtype()?))
}

/// Whose a report is that came as a message: the domain that signed it. It has to be of one organisation with the From
/// address, and with the submitter where one is named.
///
/// # Errors
/// [`NotTaken::Unproven`] without such a signature; [`NotTaken::Unclear`] when one could not be checked now.
pub fn signer(facts: &MessageFacts, submitters: &[Option<Domain>]) -> Result<Domain, NotTaken> {
    let Some(from) = &facts.header_from else {
        return Err(NotTaken::Unproven("it is not from one address"));
    };
    let organisation = from.domain.registrable();
    let is_same = |domain: &Domain| domain.registrable() == organisation;
    if !submitters
        .iter()
        .all(|named| named.as_ref().is_some_and(is_same))
    {
        return Err(NotTaken::Unproven(
            "its TLS-Report-Submitter is another than who it is from",
        ));
    }
    let signed = |result: Verdict| {
        let mut aligned = facts
            .authentication
            .dkim
            .iter()
            .filter(|dkim| is_same(&dkim.domain));
        aligned.find(|dkim| dkim.result == result)
    };
    match (signed(Verdict::Pass), signed(Verdict::TempError)) {
        (Some(signature), _) => Ok(signature.domain.clone()),
        (None, Some(_)) => Err(NotTaken::Unclear),
        (None, None) => Err(NotTaken::Unproven(
            "no valid DKIM signature is of who it is from",
        )),
    }
}
