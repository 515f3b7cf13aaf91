//! The result as plain text, in the language of the test. No line is longer than 78 columns.

use super::answer::policy_name;
use super::json::evidence_file;
use super::words::{Words, key};
use super::wrap::Lines;
use super::{Report, advice, answer, history, receiving, sending};

/// The result for people: answer, connection history, analysis of sending and of reception, advice, evidence.
/// Mail addresses of people are shortened in it.
#[must_use]
pub fn text(report: &Report) -> String {
    let words = Words::of(report.test.language);
    let mut lines = Lines::default();
    let domain = report.test.sender.domain.as_str();
    lines.paragraph(&words.say("title", &[("domain", domain)]));
    lines.blank();
    answer::write(report, words, &mut lines);
    history::write(report, words, &mut lines);
    sending::write(report, words, &mut lines);
    receiving::write(report, words, &mut lines);
    advice::write(report, words, &mut lines);
    lines.heading(&words.plain("evidence"));
    let id = report.test.id.as_str();
    let file = evidence_file(&report.test.id);
    lines.paragraph(&words.say("evidence-file", &[("file", &file), ("id", id)]));
    lines.paragraph(&words.plain("evidence-operator"));
    lines.finish()
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
