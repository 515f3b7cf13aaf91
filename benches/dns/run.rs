//! One run of one server.

use super::load;
use super::measure::Failure;
use super::measure::group::Cpu;
use super::measure::say;
use super::probe::{self, Seen};
use super::rotating;
use super::server::{Kind, Setup};

/// Seconds of load before the figures count.
const WARM_UP: u64 = 1;

/// What a run measured.
#[derive(Clone, Debug)]
pub struct Run {
    /// What dnsperf says.
    pub load: load::Load,
    /// Of all processes of the server.
    pub cpu: Cpu,
    /// Octets that they have at the end.
    pub memory: u64,
    /// What a validator saw of the MX meanwhile, and how long the rebuilds took, in milliseconds; while they rotate.
    pub rotation: Option<(Seen, Vec<f64>)>,
}

impl Run {
    /// Microseconds of CPU time for one answer.
    pub fn cost(&self) -> f64 {
        self.cpu.total().as_secs_f64() * 1e6 / self.load.answers as f64
    }

    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.load.rate
    }
}

/// Starts the server, loads it, and ends it.
///
/// # Errors
/// When it does not start, or dnsperf fails.
pub async fn measure(setup: &Setup, kind: Kind, seconds: u64, title: &str) -> Result<Run, Failure> {
    say(title);
    let server = setup.start(kind, true).await?;
    load::run(setup, server.address, WARM_UP).await?;
    let before = server.group.cpu()?;
    let (load, seen) = match kind {
        Kind::Rotating => {
            let probe = probe::Probe::start(server.address)?;
            let load = load::run(setup, server.address, seconds).await?;
            (load, Some(probe.stop().await?))
        }
        _ => (load::run(setup, server.address, seconds).await?, None),
    };
    let cpu = server.group.cpu()?.since(before);
    let rotation = match seen {
        Some(seen) => Some((seen, rotating::rebuilds(server.home.path())?)),
        None => None,
    };
    let run = Run {
        load,
        cpu,
        memory: server.group.memory()?,
        rotation,
    };
    say(&format!(
        "{title}: {:.2} µs of CPU time each, {:.0} a second, {} lost",
        run.cost(),
        run.rate(),
        run.load.lost
    ));
    Ok(run)
}
