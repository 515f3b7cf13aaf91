//! From what a certificate authority says to a [`Trouble`]: rows of data (RFC 8555 6.7), nothing asked.

use super::super::trouble::{Kind, Trouble};
use super::tap::{Failure, Refusal};
use instant_acme::{Error, Identifier, Problem};

/// At what it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Opening the account, or a plain question.
    Account,
    /// A new order.
    Order,
    /// A step of an order that there is.
    Step,
    /// Looking at the proof that a name is ours.
    Proof,
}

/// What every type of error begins with.
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

/// Types of errors, where they mean that, if not everywhere, and what they mean; the first that fits.
const ROWS: &[(&str, Option<Stage>, Kind)] = &[
    ("unauthorized", Some(Stage::Step), Kind::OrderLost),
    ("unauthorized", Some(Stage::Proof), Kind::Validation),
    ("unauthorized", None, Kind::AccountClosed),
    ("accountDoesNotExist", None, Kind::AccountGone),
    ("userActionRequired", None, Kind::AccountRefused),
    ("externalAccountRequired", None, Kind::AccountRefused),
    ("invalidContact", None, Kind::AccountRefused),
    ("unsupportedContact", None, Kind::AccountRefused),
    ("malformed", Some(Stage::Account), Kind::AccountRefused),
    ("malformed", Some(Stage::Proof), Kind::Validation),
    ("malformed", None, Kind::Rejected),
    ("badPublicKey", Some(Stage::Account), Kind::AccountRefused),
    ("badPublicKey", None, Kind::Rejected),
    ("badSignatureAlgorithm", None, Kind::Protocol),
    ("badNonce", None, Kind::BadNonce),
    ("serverInternal", None, Kind::Unreachable),
    ("rateLimited", None, Kind::RateLimited),
    ("caa", None, Kind::Caa),
    ("dns", None, Kind::Validation),
    ("connection", None, Kind::Validation),
    ("incorrectResponse", None, Kind::Validation),
    ("tls", None, Kind::Validation),
    ("rejectedIdentifier", None, Kind::Rejected),
    ("unsupportedIdentifier", None, Kind::Rejected),
    ("badCSR", None, Kind::Rejected),
    ("alreadyReplaced", None, Kind::Rejected),
    ("invalidProfile", None, Kind::Profile),
    ("orderNotReady", None, Kind::OrderLost),
];

/// What an error of the library means at this stage.
pub(super) fn trouble(error: &Error, stage: Stage) -> Trouble {
    match error {
        Error::Api(problem) => said(problem, stage),
        Error::Other(inner) => match inner.downcast_ref::<Failure>() {
            Some(failure) => unanswered(failure, stage),
            None => Trouble::new(Kind::Protocol, &inner.to_string()),
        },
        Error::Json(error) => {
            let detail = format!("the answer is not that of an ACME server: {error}");
            Trouble::new(Kind::Protocol, &detail)
        }
        Error::Crypto | Error::KeyRejected => Trouble::new(
            Kind::Storage,
            "the key of the account is none of ECDSA P-256 in PKCS#8",
        ),
        Error::Http(_) | Error::InvalidUri(_) => {
            Trouble::new(Kind::Protocol, "the CA names an address that is no URL")
        }
        Error::Str(what) => Trouble::new(Kind::Protocol, what),
        other => Trouble::new(Kind::Protocol, &other.to_string()),
    }
}

/// What a problem document means in which nothing was refused, but noted: that of a challenge or an order.
pub(super) fn said(problem: &Problem, stage: Stage) -> Trouble {
    let kind = kind(problem, stage).unwrap_or(match stage {
        Stage::Proof => Kind::Validation,
        _ => Kind::Rejected,
    });
    Trouble::new(kind, &words(problem))
}

fn unanswered(failure: &Failure, stage: Stage) -> Trouble {
    let kind = match failure {
        Failure::Silent(_) => Kind::Unreachable,
        Failure::Clock { .. } => Kind::Clock,
        Failure::Foreign(_) => Kind::Protocol,
        Failure::Refused(refusal) => return refused(refusal, stage, &failure.to_string()),
    };
    Trouble::new(kind, &failure.to_string())
}

fn refused(refusal: &Refusal, stage: Stage, otherwise: &str) -> Trouble {
    let told = refusal.problem.as_ref();
    let typed = told.and_then(|problem| kind(problem, stage));
    let kind = match (refusal.status, typed) {
        // Busy, whatever it says beside: a CA calls it a limit of rates, but it is one for everybody.
        (503, _) => Kind::Unreachable,
        (404, Some(Kind::Rejected) | None) if stage == Stage::Step => Kind::OrderLost,
        // No account asked, so it is no word about ours.
        (..429 | 430..500, _) if !refusal.signed => Kind::Protocol,
        (_, Some(kind)) => kind,
        (429, None) => Kind::RateLimited,
        (500.., None) => Kind::Unreachable,
        (_, None) if told.is_none() => Kind::Protocol,
        (_, None) if stage == Stage::Account => Kind::AccountRefused,
        (_, None) => Kind::Rejected,
    };
    let words = told.map(words).filter(|words| !words.is_empty());
    Trouble {
        wait: refusal.wait,
        ..Trouble::new(kind, words.as_deref().unwrap_or(otherwise))
    }
}

