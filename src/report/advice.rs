//! What to do next, for the mail service in question.

use super::Report;
use super::answer::policy_name;
use super::sheet::Sheet;
use super::words::{Words, key};
use crate::probe::inbound::{Colour, Inbound, Mark};

pub(super) fn write(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    sheet.heading(&words.plain("advice"));
    let domain = [("domain", report.test.sender.domain.as_str())];
    let policy = key("advice", policy_name(report.outbound.policy));
    let findings = report.outbound.findings.iter();
    for key in [policy]
        .into_iter()
        .chain(findings.map(|finding| key("advice", &finding.code)))
    {
        // Of some findings there is no more to be said than they say.
        if let Some(text) = words.find(&key, &domain) {
            sheet.point(&text);
        }
    }
    if let Some(inbound) = &report.inbound {
        let domain = [("domain", inbound.domain.as_str())];
        for key in receiving(inbound) {
            sheet.point(&words.say(key, &domain));
        }
    }
}

fn receiving(inbound: &Inbound) -> Vec<&'static str> {
    if inbound.null_mx {
        return Vec::new();
    }
    let mut keys = Vec::new();
    match inbound.colour {
        Colour::Red => keys.push("advice-inbound-red"),
        Colour::Yellow => keys.push("advice-inbound-yellow"),
        Colour::White | Colour::Green | Colour::Grey => {}
    }
    if inbound.dane == Mark::Fail {
        keys.push("advice-inbound-dane");
    }
    if inbound.mta_sts == Mark::Fail {
        keys.push("advice-inbound-sts");
    }
    if [
        inbound.dane,
        inbound.mta_sts,
        inbound.qualified_transport_encryption,
    ]
    .contains(&Mark::Unknown)
    {
        keys.push("advice-inbound-unknown");
    }
    if keys.is_empty() {
        keys.push("advice-inbound-none");
    }
    keys
}
