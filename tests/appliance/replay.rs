//! `replay`: whoever is handed an export needs neither the appliance nor its configuration to see how its verdict came about.

use crate::appliance::Appliance;
use crate::commands::{refused, with_a_test};
use serde_json::Value;
use std::process::{Command, Output};

fn replay(appliance: &Appliance, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mailproof"))
        .current_dir(appliance.path("."))
        .arg("replay")
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn an_export_leads_to_the_verdict_it_was_made_of() {
    let appliance = with_a_test();
    let test = appliance.test_of("jim@sender.example");
    let id = test["id"].as_str().unwrap();
    let export = appliance.text(&["tests", "export", id]);
    std::fs::write(appliance.path("case.json"), &export).unwrap();

    let again: Value =
        serde_json::from_str(&printed(&replay(&appliance, &["case.json", "--json"]))).unwrap();
    assert_eq!(again["outbound"], test["outbound"]);
    assert_eq!(again["id"], test["id"]);
    let text = printed(&replay(&appliance, &["case.json"]));
    for part in ["undetermined: none or may or mta-sts", "this rules out"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let row = printed(&replay(&appliance, &["case.json", "--row"]));
    for part in ["1 0 window et mail\n", "candidates none may mta-sts\n"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    for private in ["jim", "sender.example", "127.0.0.1"] {
        assert!(!row.contains(private), "{private}: {row}");
    }
}

#[test]
fn what_is_no_export_is_refused_by_name() {
    let appliance = with_a_test();
    let id = appliance.test_of("jim@sender.example")["id"].clone();
    let export = appliance.text(&["tests", "export", id.as_str().unwrap()]);
    for (content, why) in [
        (None, "case.json: not found"),
        (
            Some(String::new()),
            "case.json: not what `mailproof tests export ID` prints: EOF",
        ),
        (Some(export[..export.len() / 2].to_owned()), "at line "),
        (
            Some("{\"format\": \"another\"}".to_owned()),
            "`mailproof-test`",
        ),
        (
            Some(export.replace("\"version\": 1", "\"version\": 2")),
            "case.json: version 2; up to 1 is known here",
        ),
    ] {
        let file = appliance.path("case.json");
        match content {
            Some(content) => std::fs::write(&file, content).unwrap(),
            None => assert!(!file.exists()),
        }
        let error = refused(&replay(&appliance, &["case.json"]), 2);
        assert!(error.contains(why), "{error}");
    }
}
