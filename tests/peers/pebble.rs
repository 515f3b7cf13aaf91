//! Pebble, a real CA, on a host of the lab; it asks the host's own validating resolver.

use super::https::https;
use super::lab::{Host, wait_for};
use std::time::Duration;

/// Starts it, and returns the URL of its directory and the root that its HTTPS leads to.
pub fn start(host: &mut Host) -> (String, String) {
    let (root, chain, key) = https(host.address.into());
    let config = serde_json::json!({"pebble": {
        "listenAddress": format!("{}:14000", host.address),
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": host.write("https.pem", &chain),
        "privateKey": host.write("https.key", &key),
        "httpPort": 80,
        "tlsPort": 443,
    }});
    let config = host.write("pebble.json", &config.to_string());
    let waits = "PEBBLE_VA_SLEEPTIME=2";
    host.start(
        "env",
        &[
            waits,
            "pebble",
            "-config",
            &config,
            "-dnsserver",
            "127.0.0.1:53",
        ],
    );
    wait_for("the CA", Duration::from_secs(30), || issuing_root(host));
    (format!("https://{}:14000/dir", host.address), root)
}

/// The root of what it issues.
pub fn issuing_root(host: &Host) -> Option<String> {
    let ask = "printf 'GET /roots/0 HTTP/1.1\\r\\nHost: ca\\r\\nConnection: close\\r\\n\\r\\n' \
               | openssl s_client -quiet -connect 127.0.0.1:15000";
    let reply = host.run("sh", &["-c", ask]).stdout;
    let reply = String::from_utf8(reply).ok()?;
    let (_, pem) = reply.split_once("\r\n\r\n")?;
    pem.contains("-----END CERTIFICATE-----")
        .then(|| pem.to_owned())
}
