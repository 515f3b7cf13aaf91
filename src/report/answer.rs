//! The answer in a sentence or two that a layman understands, ending in the rating.

use super::Report;
use super::sheet::Sheet;
use super::words::{Words, key};
use crate::base::Policy;
use crate::infer::{Plaintext, Rating};

/// The name of a policy, or `undetermined`.
pub(super) fn policy_name(policy: Option<Policy>) -> &'static str {
    policy.map_or("undetermined", Policy::name)
}

/// The name of a rating as part of a key.
pub(super) const fn rating_name(rating: Option<Rating>) -> &'static str {
    match rating {
        Some(Rating::Bad) => "bad",
        Some(Rating::Weak) => "weak",
        Some(Rating::Fair) => "fair",
        Some(Rating::Good) => "good",
        Some(Rating::VeryGood) => "very good",
        None => "missing",
    }
}

/// A rating in words.
pub(super) fn rating(words: &Words, rating: Option<Rating>) -> String {
    words.plain(&key("rating", rating_name(rating)))
}

pub(super) fn write(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    let outbound = &report.outbound;
    let domain = report.test.sender.domain.as_str();
    let mut text = words.say(
        &key("answer", policy_name(outbound.policy)),
        &[("domain", domain)],
    );
    if clear_first(report) {
        text.push(' ');
        text.push_str(&words.plain("answer-clear"));
    }
    text.push(' ');
    text.push_str(&match outbound.rating {
        Some(_) => words.say(
            "answer-rating",
            &[("rating", &rating(words, outbound.rating))],
        ),
        None => words.plain("answer-unrated"),
    });
    sheet.paragraph(&text);
}

/// Whether clear text went to `et` although the policy found would forbid it.
fn clear_first(report: &Report) -> bool {
    let weak = matches!(
        report.outbound.policy,
        None | Some(Policy::None | Policy::May)
    );
    report.outbound.plaintext.et == Plaintext::Sent && !weak
}
