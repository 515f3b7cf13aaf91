//! The connection history in the original's form:
//!
//! ```text
//! 11.23.2026 22:51:04 – 22:51:08 (Server 6, encrypted, Mail)
//!   From: j***m@example.net
//!   To: en@et.example.org
//!   Signatures: Dkim
//! ```

use super::Report;
use super::json::Redaction;
use super::sheet::Sheet;
use super::words::Words;
use crate::base::{Contact, Status, Timestamp, Transport, limits};

pub(super) fn write(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    sheet.heading(&words.plain("history"));
    sheet.paragraph(&words.plain("history-note"));
    let contacts = &report.test.connections;
    if contacts.iter().any(|contact| contact.shared) {
        sheet.paragraph(&words.plain("history-shared-note"));
    }
    sheet.blank();
    if contacts.is_empty() {
        sheet.paragraph(&words.plain("history-empty"));
    }
    // What began a test and what ended it say most.
    let half = limits::REPORT_CONNECTIONS / 2;
    let left_out = contacts.len().saturating_sub(limits::REPORT_CONNECTIONS);
    for (index, contact) in contacts.iter().enumerate() {
        if left_out == 0 || index < half || index >= half + left_out {
            connection(contact, words, sheet);
        } else if index == half {
            let count = left_out.to_string();
            sheet.paragraph(&words.say("history-more", &[("count", &count)]));
        }
    }
}

fn connection(contact: &Contact, words: &Words, sheet: &mut dyn Sheet) {
    let facts = &contact.connection;
    let mut began = day_and_time(facts.started, words);
    if let Some(ended) = facts.ended {
        began.push_str(" – ");
        // The day is said again only where it is another one.
        began.push_str(&match day(ended, words) == day(facts.started, words) {
            true => time(ended),
            false => day_and_time(ended, words),
        });
    }
    let server = facts.server.map_or_else(
        || words.plain("server-unknown"),
        |server| server.to_string(),
    );
    let transport = words.plain(match facts.transport {
        Transport::Plain => "transport-plain",
        Transport::Encrypted => "transport-encrypted",
    });
    let shared = match contact.shared {
        true => words.plain("history-shared"),
        false => String::new(),
    };
    let values = [
        ("server", server.as_str()),
        ("transport", &transport),
        ("status", status(facts.status)),
        ("shared", &shared),
    ];
    sheet.paragraph(&format!("{began} {}", words.say("history-line", &values)));
    if let Some(from) = &facts.from {
        let from = from.as_ref().map_or_else(
            || words.plain("history-null-sender"),
            |from| Redaction::Personal.person(from),
        );
        sheet.inset(&words.say("history-from", &[("from", &from)]));
    }
    if !facts.to.is_empty() {
        let to: Vec<_> = facts
            .to
            .iter()
            .map(|to| Redaction::Personal.ours(to))
            .collect();
        sheet.inset(&words.say("history-to", &[("to", &to.join(", "))]));
    }
    if let Some(message) = &facts.message
        && !message.signatures.is_empty()
    {
        let signatures = message.signatures.join(", ");
        sheet.inset(&words.say("history-signatures", &[("signatures", &signatures)]));
    }
}

/// The original's words, the same in every language.
const fn status(status: Status) -> &'static str {
    match status {
        Status::None => "None",
        Status::SniSeen => "SniSeen",
        Status::TlsStarted => "TlsStarted",
        Status::Mail => "Mail",
        Status::Acked => "Acked",
    }
}

fn day(moment: Timestamp, words: &Words) -> String {
    moment.strftime(words.day).to_string()
}

fn time(moment: Timestamp) -> String {
    moment.strftime("%H:%M:%S").to_string()
}

/// A moment as the history writes it.
pub(super) fn day_and_time(moment: Timestamp, words: &Words) -> String {
    format!("{} {}", day(moment, words), time(moment))
}
