//! OpenSMTPD as Debian packages it, in a layer over the machine's root, for it cannot be installed beside Postfix.
//!
//! From Debian's backports: the 6.8 of Debian 12 itself, with OpenSSL 3, fails every handshake of a client (`missing private
//! key`, its issue 1171).

use super::measure::Failure;
use super::receiver::Setup;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Puts a package into a layer, and runs a command where it is installed.
pub const LAYER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/layer.sh");

/// OpenSMTPD with its configuration in `home`; its queue is in the layer, and gone with it.
pub fn command(setup: &Setup, address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    let config = format!(
        "table everyone {{ \"127.0.0.0/8\" }}\n\
         pki \"mx\" cert \"{}\"\npki \"mx\" key \"{}\"\n\
         filter \"later\" phase commit match src <everyone> reject \"451 4.7.1 Please come again\"\n\
         listen on {} port {} hostname \"et.example.org\" tls pki \"mx\" filter \"later\"\n\
         action \"keep\" relay\n\
         match from any for domain \"et.example.org\" action \"keep\"\n",
        setup.certificate().display(),
        setup.key().display(),
        address.ip(),
        address.port(),
    );
    fs::write(home.join("smtpd.conf"), config)?;
    let mut command = Command::new("sh");
    command
        .args([LAYER, "run", "opensmtpd", "smtpd", "-d", "-f"])
        .arg(home.join("smtpd.conf"))
        .current_dir(home);
    Ok(command)
}
