//! A real Exim as sender and mailbox, in the layer that Debian's package is installed into.

use super::lab::Host;
use std::path::Path;

const PACKAGE: &str = "exim4-daemon-light";
const LAYER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/layer.sh");

/// The first file that the package looks for, there in a copy of its own for each command; and folders for its user.
const PRELUDE: &str = "\
cp exim.conf /etc/exim4/exim4.conf
install -d -o Debian-exim -g Debian-exim spool log
install -d -o nobody mail
chgrp Debian-exim mx.key && chmod 640 mx.key
";

/// Starts Exim for this domain with `settings`, options of its smtp transport. All else is as Debian has it, but for the
/// retry times, and `roots.pem` for what the system trusts.
pub fn start(host: &mut Host, domain: &str, settings: &str) {
    let at = host.directory.display();
    let config = format!(
        "primary_hostname = mx.{domain}\nqualify_domain = {domain}\ndomainlist local_domains = {domain}\n\
         disable_ipv6\ndns_dnssec_ok = 1\nkeep_environment =\n\
         spool_directory = {at}/spool\nlog_file_path = {at}/log/%slog\npid_file_path = {at}/exim.pid\nlog_selector = +smtp_confirmation +tls_sni\n\
         tls_advertise_hosts = *\ntls_certificate = {at}/mx.pem\ntls_privatekey = {at}/mx.key\nacl_smtp_rcpt = own\n\
         begin acl\nown:\n  accept domains = +local_domains\n  deny\n\
         begin routers\n\
         own:\n  driver = accept\n  domains = +local_domains\n  transport = inbox\n\
         others:\n  driver = dnslookup\n  transport = remote_smtp\n  same_domain_copy_routing\n  no_more\n\
         begin transports\n\
         inbox:\n  driver = appendfile\n  directory = {at}/mail/inbox\n  maildir_format\n  user = nobody\n\
         remote_smtp:\n  driver = smtp\n  tls_verify_certificates = {at}/roots.pem\n{settings}\n\
         begin retry\n* * F,1h,5s\n"
    );
    host.write("exim.conf", &config);
    // In the foreground, with a queue run every five seconds.
    let command = format!("{PRELUDE}exec exim -bdf -q5s");
    host.start("sh", &[LAYER, "run", PACKAGE, "sh", "-ec", &command]);
}

/// Hands Exim the message in this file.
pub fn submit(host: &Host, sender: &str, recipients: &[&str], file: &str) {
    let recipients = recipients.join(" ");
    let command = format!("{PRELUDE}exec exim -odq -oi -f {sender} {recipients} < {file}");
    host.must("sh", &[LAYER, "run", PACKAGE, "sh", "-ec", &command]);
}

/// What it logged.
pub fn log(host: &Host) -> String {
    std::fs::read_to_string(Path::new(&host.path("log/mainlog"))).unwrap_or_default()
}
