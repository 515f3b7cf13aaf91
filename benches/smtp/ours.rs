//! Our receiver: the whole appliance, journal included.

use super::load::Senders;
use super::measure::{Failure, copy, directory, free};
use super::receiver::{Kind, Setup};
use super::resolver::ADDRESS;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailproof");
/// What outlives a run.
const KEPT: [&str; 2] = ["keys", "acme"];

/// Starts it once to make keys and certificates.
pub async fn make_keys(setup: &Setup) -> Result<(), Failure> {
    fs::create_dir(setup.keys())?;
    let home = directory(&setup.keys())?;
    let address = free()?;
    let command = command(setup, address, home.path())?;
    let kind = Kind::Ours(Senders::Together);
    let made = home.path().to_owned();
    let receiver = setup.start(kind, command, address, home).await?;
    for folder in KEPT {
        copy(&made.join(folder), &setup.keys().join(folder))?;
    }
    drop(receiver);
    Ok(())
}

/// The appliance with an empty journal in `home`.
pub fn command(setup: &Setup, address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    for folder in KEPT {
        copy(&setup.keys().join(folder), &home.join(folder))?;
    }
    fs::create_dir(home.join("zones"))?;
    for zone in ["et", "ut"] {
        fs::write(
            home.join(format!("zones/{zone}.zone")),
            "; nothing of its own\n",
        )?;
    }
    // The tests stay open for the whole run, so that each message is answered with 451.
    let config = format!(
        "base_domain = \"example.org\"\n\
         [network]\naddresses = [\"192.0.2.25\"]\nlisten = [\"{}\"]\n\
         dns_port = {}\nsmtp_port = {}\nhttps_port = {}\nhttp_port = 0\ncontrol = \"control.sock\"\n\
         [dial]\nresolvers = [\"{ADDRESS}\"]\nvalidate = \"upstream\"\n\
         [test]\nplaintext_window = \"1s\"\n\
         [certificates]\nissuer = \"internal\"\n\
         [reply]\noperator = \"postmaster@operator.example\"\n\
         [limits]\nsmtp_clients = 20000\n\
         [state]\nuser = \"\"\n",
        address.ip(),
        free()?.port(),
        address.port(),
        free()?.port(),
    );
    fs::write(home.join("mailproof.toml"), config)?;
    let mut command = Command::new(PROGRAM);
    command
        .args(["--config", "mailproof.toml", "serve"])
        .current_dir(home);
    Ok(command)
}
