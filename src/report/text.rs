//! The result as plain text, in the language of the test. No line is longer than 78 columns.

use super::answer::policy_name;
use super::json::evidence_file;
use super::sheet::Sheet;
use super::words::{Words, key};
use super::wrap::Lines;
use super::{Report, advice, answer, history, receiving, sending};

/// The result for people: answer, connection history, analysis of sending and of reception, advice, evidence.
/// Mail addresses of people are shortened in it.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut lines = Lines::default();
    write(report, &mut lines);
    lines.finish()
}

/// The analysis of sending alone.
#[must_use]
pub fn sending_text(report: &Report) -> String {
    let mut lines = Lines::default();
    sending::write(report, Words::of(report.test.language), &mut lines);
    lines.finish()
}

/// Writes the result, whatever it is written on.
pub(super) fn write(report: &Report, sheet: &mut dyn Sheet) {
    let words = Words::of(report.test.language);
    let domain = report.test.sender.domain.as_str();
    sheet.title(&words.say("title", &[("domain", domain)]));
    answer::write(report, words, sheet);
    history::write(report, words, sheet);
    sending::write(report, words, sheet);
    receiving::write(report, words, sheet);
    advice::write(report, words, sheet);
    sheet.heading(&words.plain("evidence"));
    let id = report.test.id.as_str();
    let file = evidence_file(&report.test.id);
    sheet.paragraph(&words.say("evidence-file", &[("file", &file), ("id", id)]));
    sheet.paragraph(&words.plain("evidence-operator"));
}

/// The subject of the result mail.
#[must_use]
pub fn subject(report: &Report) -> String {
    let words = Words::of(report.test.language);
    let name = key("policy", policy_name(report.outbound.policy));
    let policy = words.plain(&name);
    let domain = report.test.sender.domain.as_str();
    words.say("subject", &[("domain", domain), ("policy", &policy)])
}
