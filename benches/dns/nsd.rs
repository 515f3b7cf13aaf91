//! NSD as Debian packages it, with answers as short as ours and without its rate limit.

use super::measure::Failure;
use super::server::{BASE, Setup, program};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// NSD with all its own in `home`.
pub fn command(setup: &Setup, address: SocketAddr, home: &Path) -> Result<Command, Failure> {
    let at = home.display();
    let mut config = format!(
        "server:\n ip-address: {}@{}\n server-count: {}\n reuseport: yes\n username: \"\"\n zonesdir: \"{at}\"\n \
         database: \"\"\n pidfile: \"{at}/nsd.pid\"\n xfrdfile: \"{at}/xfrd.state\"\n xfrdir: \"{at}\"\n \
         zonelistfile: \"{at}/zone.list\"\n minimal-responses: yes\n rrl-ratelimit: 0\n ipv4-edns-size: 1232\n\
         remote-control:\n control-enable: no\n",
        address.ip(),
        address.port(),
        setup.workers(),
    );
    for zone in ["et", "ut"] {
        let file = setup.zone(zone);
        config += &format!(
            "zone:\n name: \"{zone}.{BASE}\"\n zonefile: \"{}\"\n",
            file.display()
        );
    }
    fs::write(home.join("nsd.conf"), config)?;
    let mut command = program("nsd", home);
    command.args(["-d", "-c", "nsd.conf"]);
    Ok(command)
}