/// What the type of a problem means, or of the first of its parts that is known, where the whole is not (`compound`).
fn kind(problem: &Problem, stage: Stage) -> Option<Kind> {
    let parts = problem.subproblems.iter().map(|part| &part.r#type);
    std::iter::once(&problem.r#type)
        .chain(parts)
        .flatten()
        .find_map(|name| {
            let name = name.strip_prefix(NAMESPACE)?;
            let mut rows = ROWS.iter();
            let fits = |at: &Option<Stage>| at.is_none_or(|at| at == stage);
            let row = rows.find(|(known, at, _)| *known == name && fits(at));
            row.map(|(.., kind)| *kind)
        })
}

/// The words of a CA: what happened, in brackets the type, then the parts by name.
fn words(problem: &Problem) -> String {
    let mut words = problem.detail.clone().unwrap_or_default();
    if let Some(name) = &problem.r#type {
        let name = name.strip_prefix(NAMESPACE).unwrap_or(name);
        words.push_str(&format!(" ({name})"));
    }
    for part in &problem.subproblems {
        let detail = part.detail.as_deref().unwrap_or("refused");
        match &part.identifier {
            Some(Identifier::Dns(name)) => words.push_str(&format!("; {name}: {detail}")),
            _ => words.push_str(&format!("; {detail}")),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn problem(text: &str) -> Problem {
        serde_json::from_str(text).unwrap()
    }

    fn typed(name: &str) -> Problem {
        problem(&format!(
            r#"{{"type": "{NAMESPACE}{name}", "detail": "because"}}"#
        ))
    }

    #[test]
    fn every_row_can_be_reached() {
        let mut seen = BTreeSet::new();
        for (name, at, kind) in ROWS {
            let stage = at.unwrap_or(Stage::Order);
            let trouble = said(&typed(name), stage);
            assert_eq!(trouble.kind, *kind, "{name} at {stage:?}");
            assert_eq!(trouble.detail, format!("because ({name})"));
            assert!(seen.insert((name, stage as u8)), "{name} is there twice");
        }
    }

    #[test]
    fn a_type_that_nobody_knows_goes_by_the_stage() {
        let none = problem("{}");
        for unknown in [typed("teapot"), problem(r#"{"type": "about:blank"}"#), none] {
            assert_eq!(said(&unknown, Stage::Proof).kind, Kind::Validation);
            assert_eq!(said(&unknown, Stage::Order).kind, Kind::Rejected);
        }
        let compound = problem(
            r#"{"type": "urn:ietf:params:acme:error:compound", "detail": "Two errors", "subproblems": [
                {"type": "about:blank"},
                {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids",
                 "identifier": {"type": "dns", "value": "example.org"}}]}"#,
        );
        let trouble = said(&compound, Stage::Proof);
        let told = "caa: Two errors (compound); refused; example.org: CAA forbids";
        assert_eq!(trouble.to_string(), told);
    }

    #[test]
    fn a_refusal_goes_by_type_then_by_status() {
        let limited = r#"{"type": "urn:ietf:params:acme:error:rateLimited"}"#;
        let malformed = r#"{"type": "urn:ietf:params:acme:error:malformed"}"#;
        let html = "<html>Bad gateway</html>";
        let rows = [
            (429, true, limited, Stage::Order, Kind::RateLimited),
            (503, true, limited, Stage::Order, Kind::Unreachable),
            (429, true, html, Stage::Order, Kind::RateLimited),
            (502, true, html, Stage::Order, Kind::Unreachable),
            (502, false, html, Stage::Account, Kind::Unreachable),
            (403, true, html, Stage::Order, Kind::Protocol),
            (403, true, "{}", Stage::Order, Kind::Rejected),
            (403, true, "{}", Stage::Account, Kind::AccountRefused),
            (404, false, malformed, Stage::Account, Kind::Protocol),
            (404, true, malformed, Stage::Step, Kind::OrderLost),
            (404, true, html, Stage::Step, Kind::OrderLost),
            (404, true, malformed, Stage::Order, Kind::Rejected),
            (400, true, malformed, Stage::Step, Kind::Rejected),
        ];
        for (status, signed, body, stage, kind) in rows {
            let refusal = Refusal {
                status,
                signed,
                problem: serde_json::from_str(body).ok(),
                wait: Some(Duration::from_secs(7)),
            };
            let error = Error::Other(Box::new(Failure::Refused(refusal)));
            let trouble = trouble(&error, stage);
            assert_eq!(trouble.kind, kind, "{status} {body} at {stage:?}");
            assert_eq!(trouble.wait, Some(Duration::from_secs(7)));
            assert!(!trouble.detail.is_empty());
        }
    }
}
