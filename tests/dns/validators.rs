//! Validators of others.

use crate::server::Server;
use std::process::{Command, Output};

/// Runs a tool of a Debian package.
pub fn tool(package: &str, program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} does not start ({error}); it is in the Debian package {package}")
        })
}

/// What a validator makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Secure,
    Insecure,
}

/// What `delv` says, and its words where it fails.
pub fn delv(server: &Server, name: &str, rtype: &str) -> Result<Verdict, String> {
    let port = server.address.port().to_string();
    let anchors = server.file("anchors");
    let anchors = anchors.to_str().unwrap();
    let output = tool(
        "bind9-dnsutils",
        "delv",
        &[
            "-a",
            anchors,
            "+root=.",
            "@127.0.0.1",
            "-p",
            &port,
            name,
            rtype,
        ],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    // A chain across zones has a line for each link: the weakest counts.
    if text.contains("resolution failed") && !text.contains("ncache") {
        return Err(text);
    }
    if text.contains("unsigned answer") || text.contains("negative response, unsigned") {
        Ok(Verdict::Insecure)
    } else if text.contains("fully validated") {
        Ok(Verdict::Secure)
    } else {
        Err(text)
    }
}

/// What unbound says.
pub fn unbound(server: &Server, name: &str, rtype: &str) -> Result<Verdict, String> {
    let config = server.file("unbound.conf");
    let output = tool(
        "unbound-host",
        "unbound-host",
        &["-C", config.to_str().unwrap(), "-v", "-t", rtype, name],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if text.contains("BOGUS") || text.contains("SERVFAIL") || text.contains("error") {
        Err(text)
    } else if text.contains("(insecure)") {
        Ok(Verdict::Insecure)
    } else if text.contains("(secure)") {
        Ok(Verdict::Secure)
    } else {
        Err(text)
    }
}
