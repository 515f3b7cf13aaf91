//! A real Postfix as sender and mailbox.

use super::lab::{Host, wait_for};
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

/// Owns the mailboxes; `nobody` everywhere in Debian.
const OWNER: u32 = 65534;

/// Where the settings name Debian's MTA-STS resolver (postfix-mta-sts-resolver).
pub const POLICIES: &str = "socketmap:inet:127.0.0.1:8461:postfix";

const MASTER: &str = "\
smtp      inet  n - n - - smtpd
pickup    unix  n - n 2 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 5 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
";

/// Starts Postfix for this domain with `settings`, lines of main.cf, and what they ask. `roots.pem` stands for what the
/// system trusts.
pub fn start(host: &mut Host, domain: &str, settings: &str) {
    for folder in ["postfix", "queue", "data", "mail"] {
        fs::create_dir_all(host.directory.join(folder)).unwrap();
    }
    chown(host.directory.join("mail"), Some(OWNER), None).unwrap();
    let postfix = host.run("id", &["-u", "postfix"]);
    let uid: u32 = String::from_utf8_lossy(&postfix.stdout)
        .trim()
        .parse()
        .expect("the user postfix");
    chown(host.directory.join("data"), Some(uid), None).unwrap();
    let at = host.directory.display();
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
         myhostname = mx.{domain}\nmydestination =\nmyorigin = {domain}\ninet_protocols = ipv4\ninet_interfaces = all\nmynetworks = 127.0.0.0/8\n\
         maillog_file = {at}/mail.log\nmaillog_file_prefixes = {at}\nalias_maps =\nalias_database =\n\
         virtual_mailbox_domains = {domain}\nvirtual_mailbox_base = {at}/mail\nvirtual_mailbox_maps = static:inbox/\nvirtual_uid_maps = static:{OWNER}\nvirtual_gid_maps = static:{OWNER}\n\
         smtpd_tls_cert_file = {at}/mx.pem\nsmtpd_tls_key_file = {at}/mx.key\nsmtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtpd_tls_received_header = yes\n\
         minimal_backoff_time = 5s\nmaximal_backoff_time = 5s\nqueue_run_delay = 5s\nsmtp_destination_concurrency_failed_cohort_limit = 100\n\
         smtp_tls_loglevel = 1\nsmtp_tls_CAfile = {at}/roots.pem\n{settings}\n"
    );
    host.write("postfix/main.cf", &main);
    host.write("postfix/master.cf", MASTER);
    if settings.contains(POLICIES) {
        tell_policies(host);
    }
    host.must("postfix", &["-c", &host.path("postfix"), "start"]);
}

/// Starts Debian's MTA-STS resolver, as its package has it but for the place of its cache.
fn tell_policies(host: &mut Host) {
    let config = format!(
        "cache:\n  type: sqlite\n  options:\n    filename: {}\n",
        host.path("policies.db")
    );
    let config = host.write("policies.yml", &config);
    let trust = format!("SSL_CERT_FILE={}", host.path("roots.pem"));
    host.start("env", &[&trust, "mta-sts-daemon", "-c", &config]);
    wait_for("the MTA-STS resolver", Duration::from_secs(30), || {
        let knock = "exec 3<>/dev/tcp/127.0.0.1/8461";
        (host.run("bash", &["-c", knock]).status.success()).then_some(())
    });
}

/// Hands Postfix the message in this file.
pub fn submit(host: &Host, sender: &str, recipients: &[&str], file: &str) {
    let (config, recipients) = (host.path("postfix"), recipients.join(" "));
    let command = format!("exec sendmail -C {config} -f {sender} {recipients} < {file}");
    host.must("sh", &["-c", &command]);
}

/// What it logged.
pub fn log(host: &Host) -> String {
    fs::read_to_string(Path::new(&host.path("mail.log"))).unwrap_or_default()
}

/// Stops Postfix.
pub fn stop(host: &Host) {
    host.run("postfix", &["-c", &host.path("postfix"), "stop"]);
}
