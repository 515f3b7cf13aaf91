//! The appliance on a host of the lab, on its real ports.

use super::lab::{Host, address, wait_for};
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// Its domains lie under this one, where a lab has only one appliance.
pub const BASE: &str = "mp.lab";
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mailproof");

/// Writes the configuration, with the times of a test shortened, and returns the DS records for the parent. `servers` have
/// addresses of their own, by the last part of each.
pub fn prepare(host: &Host, base: &str, servers: &[(&str, u8)]) -> String {
    let own: String = (servers.iter())
        .map(|(name, last)| format!("{name} = [\"{}\"]\n", address(*last)))
        .collect();
    fs::create_dir(host.directory.join("zones")).unwrap();
    for zone in ["et", "ut"] {
        host.write(&format!("zones/{zone}.zone"), "; nothing of its own\n");
    }
    host.write(
        "mailproof.toml",
        &format!(
            "base_domain = \"{base}\"\n\
             [network]\naddresses = [\"{}\"]\nhttp_port = 0\n\
             [network.servers]\n{own}\
             [dial]\nallow = [\"198.51.100.0/24\"]\nresolvers = [\"127.0.0.1:53\"]\ntrust_anchors = \"root.anchor\"\n\
             [test]\nplaintext_window = \"10s\"\nrotation = \"10s\"\npatience = \"90s\"\nattempt_gap = \"2s\"\nsettle = \"2s\"\ndeadline = \"240s\"\nquiet = \"30s\"\n\
             [certificates]\nissuer = \"internal\"\n\
             [dns]\nttl_mx = \"1s\"\nttl_records = \"2s\"\nttl_negative = \"1s\"\nttl_keys = \"60s\"\n\
             [reply]\noperator = \"postmaster@operator.lab\"\n\
             [state]\nuser = \"\"\n",
            host.address
        ),
    );
    mailproof(host, &["ds"])
}

/// The records of the parent zone for the appliance.
pub fn delegation(base: &str, ds: &str, last: u8) -> String {
    format!(
        "et.{base}. NS ns1.et.{base}.\nut.{base}. NS ns1.et.{base}.\nns1.et.{base}. A {}\n{ds}\n\
         {last}.100.51.198.in-addr.arpa. PTR et.{base}.\n",
        address(last)
    )
}

/// Starts the appliance and waits until it answers.
pub fn serve(host: &mut Host) {
    let config = host.path("mailproof.toml");
    host.start(PROGRAM, &["--config", &config, "serve"]);
    wait_for("the appliance", Duration::from_secs(30), || {
        let status = host.run(PROGRAM, &["--config", &config, "status", "--json"]);
        let status: Value = serde_json::from_slice(&status.stdout).ok()?;
        (status["running"] == true).then_some(())
    });
}

/// Has a host trust the CAs of these appliances, as its system trusts others: they are in its `roots.pem`.
pub fn trust(host: &Host, appliances: &[&Host]) {
    let roots: String = (appliances.iter())
        .map(|appliance| fs::read_to_string(appliance.path("acme/internal-root.pem")).unwrap())
        .collect();
    host.write("roots.pem", &roots);
}

/// Runs a command of the appliance that must succeed.
pub fn mailproof(host: &Host, arguments: &[&str]) -> String {
    let config = host.path("mailproof.toml");
    let mut all = vec!["--config", config.as_str()];
    all.extend(arguments);
    host.must(PROGRAM, &all)
}

/// The latest test of this sender as `tests show --json` has it, as yet.
pub fn test(host: &Host, sender: &str) -> Option<Value> {
    let list: Value = serde_json::from_str(&mailproof(host, &["tests", "list", "--json"])).unwrap();
    let mut rows = list.as_array()?.iter();
    let row = rows.rfind(|test| test["sender"] == sender)?;
    let shown = mailproof(host, &["tests", "show", row["id"].as_str()?, "--json"]);
    Some(serde_json::from_str(&shown).unwrap())
}

/// The same, once it is reported and its answer is on its way or not.
pub fn reported(host: &Host, sender: &str) -> Option<Value> {
    let test = test(host, sender)?;
    (test["state"] == "reported" && test["reply"]["state"] != "queued").then_some(test)
}
