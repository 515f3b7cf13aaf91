//! Postfix as Debian packages it: smtpd and what it needs, with a configuration and a queue of its own.

use super::measure::Failure;
use super::receiver::{CLIENTS, Setup};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

/// Debian's services, as far as receiving needs them.
const MASTER: &str = "\
pickup    unix  n - n 2 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 5 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
";

/// Postfix with all its own in `home`.
///
/// Set as for load: processes enough for all clients, none of the limits that count clients, no pause when more comes in
/// than goes out. Everything else is the default.
pub fn command(setup: &Setup, address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    for folder in ["config", "queue", "data"] {
        fs::create_dir(home.join(folder))?;
    }
    let id = Command::new("id").args(["-u", "postfix"]).output()?;
    let user = String::from_utf8(id.stdout)?;
    let user = user
        .trim()
        .parse()
        .map_err(|_| "there is no user postfix: apt-get install postfix")?;
    chown(home.join("data"), Some(user), None)?;
    let at = home.display();
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
         myhostname = et.example.org\nmydestination =\nmynetworks = 192.0.2.25\nrelay_domains = et.example.org\nrelay_recipient_maps =\n\
         inet_protocols = ipv4\ninet_interfaces = {}\nalias_maps =\nalias_database =\n\
         maillog_file = {at}/output\nmaillog_file_prefixes = {at}\n\
         smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {}, {}\n\
         smtpd_end_of_data_restrictions = check_client_access static:{{451 4.7.1 Please come again}}\n\
         default_process_limit = {}\nsmtpd_client_connection_count_limit = 0\nin_flow_delay = 0\n",
        address.ip(),
        setup.key().display(),
        setup.certificate().display(),
        2 * CLIENTS,
    );
    let master = format!(
        "{}:{} inet n - n - - smtpd\n{MASTER}",
        address.ip(),
        address.port()
    );
    fs::write(home.join("config/main.cf"), main)?;
    fs::write(home.join("config/master.cf"), master)?;
    let mut command = Command::new("postfix");
    command.arg("-c").arg(home.join("config")).arg("start-fg");
    Ok(command)
}
