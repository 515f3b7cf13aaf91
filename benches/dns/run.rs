//! One run of one server, and what came of all runs.

use super::load;
use super::measure::Failure;
use super::measure::group::Cpu;
use super::measure::say;
use super::measure::spread::Spread;
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

/// The runs of all servers, in the order of their turns.
#[derive(Default)]
pub struct Runs(Vec<(Kind, Vec<Run>)>);

impl Runs {
    pub fn add(&mut self, kind: Kind, run: Run) {
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, runs)) => runs.push(run),
            None => self.0.push((kind, vec![run])),
        }
    }

    pub fn kinds(&self) -> impl Iterator<Item = (Kind, &[Run])> {
        self.0.iter().map(|(kind, runs)| (*kind, runs.as_slice()))
    }

    pub fn of(&self, kind: Kind) -> &[Run] {
        let runs = self.kinds().find(|(known, _)| *known == kind);
        runs.map_or(&[], |(_, runs)| runs)
    }

    /// A figure of one server divided by that of another, turn by turn, for the machine may be busier in one turn than in
    /// the next. `None` when one of them never ran.
    pub fn ratio(&self, of: Kind, to: Kind, figure: fn(&Run) -> f64) -> Option<Spread> {
        let pairs = self.of(of).iter().zip(self.of(to));
        Spread::of(pairs.map(|(of, to)| figure(of) / figure(to)))
    }
}
