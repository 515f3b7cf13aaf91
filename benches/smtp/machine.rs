//! The machine that the figures are of.

use super::group::kib;
use super::receiver::{Failure, first_line};
use std::fs;
use std::process::Command;

/// Open files that a process may have, unless this user may have no more: the idle connections, and room.
const FILES: u64 = 30_000;
/// Octets of a page, as `/proc/net/sockstat` counts on the machines that Debian runs on.
const PAGE: u64 = 4096;

/// Keeps this process on these cores and lets it open many files, and so all that it starts. Before there are threads.
///
/// # Errors
/// When the system does not allow it.
pub fn confine(cores: &str) -> Result<(), Failure> {
    let this = std::process::id().to_string();
    told("taskset", &["--cpu-list", "--pid", cores, &this])?;
    let limits = fs::read_to_string("/proc/self/limits")?;
    let most = limits
        .lines()
        .find_map(|line| {
            line.strip_prefix("Max open files")?
                .split_whitespace()
                .nth(1)
        })
        .and_then(|most| most.parse().ok())
        .map_or(FILES, |most: u64| most.min(FILES));
    told("prlimit", &[&format!("--nofile={most}:"), "--pid", &this])
}

fn told(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let done = Command::new(program).args(arguments).output()?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr);
    Err(format!("{program} {}: {why}", arguments.join(" ")).into())
}

/// Octets that the kernel holds for itself: objects such as sockets, and what lies in the buffers of TCP.
///
/// # Errors
/// When it does not say.
pub fn kernel_memory() -> Result<u64, Failure> {
    let slab = kib(&fs::read_to_string("/proc/meminfo")?, "Slab:").ok_or("no Slab")?;
    let sockets = fs::read_to_string("/proc/net/sockstat")?;
    let pages: u64 = sockets
        .lines()
        .filter(|line| line.starts_with("TCP:"))
        .find_map(|line| line.split(" mem ").nth(1)?.trim().parse().ok())
        .ok_or("/proc/net/sockstat does not count memory")?;
    Ok(slab * 1024 + pages * PAGE)
}

/// Processor, cores, memory, kernel, and how busy it is with other things.
///
/// # Errors
/// When `/proc` does not say.
pub fn describe() -> Result<String, Failure> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let models: Vec<_> = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']))
        .collect();
    let model = models
        .first()
        .copied()
        .unwrap_or("a processor without a name");
    let memory = kib(&fs::read_to_string("/proc/meminfo")?, "MemTotal:").ok_or("no MemTotal")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!(
        "{model}, {} cores, {} GiB of memory, Linux {}, load average {} at the start",
        models.len(),
        memory.div_ceil(1024 * 1024),
        kernel.trim(),
        load.split(' ').next().unwrap_or("unknown")
    ))
}

/// The versions of the receivers.
pub fn versions() -> String {
    let commit = first_line("git", &["describe", "--always", "--dirty"]);
    let postfix = first_line("postconf", &["-dh", "mail_version"]);
    let unknown = || "of unknown version".to_owned();
    format!(
        "mailproof {} ({}), Postfix {}, {}",
        env!("CARGO_PKG_VERSION"),
        commit.unwrap_or_else(unknown),
        postfix.unwrap_or_else(unknown),
        first_line(
            "sh",
            &[super::opensmtpd::LAYER, "run", "opensmtpd", "smtpd", "-h"]
        )
        .map_or_else(
            || "OpenSMTPD of unknown version".to_owned(),
            |line| line.replace("version: ", "")
        ),
    )
}
