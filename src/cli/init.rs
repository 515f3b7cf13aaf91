//! `init`: files to start from.

use super::arguments::Init;
use super::{Failure, print};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

const ET: &str = include_str!("../../zones/et.zone");
const UT: &str = include_str!("../../zones/ut.zone");

/// Writes `mailproof.toml` and `zones/`; a file that exists already is left as it is.
pub fn init(init: &Init) -> Result<(), Failure> {
    let addresses: Vec<_> = init
        .addresses
        .iter()
        .map(|address| format!("{:?}", address.to_string()))
        .collect();
    let config = format!(
        "# What this appliance is; every key that is not here has the value that its documentation names.\n\
         base_domain = \"{}\"\n\n[network]\naddresses = [{}]\n\n[certificates]\nissuer = \"acme\"\ncontact = \"mailto:{operator}\"\n\n[reply]\noperator = \"{operator}\"\n",
        init.base_domain,
        addresses.join(", "),
        operator = init.operator,
    );
    crate::config::Config::parse(Path::new("mailproof.toml"), &config).map_err(Failure::usage)?;
    fs::create_dir_all("zones").map_err(|error| Failure::usage(format!("zones: {error}")))?;
    for (name, text) in [
        ("mailproof.toml", config.as_str()),
        ("zones/et.zone", ET),
        ("zones/ut.zone", UT),
    ] {
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(name)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        match written {
            Ok(()) => print::line(&format!("{name} written")),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                print::line(&format!("{name} exists already, left as it is"));
            }
            Err(error) => return Err(Failure::usage(format!("{name}: {error}"))),
        }
    }
    print::line("next: mailproof serve; then mailproof ds, for the zone above");
    Ok(())
}
