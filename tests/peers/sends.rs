//! `send` under each policy, against an appliance whose servers have addresses of their own: what it prints, and that it
//! goes where that policy lets it go and nowhere else.

use super::appliance::PROGRAM;
use super::lab::{Host, wait_for};
use std::fs;
use std::time::Duration;

/// A policy, the hosts of `et` that may get a recipient, what `ut` brings, and what else has to be printed.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const ANY: &[&str] = &["mx03", "mx04", "mx05", "mx06"];
const STOPPED: &str = "stopped after rcpt at ut.own.lab";

const ROWS: &[Row] = &[
    (
        "none",
        ANY,
        STOPPED,
        &[
            "< 250, STARTTLS offered",
            "> MAIL FROM:<op@operator.lab>",
            "> RCPT TO:<en@ut.own.lab>",
        ],
    ),
    (
        "may",
        ANY,
        STOPPED,
        &["> STARTTLS (no SNI; any certificate will do)"],
    ),
    (
        "encrypt",
        ANY,
        STOPPED,
        &["> STARTTLS (no SNI; any certificate will do)", "TLS 1.3 "],
    ),
    (
        "verify",
        &["mx05", "mx06"],
        STOPPED,
        &["; a trusted certificate is required)"],
    ),
    (
        "dane",
        &["mx04", "mx06"],
        STOPPED,
        &[
            "TLSA at _25._tcp.mx0",
            "(secure)",
            "; a TLSA match is required)",
            "none (secure)",
        ],
    ),
    (
        "dane-only",
        &["mx04", "mx06"],
        "DANE is required, but there are no secure TLSA records",
        &["; a TLSA match is required)"],
    ),
    (
        "mta-sts",
        &["mx05", "mx06"],
        STOPPED,
        &[
            "MTA-STS policy of et.own.lab?",
            "enforce: mx04.et.own.lab mx05.et.own.lab mx06.et.own.lab",
            "MTA-STS policy of ut.own.lab?\nno policy",
            "; a trusted certificate is required)",
        ],
    ),
    (
        "dane+mta-sts",
        &["mx06"],
        STOPPED,
        &["; a trusted certificate and a TLSA match are required)"],
    ),
];

/// What one attempt under this policy prints, stopped before any message; and whether it came so far everywhere.
fn send(host: &Host, config: &str, policy: &str) -> (String, bool) {
    let arguments = [
        "--config",
        config,
        "send",
        "--policy",
        policy,
        "--from",
        "op@operator.lab",
        "--to",
        "en@et.own.lab,en@ut.own.lab",
        "--stop-after",
        "rcpt",
    ];
    let output = host.run(PROGRAM, &arguments);
    let printed = String::from_utf8(output.stdout).unwrap();
    (printed, output.status.success())
}

/// What is wrong with what `send` prints on this host, which trusts the CA of `appliance`.
pub fn faults(host: &Host, appliance: &Host) -> Vec<String> {
    let root = appliance.path("acme/internal-root.pem");
    let config = fs::read_to_string(host.path("mailproof.toml")).unwrap();
    let config = config.replace("[dial]\n", &format!("[dial]\nextra_roots = [\"{root}\"]\n"));
    let config = host.write("send.toml", &config);

    let mut faults = Vec::new();
    // First it meets the window, as any sender does.
    let (printed, reached) = send(host, &config, "encrypt");
    let why = "]: TLS is required, but STARTTLS was not offered";
    let told = |line: &&str| line.starts_with("! mx0") && line.ends_with(why);
    if reached || printed.lines().filter(told).count() != ANY.len() {
        faults.push(format!("encrypt in the window:\n{printed}"));
    }
    wait_for("the end of the window", Duration::from_secs(60), || {
        send(host, &config, "encrypt").1.then_some(())
    });
    for (policy, hosts, ut, parts) in ROWS {
        let (printed, reached) = send(host, &config, policy);
        let at =
            |name: &&&str| printed.contains(&format!("stopped after rcpt at {name}.et.own.lab"));
        let right = hosts.iter().any(|name| at(&name))
            && reached == (*ut == STOPPED)
            && printed.contains(ut)
            && parts.iter().all(|part| printed.contains(part))
            && (*policy == "none") != printed.contains("> STARTTLS (")
            && (*policy != "mta-sts" || !printed.contains("connecting to mx03"));
        if !right {
            faults.push(format!("send --policy {policy}:\n{printed}"));
        }
    }
    faults
}
