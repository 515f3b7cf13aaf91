//! What to do next, for the mail service in question.

use super::Report;
use super::answer::policy_name;
use super::sheet::Sheet;
use super::words::{Words, key};
use crate::base::Policy;
use crate::infer::{Outbound, Plaintext};
use crate::probe::inbound::{Colour, Inbound, Mark};

/// Findings with advice of their own.
const FINDINGS: [&str; 4] = [
    "sts-overrides-dane",
    "tls-too-old",
    "weakens-on-retry",
    "verify-without-sni",
];

pub(super) fn write(report: &Report, words: &Words, sheet: &mut dyn Sheet) {
    sheet.heading(&words.plain("advice"));
    let domain = [("domain", report.test.sender.domain.as_str())];
    for key in sending(&report.outbound) {
        sheet.point(&words.say(&key, &domain));
    }
    if let Some(inbound) = &report.inbound {
        let domain = [("domain", inbound.domain.as_str())];
        for key in receiving(inbound) {
            sheet.point(&words.say(key, &domain));
        }
    }
}

fn sending(outbound: &Outbound) -> Vec<String> {
    let mut keys = vec![key("advice", policy_name(outbound.policy))];
    // Where TLS is optional altogether, the advice on the policy covers clear text.
    let strict = !matches!(
        outbound.policy,
        None | Some(Policy::None | Policy::May | Policy::Encrypt | Policy::Verify)
    );
    if strict && outbound.plaintext.et == Plaintext::Sent {
        keys.push("advice-clear-et".to_owned());
    }
    if strict && outbound.plaintext.ut == Plaintext::Sent {
        keys.push("advice-clear-ut".to_owned());
    }
    let found = |code: &&str| {
        outbound
            .findings
            .iter()
            .any(|finding| finding.code == **code)
    };
    keys.extend(
        FINDINGS
            .iter()
            .filter(|code| found(code))
            .map(|code| key("advice", code)),
    );
    keys
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
