//! Certificates, readable to a person.

use super::string;
use serde_json::Value;

/// `certs status`, and what comes of `renew` and `roll`.
pub fn status(answer: &Value) -> String {
    let Some(facts) = answer.get("json") else {
        return String::new();
    };
    let mut text = match string(facts, "directory") {
        "" => "issued by a CA of our own, which nobody trusts unless told to (issuer = \"internal\")\n".to_owned(),
        directory => match string(facts, "account") {
            "" => format!("issued by the CA at {directory}, where there is no account yet\n"),
            account => format!("issued by the CA at {directory}, account {account}\n"),
        },
    };
    text.push_str(&format!(
        "{:12}  {:11}  {:20}  {:29}  state\n",
        "name", "kind", "until", "renewed"
    ));
    for row in rows(facts.get("certificates")) {
        certificate(&mut text, row);
    }
    for (trouble, names) in troubles(facts.get("certificates")) {
        let (kind, detail) = (string(trouble, "kind"), string(trouble, "detail"));
        text.push_str(&format!(
            "\n{}: {kind} since {}: {detail}\nTried again at {}. {}\n",
            names.join(", "),
            second(trouble, "since"),
            second(trouble, "again"),
            string(trouble, "advice"),
        ));
    }
    text
}

/// What is wrong, each once, and whom it concerns.
fn troubles(certificates: Option<&Value>) -> Vec<(&Value, Vec<&str>)> {
    let mut troubles: Vec<(&Value, Vec<&str>)> = Vec::new();
    for row in rows(certificates) {
        let Some(trouble) = row.get("trouble").filter(|trouble| !trouble.is_null()) else {
            continue;
        };
        match troubles.iter_mut().find(|(one, _)| *one == trouble) {
            Some((_, names)) => names.push(string(row, "name")),
            None => troubles.push((trouble, vec![string(row, "name")])),
        }
    }
    troubles
}

fn certificate(text: &mut String, row: &Value) {
    let state = match (row.get("fit"), row.get("trouble")) {
        (Some(Value::Bool(false)), _) => "not fit: mail is put off",
        (_, None | Some(Value::Null)) => "good",
        _ => "good, but see below",
    };
    let renewed = match string(row, "renew_by") {
        "ari" => format!("{} (CA)", second(row, "renew")),
        "operator" => format!("{} (wanted)", second(row, "renew")),
        _ => second(row, "renew"),
    };
    text.push_str(&format!(
        "{:12}  {:11}  {:20}  {renewed:29}  {state}\n",
        string(row, "name"),
        string(row, "kind"),
        second(row, "not_after"),
    ));
    if let Some(next) = row.get("next").filter(|next| !next.is_null()) {
        let when = match (next.get("switch"), next.get("visible")) {
            (Some(Value::String(_)), _) => format!("is used from {} on", second(next, "switch")),
            _ => "is used when all name servers show it".to_owned(),
        };
        let digest = string(next, "spki_sha256");
        text.push_str(&format!("    next key {digest} {when}\n"));
    }
}

/// `check`
pub fn check(answer: &Value) -> String {
    let mut text = String::new();
    for row in rows(answer.get("json")) {
        let (state, what, detail) = (
            string(row, "state"),
            string(row, "what"),
            string(row, "detail"),
        );
        text.push_str(&format!("{state:8} {what}: {detail}\n"));
        if let Some(advice) = row.get("advice").and_then(Value::as_str) {
            text.push_str(&format!("{:8} {advice}\n", ""));
        }
    }
    text
}

fn rows(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

/// A time, to the second.
fn second(row: &Value, key: &str) -> String {
    let time = string(row, key);
    match time.split_once('.') {
        Some((time, _)) => format!("{time}Z"),
        None => time.to_owned(),
    }
}
