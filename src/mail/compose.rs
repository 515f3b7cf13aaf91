//! The result mail as octets, ready to be sent (RFC 5322, RFC 3834, RFC 2045).

use super::sign;
use crate::base::ports::Random;
use crate::base::{Mailbox, Timestamp, id, limits};
use crate::keys::DkimKeys;
use crate::report::{self, Redaction, Report};
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Message, MultiPart, SinglePart};
use std::fmt;
use std::time::SystemTime;

/// Why a mail could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeError(pub String);

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ComposeError {}

fn failed(error: impl fmt::Display) -> ComposeError {
    ComposeError(format!("the result mail cannot be made: {error}"))
}

/// Longest Message-ID of a stranger that is repeated in ours, in octets.
const MESSAGE_ID: usize = 250;

/// The mail that answers this test: to its envelope sender, from `from`, signed for the domain of that address. The text,
/// plain and as HTML, is in the language of the test; the evidence is attached as JSON, mail addresses shortened. The null return path is
/// the envelope's business.
///
/// # Errors
/// When there is no key to sign with, or `from` is no address that a header can hold.
pub fn compose(
    report: &Report,
    from: &Mailbox,
    keys: &DkimKeys,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Vec<u8>, ComposeError> {
    let test = &report.test;
    let sender = lettre::Address::new(&from.local, from.domain.as_str()).map_err(failed)?;
    // The library asks for an envelope; ours is made at delivery.
    let envelope = Envelope::new(None, vec![sender.clone()]).map_err(failed)?;
    let mut builder = Message::builder()
        .envelope(envelope)
        .from(lettre::message::Mailbox::new(None, sender))
        // UTF-8 where the local part is (RFC 6532 3.2).
        .raw_header(verbatim("To", test.sender.to_string()))
        .subject(report::subject(report))
        .date(SystemTime::from(now))
        .message_id(Some(format!(
            "<{}.{}@{}>",
            bits(random),
            test.id,
            from.domain
        )))
        .raw_header(verbatim("Auto-Submitted", "auto-replied".to_owned()))
        .raw_header(verbatim("X-Auto-Response-Suppress", "All".to_owned()));
    let answered = test.message_ids.iter().find(|id| is_repeatable(id));
    if let Some(answered) = answered {
        let reference = format!("<{answered}>");
        builder = builder
            .raw_header(verbatim("In-Reply-To", reference.clone()))
            .raw_header(verbatim("References", reference));
    }
    let message = builder.multipart(parts(report, random)?).map_err(failed)?;
    sign::signed(&message.formatted(), &from.domain, keys)
}

fn parts(report: &Report, random: &dyn Random) -> Result<MultiPart, ComposeError> {
    let evidence = evidence(report)?;
    let json = ContentType::parse("application/json").map_err(failed)?;
    let file = report::evidence_file(&report.test.id);
    // A reader shows the last form that it understands (RFC 2046 5.1.4).
    let readable = MultiPart::alternative()
        .boundary(boundary("text", random))
        .singlepart(SinglePart::plain(report::text(report)))
        .singlepart(SinglePart::html(report::html(report)));
    Ok(MultiPart::mixed()
        .boundary(boundary("mixed", random))
        .multipart(readable)
        .singlepart(Attachment::new(file).body(evidence, json)))
}

/// Spread over lines for people, on one line when that would be too much.
fn evidence(report: &Report) -> Result<String, ComposeError> {
    let json = report::json(report, Redaction::Personal);
    let mut text = serde_json::to_string_pretty(&json).map_err(failed)?;
    if text.len() > limits::EVIDENCE_SPREAD {
        text = serde_json::to_string(&json).map_err(failed)?;
    }
    text.push('\n');
    Ok(text)
}

/// A line that no part holds; the kind keeps those of one mail apart even if the random bits were the same.
fn boundary(kind: &str, random: &dyn Random) -> String {
    format!("{kind}{}", bits(random))
}

/// 80 random bits in 16 characters.
fn bits(random: &dyn Random) -> String {
    let mut bits = [0; 10];
    random.fill(&mut bits);
    id::encode(&bits)
}

/// A header whose value is safe as it is: made by us, or of a type that holds no line end.
fn verbatim(name: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}

/// Whether a stranger's Message-ID can be repeated without harm: printable ASCII, one `@`, no brackets.
fn is_repeatable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>(),;:\\\"".contains(&byte);
    id.len() <= MESSAGE_ID && id.bytes().all(plain) && id.matches('@').count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_message_ids_are_repeated() {
        for (id, repeatable) in [
            ("1@example.net", true),
            ("CAF=$!x_1.2@mail.example.net", true),
            ("1@example.net\r\nBcc: x@example.org", false),
            ("1@example.net> <2@example.net", false),
            ("no-at", false),
            ("a@b@c", false),
            ("ä@example.net", false),
            (&format!("{}@example.net", "x".repeat(250)), false),
        ] {
            assert_eq!(is_repeatable(id), repeatable, "{id}");
        }
    }
}
