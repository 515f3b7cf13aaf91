//! A verdict in one line, for lists.

use super::answer::{policy_name, rating_name};
use crate::infer::{Confidence, Outbound, Plaintext};

/// The verdict in one line of English: `dane (proven), very good; clear text: et refused, ut sent`.
#[must_use]
pub fn explain(outbound: &Outbound) -> String {
    let mut text = match outbound.policy {
        Some(policy) => {
            let confidence = match outbound.confidence {
                Confidence::Proven => "proven",
                Confidence::Supported => "supported",
            };
            let rating = rating_name(outbound.rating);
            format!("{policy} ({confidence}), {rating}")
        }
        None => {
            let names: Vec<_> = outbound
                .candidates
                .iter()
                .map(|policy| policy.name())
                .collect();
            match names.is_empty() {
                true => format!("{}, contradictory", policy_name(None)),
                false => format!("{}: {}", policy_name(None), names.join(" or ")),
            }
        }
    };
    let clear = &outbound.plaintext;
    text.push_str(&format!(
        "; clear text: et {}, ut {}",
        plaintext(clear.et),
        plaintext(clear.ut)
    ));
    if !outbound.waiting_for.is_empty() {
        let waiting = outbound.waiting_for.iter();
        let servers: Vec<_> = waiting.map(ToString::to_string).collect();
        text.push_str(&format!("; waiting for {}", servers.join(", ")));
    }
    text
}

const fn plaintext(what: Plaintext) -> &'static str {
    match what {
        Plaintext::Refused => "refused",
        Plaintext::Sent => "sent",
        Plaintext::Unseen => "unseen",
    }
}
