//! The whole appliance, journal included, as an operator runs it but for the rate limit, which no load is to reach.

use super::measure::{Failure, copy, directory, free};
use super::server::{BASE, Setup, program};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailproof");
/// What outlives a run.
const KEPT: [&str; 2] = ["keys", "acme"];
/// Answers a second that no run comes near to, so that rates are counted and nothing is held back.
pub const RATE_LIMIT: u32 = 1_000_000;

/// A signed zone as the appliance prints it; its keys are made when they are missing.
///
/// # Errors
/// When it does not print it.
pub fn print(setup: &Setup, zone: &str) -> Result<String, Failure> {
    let home = directory(&setup.keys())?;
    prepare(setup, free()?, home.path())?;
    let mut command = program(PROGRAM, home.path());
    let output = command.args(["zone", zone]).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    for folder in KEPT {
        copy(&home.path().join(folder), &setup.keys().join(folder))?;
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The appliance with an empty journal in `home`.
pub fn command(setup: &Setup, address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    prepare(setup, address, home)?;
    let mut command = program(PROGRAM, home);
    command.args(["--config", "mailproof.toml", "serve"]);
    Ok(command)
}

fn prepare(setup: &Setup, address: SocketAddr, home: &Path) -> Result<(), Failure> {
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
    let config = format!(
        "base_domain = \"{BASE}\"\n\
         [network]\naddresses = [\"192.0.2.25\"]\nlisten = [\"{}\"]\n\
         dns_port = {}\nsmtp_port = {}\nhttps_port = {}\nhttp_port = 0\ncontrol = \"control.sock\"\n\
         [dns]\nrate_limit = {RATE_LIMIT}\n\
         [certificates]\nissuer = \"internal\"\n\
         [reply]\noperator = \"postmaster@operator.example\"\n\
         [state]\nuser = \"\"\n",
        address.ip(),
        address.port(),
        free()?.port(),
        free()?.port(),
    );
    Ok(fs::write(home.join("mailproof.toml"), config)?)
}
