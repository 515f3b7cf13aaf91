//! The commands about certificates: how they are, and that the operator wants new ones.

use super::publish::Publisher;
use crate::base::Timestamp;
use crate::certs::store::Status;
use crate::certs::{CertError, Slot};
use crate::config::{Config, Issuer};
use serde_json::{Value, json};

/// How the certificates are.
pub fn status(config: &Config, publisher: &Publisher, now: Timestamp) -> Value {
    let certs = publisher.certs();
    let acme = config.certificates.issuer == Issuer::Acme;
    let rows = certs.status(now);
    json!({"json": {
        "issuer": if acme { "acme" } else { "internal" },
        "directory": acme.then_some(&config.certificates.directory),
        "account": certs.account().filter(|_| acme).map(|account| &account.url),
        "ready": rows.iter().all(|row| row.fit),
        "certificates": rows,
    }})
}

/// In a word, for `status`.
pub fn summary(publisher: &Publisher, now: Timestamp) -> String {
    let rows = publisher.certs().status(now);
    let names = |wanted: fn(&&Status) -> bool| {
        let names: Vec<_> = rows.iter().filter(wanted).map(|row| row.name).collect();
        names.join(", ")
    };
    let (unfit, troubled) = (names(|row| !row.fit), names(|row| row.trouble.is_some()));
    match (unfit.as_str(), troubled.as_str()) {
        ("", "") => "ok".to_owned(),
        ("", troubled) => format!("trouble with {troubled}: see `mailproof certs status`"),
        (unfit, _) => {
            format!("mail is put off, nothing to show for {unfit}: see `mailproof certs status`")
        }
    }
}

/// Whether each certificate is as it should be, and what to do where it is not.
pub fn check(publisher: &Publisher, now: Timestamp) -> Vec<Value> {
    let row = |row: Status| {
        let state = match (&row.trouble, row.fit) {
            (None, true) => "good",
            (Some(_), true) => "warning",
            (_, false) => "bad",
        };
        let detail = match (&row.trouble, row.not_after) {
            (Some(trouble), _) => format!("{}: {}", trouble.kind, trouble.detail),
            (None, Some(end)) if row.fit => format!("until {end}"),
            (None, Some(_)) => {
                "the one that is there is not fit to be shown; another one is on its way".to_owned()
            }
            (None, None) => "there is none yet; it is on its way".to_owned(),
        };
        json!({
            "what": format!("certificate {}", row.name),
            "state": state,
            "detail": detail,
            "advice": row.trouble.map(|trouble| trouble.advice),
        })
    };
    publisher.certs().status(now).into_iter().map(row).collect()
}

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// New certificates for the keys in use.
    Renew,
    /// New keys.
    Roll,
}

/// Notes the wish for these certificates, all when none is named; the plan does the rest.
///
/// # Errors
/// When one of them is unknown, and nothing was noted then, or when it cannot be kept.
pub fn wish(
    publisher: &mut Publisher,
    wish: Wish,
    names: &[&str],
    now: Timestamp,
) -> Result<(), String> {
    let slots: Vec<Slot> = match names {
        [] => Slot::all().collect(),
        names => names
            .iter()
            .map(|name| Slot::by_label(name).ok_or_else(|| unknown(name)))
            .collect::<Result<_, _>>()?,
    };
    let certs = publisher.certs_mut();
    for slot in slots {
        let noted = match wish {
            Wish::Renew => certs.want(slot, now),
            Wish::Roll => certs.roll(slot, now),
        };
        noted.map_err(|error: CertError| error.0)?;
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    let names: Vec<_> = Slot::all().map(Slot::label).collect();
    format!("{name:?} is no certificate; there are {}", names.join(", "))
}
