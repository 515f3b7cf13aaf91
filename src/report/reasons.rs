//! Why no other policy fits: the steps of the verdict, in words.

use super::sending::evidence;
use super::sheet::Sheet;
use super::words::{Words, key};
use crate::infer::{Outbound, Reason};

pub(super) fn write(outbound: &Outbound, words: &Words, sheet: &mut dyn Sheet) {
    if outbound.reasons.is_empty() {
        return;
    }
    sheet.paragraph(&words.plain("reasons"));
    for reason in &outbound.reasons {
        sheet.point(&step(reason, words));
    }
    sheet.blank();
}

fn step(reason: &Reason, words: &Words) -> String {
    let server = reason.server.map(|server| server.to_string());
    let server = ("server", server.as_deref().unwrap_or_default());
    let seen = words.say(&key("reason", &reason.code), &[server]);
    let names: Vec<_> = reason.excludes.iter().map(|policy| policy.name()).collect();
    let text = match names.is_empty() {
        true => words.say("reason-step", &[("seen", &seen)]),
        false => words.say(
            "reason-excludes",
            &[("seen", &seen), ("policies", &names.join(", "))],
        ),
    };
    text + &evidence(&reason.evidence, words)
}
