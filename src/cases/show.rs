//! The table as text, in the original's form.

use super::{CASES, COLUMNS, Case, Expected, Issue, Reach, Tlsa, relative_name};
use std::fmt::Write as _;

/// Both halves of the table: what each server is, and what each policy does there.
#[must_use]
pub fn table() -> String {
    let mut text =
        String::from("# | host | STARTTLS | SNI | certificate | TLSA | in MTA-STS policy\n");
    for case in &CASES {
        let _ = writeln!(text, "{}", properties(case));
    }
    text.push_str("\n#");
    for policy in COLUMNS {
        let _ = write!(text, " | {policy}");
    }
    text.push('\n');
    for case in &CASES {
        let _ = write!(text, "{}", case.server);
        for expected in case.expected {
            let _ = write!(text, " | {}", delivers(expected));
        }
        text.push('\n');
    }
    text
}

fn properties(case: &Case) -> String {
    let sni = match (case.starttls, case.reach, case.host) {
        (false, ..) => "-",
        (_, Reach::Unnamed, _) => "none",
        (_, _, Some("")) => "own name or none",
        _ => "own name",
    };
    let certificate = match case.issue {
        None => "-",
        Some(Issue::SelfSigned) => "self-signed",
        Some(Issue::Ca) => "CA-issued",
    };
    let tlsa = match case.tlsa {
        Some(Tlsa::Valid) => "valid",
        Some(Tlsa::Invalid) => "invalid",
        None => "-",
    };
    format!(
        "{} | {} | {} | {sni} | {certificate} | {tlsa} | {}",
        case.server,
        relative_name(case.server).as_deref().unwrap_or("-"),
        if case.starttls { "yes" } else { "no" },
        if case.in_policy { "yes" } else { "no" },
    )
}

const fn delivers(expected: Expected) -> &'static str {
    match expected {
        Expected::Yes => "yes",
        Expected::No => "no",
        Expected::Never => "--",
        Expected::YesUnlessDane => "yes, unless the sender also does DANE",
    }
}
