//! What connections take that say nothing after EHLO.

use super::load::Senders;
use super::measure::Failure;
use super::measure::group::kib;
use super::measure::say;
use super::progress::Progress;
use super::receiver::{Kind, Setup};
use std::fs;
use std::time::Duration;

/// The wait before memory is read: the last handshake's leftovers go first.
const SETTLE: Duration = Duration::from_secs(2);
/// Octets of a page, as `/proc/net/sockstat` counts on the machines that Debian runs on.
const PAGE: u64 = 4096;

/// Octets for each connection.
#[derive(Clone, Copy, Debug)]
pub struct PerConnection {
    /// Memory of our process.
    pub process: f64,
    /// Memory of the kernel, for the client's end as well.
    pub kernel: f64,
}

/// What was measured.
pub struct Idle {
    pub connections: usize,
    pub clear: PerConnection,
    pub tls: PerConnection,
}

/// Opens connections to our receiver, in clear text and, to another one, inside TLS.
///
/// # Errors
/// When one of them cannot be opened, or the receiver does not start.
pub async fn measure(setup: &Setup, connections: usize) -> Result<Idle, Failure> {
    Ok(Idle {
        connections,
        clear: hold(setup, connections, false).await?,
        tls: hold(setup, connections, true).await?,
    })
}

async fn hold(setup: &Setup, connections: usize, tls: bool) -> Result<PerConnection, Failure> {
    let receiver = Kind::Ours(Senders::Apart).start(setup).await?;
    if tls {
        receiver.load.warm_up().await?;
    }
    let place = if tls { "inside TLS" } else { "in clear text" };
    let progress = Progress::of(&format!("idle connections {place}"));
    let before = (receiver.group.memory()?, kernel_memory()?);
    let held = receiver.load.idle(tls, connections, &progress).await;
    progress.end();
    let held = held.map_err(|unexpected| format!("idle connections {place}: {unexpected}"))?;
    tokio::time::sleep(SETTLE).await;
    let after = (receiver.group.memory()?, kernel_memory()?);
    drop(held);
    let each = |before: u64, after: u64| (after as f64 - before as f64) / connections as f64;
    let taken = PerConnection {
        process: each(before.0, after.0),
        kernel: each(before.1, after.1),
    };
    say(&format!(
        "{connections} idle connections {place}: {:.1} KiB each",
        taken.process / 1024.0
    ));
    Ok(taken)
}

/// Octets that the kernel holds for itself: objects such as sockets, and what lies in the buffers of TCP.
///
/// # Errors
/// When it does not say.
fn kernel_memory() -> Result<u64, Failure> {
    let slab = kib(&fs::read_to_string("/proc/meminfo")?, "Slab:").ok_or("no Slab")?;
    let sockets = fs::read_to_string("/proc/net/sockstat")?;
    let pages: u64 = sockets
        .lines()
        .filter(|line| line.starts_with("TCP:"))
        .find_map(|line| line.split(" mem ").nth(1)?.trim().parse().ok())
        .ok_or("/proc/net/sockstat does not count memory")?;
    Ok(slab * 1024 + pages * PAGE)
}
