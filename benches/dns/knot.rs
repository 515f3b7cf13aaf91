//! Knot DNS as Debian packages it, serving the zones as they are.

use super::measure::Failure;
use super::server::{BASE, Setup, program};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Knot with all its own in `home`.
pub fn command(setup: &Setup, address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    let at = home.display();
    let workers = setup.workers();
    let mut config = format!(
        "server:\n  rundir: \"{at}\"\n  listen: {}@{}\n  udp-workers: {workers}\n  tcp-workers: 1\n  background-workers: 1\n\
         database:\n  storage: \"{at}\"\n\
         template:\n  - id: default\n    storage: \"{at}\"\n    zonefile-load: whole\n    journal-content: none\n\
         zone:\n",
        address.ip(),
        address.port(),
    );
    for zone in ["et", "ut"] {
        let file = setup.zone(zone);
        config += &format!(
            "  - domain: \"{zone}.{BASE}\"\n    file: \"{}\"\n",
            file.display()
        );
    }
    fs::write(home.join("knot.conf"), config)?;
    let mut command = program("knotd", home);
    command.args(["-c", "knot.conf"]);
    Ok(command)
}
