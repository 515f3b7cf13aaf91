//! Erasing persons and tests: gone for every reader at once, and from the file after the next start.

use crate::appliance::Appliance;
use crate::client::Client;
use serde_json::Value;
use std::fs;

const NAME: &str = "out.sender.example";
const JIM: &str = "jim@sender.example";
const EVE: &str = "eve@other.example";

/// An appliance that has seen the window of all who send here.
fn started() -> Appliance {
    let appliance = Appliance::started();
    let mut client = appliance.client();
    client.converse(&[("EHLO out.sender.example", "250")]);
    client.quit();
    appliance.wait_for_window();
    appliance
}

/// A message inside TLS, put off; the session stays open.
fn mail(appliance: &Appliance, from: &str, to: &str, message_id: &str) -> Client {
    let mut client = appliance.secured(NAME, "mx06.et.example.org");
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        (&format!("MAIL FROM:<{from}>"), "250"),
        (&format!("RCPT TO:<{to}>"), "250"),
    ]);
    let message = format!("From: <{from}>\r\nMessage-ID: <{message_id}>\r\n\r\nx\r\n.");
    client.converse(&[("DATA", "354"), (&message, "451 4.7.1")]);
    client
}

fn senders(appliance: &Appliance) -> Vec<String> {
    let list = appliance.json(&["tests", "list"]);
    let sender = |row: &Value| row["sender"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(sender).collect()
}

/// Whether the journal's file holds this.
fn holds(appliance: &Appliance, text: &str) -> bool {
    let file = fs::read(appliance.path("journal.redb")).unwrap();
    let text = text.as_bytes();
    file.windows(text.len()).any(|part| part == text)
}

fn is_refused(appliance: &Appliance, arguments: &[&str], why: &str) {
    let output = appliance.run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_person_is_erased_while_her_mail_comes_in() {
    let mut appliance = started();
    let minted = appliance.json(&["tests", "token", "--language", "de"]);
    let token = minted["token"].as_str().unwrap().to_owned();
    let [et, ut] = [0, 1].map(|zone| minted["addresses"][zone].as_str().unwrap());
    assert_eq!(et, format!("de+{token}@et.example.org"));
    assert_eq!(ut, format!("de+{token}@ut.example.org"));

    let eves = mail(&appliance, EVE, "en@et.example.org", "1@other.example");
    let halfway = mail(&appliance, JIM, "en@et.example.org", "1@sender.example");
    let open = mail(&appliance, JIM, et, "2@sender.example");
    assert_eq!(senders(&appliance), [EVE, JIM, JIM]);
    let list = appliance.json(&["tests", "list"]);
    let id = list[2]["id"].as_str().unwrap();
    let export = appliance.json(&["tests", "export", id]);
    assert_eq!(
        (&export["format"], &export["version"]),
        (&"mailproof-test".into(), &1.into())
    );
    assert_eq!(export["test"]["token"], token.as_str());
    assert_eq!(export["test"]["message_ids"][0], "2@sender.example");

    let erased = appliance.text(&["tests", "erase", "jim@SENDER.example"]);
    assert!(
        erased.starts_with("erased: 2 tests, 0 results, 0 waiting mails, "),
        "{erased}"
    );
    assert_eq!(senders(&appliance), [EVE]);
    for command in ["show", "export", "erase"] {
        is_refused(&appliance, &["tests", command, id], "there is no test");
    }
    is_refused(
        &appliance,
        &["tests", "erase", JIM],
        "nothing is known of jim@sender.example",
    );
    // What her sessions still report comes to nothing.
    for client in [halfway, open, eves] {
        client.leave();
    }
    assert_eq!(senders(&appliance), [EVE]);
    appliance.stop();
    assert_eq!(
        senders(&appliance),
        [EVE],
        "and so it is for who looks into the directory"
    );
    appliance.start();
    assert_eq!(senders(&appliance), [EVE]);
    for gone in [
        "im@sender.example",
        "im@Sender.Example",
        "@sender.example",
        &token,
    ] {
        assert!(!holds(&appliance, gone), "{gone}");
    }
    for stays in [EVE, "1@other.example"] {
        assert!(holds(&appliance, stays), "{stays}");
    }
    for secret in [JIM, EVE, &token] {
        assert!(!appliance.log().contains(secret), "{secret} is in the log");
    }
    // She may come again.
    mail(&appliance, JIM, "en@et.example.org", "3@sender.example").quit();
    assert_eq!(appliance.test_of(JIM)["state"], "waiting");
}

#[test]
fn a_test_is_erased_while_the_appliance_is_stopped() {
    let mut appliance = started();
    for (from, id) in [(JIM, "1@sender.example"), (EVE, "1@other.example")] {
        mail(&appliance, from, "en@et.example.org", id).quit();
    }
    let test = appliance.test_of(JIM);
    let id = test["id"].as_str().unwrap();
    appliance.stop();
    let before = appliance.json(&["tests", "export", id]);
    let erased = appliance.json(&["tests", "erase", id]);
    assert_eq!(
        (&erased["tests"], &erased["results"]),
        (&1.into(), &0.into())
    );
    assert_eq!(erased["records"], 2, "it was opened, and one connection");
    is_refused(&appliance, &["tests", "erase", id], "there is no test");
    appliance.start();
    assert_eq!(senders(&appliance), [EVE]);
    assert!(!holds(&appliance, JIM) && holds(&appliance, EVE));
    assert_eq!(before["test"]["id"], id);
    for usage in ["nobody", "@", "jim@", "0123456789abcde"] {
        let output = appliance.run(&["tests", "erase", usage]);
        assert_eq!(output.status.code(), Some(2), "{usage}");
    }
}
