//! The lab's DNS: one signed zone, the root, served by Knot; a validating Unbound on each host.

use super::lab::{Host, wait_for};
use std::fs;
use std::time::Duration;

/// Serves the signed root zone with these records on this host, and returns the trust anchor as a DS record.
pub fn serve_root(host: &mut Host, records: &str) -> String {
    let directory = host.directory.display().to_string();
    for folder in ["run", "db"] {
        fs::create_dir_all(host.directory.join(folder)).unwrap();
    }
    let zone = format!(
        "$TTL 60\n. SOA root.lab. hostmaster.lab. 1 60 60 604800 2\n. NS root.lab.\nroot.lab. A {}\n{records}",
        host.address
    );
    host.write("root.zone", &zone);
    let config = format!(
        "server:\n    rundir: {directory}/run\n    listen: {}@53\n    user: root:root\n\
         database:\n    storage: {directory}/db\n\
         log:\n  - target: stderr\n    any: info\n\
         policy:\n  - id: lab\n    algorithm: ecdsap256sha256\n\
         zone:\n  - domain: .\n    storage: {directory}\n    file: root.zone\n    zonefile-load: difference-no-serial\n    zonefile-sync: -1\n    journal-content: all\n    dnssec-signing: on\n    dnssec-policy: lab\n",
        host.address
    );
    let path = host.write("knot.conf", &config);
    host.start("knotd", &["-c", &path]);
    wait_for("the root zone", Duration::from_secs(30), || {
        let answer = host.run(
            "dig",
            &[
                "+short",
                "+dnssec",
                &format!("@{}", host.address),
                ".",
                "SOA",
            ],
        );
        String::from_utf8_lossy(&answer.stdout)
            .contains("SOA")
            .then_some(())
    });
    let lines = host.must("keymgr", &["-c", &path, ".", "ds"]);
    // One line per digest type; SHA-256 is type 2.
    let digest = lines
        .lines()
        .find(|line| line.split_whitespace().nth(4) == Some("2"))
        .unwrap_or_else(|| panic!("no SHA-256 digest in {lines:?}"));
    let fields: Vec<_> = digest.split_whitespace().skip(2).collect();
    format!(". 3600 IN DS {}\n", fields.join(" "))
}

/// Starts a validating resolver on the host's loopback, as Unbound is by default but for `settings`, the lab's root and
/// a short memory.
pub fn resolve(host: &mut Host, root: &Host, anchor: &str, settings: &str) {
    let hints = host.write(
        "root.hints",
        &format!(". NS root.lab.\nroot.lab. A {}\n", root.address),
    );
    let anchor = host.write("root.anchor", anchor);
    let config = format!(
        "server:\n  interface: 127.0.0.1\n  access-control: 127.0.0.0/8 allow\n  chroot: \"\"\n  username: \"\"\n  directory: \"{}\"\n  pidfile: \"\"\n  \
         use-syslog: no\n  logfile: \"\"\n  root-hints: \"{hints}\"\n  trust-anchor-file: \"{anchor}\"\n  cache-max-ttl: 2\n  cache-max-negative-ttl: 1\n  \
         do-ip6: no\n  num-threads: 1\n  local-zone: \"100.51.198.in-addr.arpa.\" nodefault\n  module-config: \"validator iterator\"\n{settings}\nremote-control:\n  control-enable: no\n",
        host.directory.display()
    );
    let path = host.write("unbound.conf", &config);
    host.start("unbound", &["-d", "-c", &path]);
    wait_for("a resolver", Duration::from_secs(30), || {
        let answer = host.run("dig", &["+dnssec", "@127.0.0.1", ".", "SOA"]);
        String::from_utf8_lossy(&answer.stdout)
            .contains(" ad")
            .then_some(())
    });
}
