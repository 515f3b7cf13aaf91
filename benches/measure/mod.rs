//! What every benchmark needs: servers in groups whose CPU time is counted, the machine, figures of several runs, and the
//! part of a file that they go into.

pub mod group;
pub mod machine;
pub mod part;
pub mod runs;
pub mod spread;

use std::error::Error;
use std::fs;
use std::io::{Write as _, stderr};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Whatever ends the benchmark.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A directory below another one, which servers that gave up root can come through.
pub fn directory(below: &Path) -> Result<TempDir, Failure> {
    let directory = tempfile::Builder::new()
        .prefix("mailproof-bench")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(below)?;
    Ok(directory)
}

/// An address of this host that nobody listens on.
pub fn free() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What a program prints in its first line.
pub fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    text.lines().next().map(str::to_owned)
}

/// A line for whoever watches.
pub fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// Copies the files of a folder, if there is one, into another.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
