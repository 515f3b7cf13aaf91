//! dnsperf: as many questions with DO as the server answers.

use super::measure::Failure;
use super::server::Setup;
use std::net::SocketAddr;
use std::process::Stdio;
use tokio::process::Command;

/// Questions on their way at one time.
const OUTSTANDING: &str = "400";
/// Clients, each with a port of its own, so that the system spreads them over a server's sockets.
pub const CLIENTS: &str = "16";

/// What dnsperf says.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Answers that came.
    pub answers: u64,
    /// Questions without one.
    pub lost: u64,
    /// Answers a second.
    pub rate: f64,
    /// Octets of an answer, on the average.
    pub octets: f64,
}

/// Asks for so many seconds.
///
/// # Errors
/// When dnsperf cannot be started, or says something else than expected.
pub async fn run(setup: &Setup, address: SocketAddr, seconds: u64) -> Result<Load, Failure> {
    let threads = setup.cores.load.split(',').count();
    let output = Command::new("dnsperf")
        .args([
            "-s",
            &address.ip().to_string(),
            "-p",
            &address.port().to_string(),
        ])
        .arg("-d")
        .arg(setup.questions())
        .args([
            "-D",
            "-c",
            CLIENTS,
            "-q",
            OUTSTANDING,
            "-T",
            &threads.to_string(),
        ])
        .args(["-l", &seconds.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("dnsperf: {error}; it is in the Debian package dnsperf"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        let value = line.and_then(|line| line.split_whitespace().next_back()?.parse::<f64>().ok());
        let first = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        first
            .or(value)
            .ok_or_else(|| format!("dnsperf says no {name:?}\n{text}"))
    };
    let sizes = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Average packet size:"))
        .and_then(|line| line.rsplit("response").next()?.trim().parse().ok())
        .ok_or_else(|| format!("dnsperf says no sizes\n{text}"))?;
    Ok(Load {
        answers: field("Queries completed:")? as u64,
        lost: field("Queries lost:")? as u64,
        rate: field("Queries per second:")?,
        octets: sizes,
    })
}
