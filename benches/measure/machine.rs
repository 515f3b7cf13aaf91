//! The machine that the figures are of.

use super::Failure;
use super::group::kib;
use std::fs;
use std::process::Command;

/// Open files that a process may have, unless this user may have no more: the idle connections, and room.
const FILES: u64 = 30_000;

/// Which cores work for whom, as `taskset` reads them.
pub struct Cores {
    pub receiver: String,
    pub load: String,
}

impl Cores {
    /// Half of the cores that this process may use for the receiver, the other half for the load; a single one for both.
    pub fn of_this_machine() -> Result<Self, Failure> {
        let status = fs::read_to_string("/proc/self/status")?;
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .ok_or("/proc/self/status names no cores")?;
        let mut cores = Vec::new();
        for range in allowed.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            cores.extend(first.parse::<u32>()?..=last.parse()?);
        }
        let (receiver, load) = cores.split_at(cores.len().div_ceil(2));
        let list = |cores: &[u32]| {
            let names: Vec<_> = cores.iter().map(u32::to_string).collect();
            names.join(",")
        };
        Ok(Self {
            receiver: list(receiver),
            load: list(if load.is_empty() { receiver } else { load }),
        })
    }
}

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
