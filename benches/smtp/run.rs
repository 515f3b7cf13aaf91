//! One run of one receiver.

use super::measure::Failure;
use super::measure::group::Cpu;
use super::measure::say;
use super::progress::Progress;
use super::receiver::{Kind, Setup};
use std::pin::pin;
use std::time::Duration;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The wait before CPU time is read for the last time, for what a receiver does after its last reply.
const SETTLE: Duration = Duration::from_secs(1);

/// What a run measured.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// How often the work was done.
    pub times: usize,
    /// From the first connection to the end of the last.
    pub took: Duration,
    /// Of all processes of the receiver, until it was quiet again.
    pub cpu: Cpu,
    /// The most that all processes together were seen to have.
    pub memory: u64,
    /// Questions that the receiver asked the resolver.
    pub questions: u64,
}

impl Run {
    /// Milliseconds of CPU time for one delivery.
    pub fn cost(&self) -> f64 {
        self.cpu.total().as_secs_f64() * 1e3 / self.times as f64
    }

    /// Deliveries a second.
    pub fn rate(&self) -> f64 {
        self.times as f64 / self.took.as_secs_f64()
    }
}

/// Starts the receiver, lets the clients do their work, and ends it.
///
/// # Errors
/// When it does not start, or answers anything else than expected.
pub async fn measure(setup: &Setup, kind: Kind, times: usize, title: &str) -> Result<Run, Failure> {
    let receiver = kind.start(setup).await?;
    match kind {
        Kind::Bare(_) => {}
        _ => receiver.load.warm_up().await?,
    }
    let progress = Progress::of(title);
    let (asked, before) = (setup.resolver.questions(), receiver.group.cpu()?);
    let mut memory = receiver.group.memory()?;
    let mut look = tokio::time::interval(LOOK);
    let mut work = pin!(receiver.load.work(kind.work(), times, &progress));
    let took = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = look.tick() => memory = memory.max(receiver.group.memory()?),
        }
    };
    progress.end();
    let took = took?;
    memory = memory.max(receiver.group.memory()?);
    tokio::time::sleep(SETTLE).await;
    let run = Run {
        times,
        took,
        cpu: receiver.group.cpu()?.since(before),
        memory,
        questions: setup.resolver.questions() - asked,
    };
    say(&format!(
        "{title}: {:.3} ms of CPU time each, {:.0} a second",
        run.cost(),
        run.rate()
    ));
    Ok(run)
}
