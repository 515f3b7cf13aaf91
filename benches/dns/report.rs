//! The figures as Markdown, each target beside what was measured.

use super::load::CLIENTS;
use super::measure::part::met;
use super::measure::runs::Runs;
use super::measure::spread::Spread;
use super::measure::{Failure, first_line};
use super::run::Run;
use super::server::{Kind, Setup};
use std::fmt::Write as _;

/// The command whose result this is.
pub const PART: &str = "make bench-dns";
/// Milliseconds: a rebuild after a rotation, and the first answer after a cold start.
const REBUILD: f64 = 5.0;
const COLD: f64 = 500.0;

/// Everything that was measured.
///
/// # Errors
/// When the text cannot be put together.
pub fn text(
    machine: &str,
    setup: &Setup,
    seconds: u64,
    runs: &Runs<Kind, Run>,
    cold: Option<Spread>,
) -> Result<String, Failure> {
    let mut text = String::new();
    let day = jiff::Zoned::now().date();
    let threads = setup.cores.load.split(',').count();
    writeln!(
        text,
        "`{PART}`, {day}: {machine}.\n{}.\n\n\
         {CLIENTS} clients of dnsperf, {threads} thread, on core {}, each server on core {}; {seconds} s in a run after a second that does not \
         count.\n",
        versions(),
        setup.cores.load,
        setup.cores.receiver,
    )?;
    targets(&mut text, runs, cold)?;
    table(&mut text, setup, runs)?;
    Ok(text)
}

fn targets(text: &mut String, runs: &Runs<Kind, Run>, cold: Option<Spread>) -> Result<(), Failure> {
    writeln!(text, "| target | measured | |\n|---|---|---|")?;
    for peer in [Kind::Nsd, Kind::Knot] {
        if let Some(cost) = runs.ratio(Kind::Ours, peer, Run::cost) {
            writeln!(
                text,
                "| CPU time of a signed answer: at most that of {} | {} of it | {} |",
                peer.name(),
                cost.text(2),
                met(cost.median <= 1.0)
            )?;
        }
    }
    rotation(text, runs)?;
    if let Some(cold) = cold {
        writeln!(
            text,
            "| first answer after a cold start with keys: under {COLD} ms | {} ms | {} |",
            cold.text(0),
            met(cold.most < COLD)
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn rotation(text: &mut String, runs: &Runs<Kind, Run>) -> Result<(), Failure> {
    let rotations: Vec<_> = runs
        .of(Kind::Rotating)
        .iter()
        .filter_map(|run| run.rotation.as_ref())
        .collect();
    let took = rotations.iter().flat_map(|(_, took)| took.iter().copied());
    let Some(took) = Spread::of(took) else {
        return Ok(());
    };
    let sum = |of: fn(&super::probe::Seen) -> u64| {
        rotations.iter().map(|(seen, _)| of(seen)).sum::<u64>()
    };
    let (unsigned, bogus) = (sum(|seen| seen.unsigned), sum(|seen| seen.bogus));
    writeln!(
        text,
        "| MX anew every 100 ms under load: no answer unsigned or bogus | {unsigned} unsigned, {bogus} bogus of {} validated, of {} versions in a run; {} lost | {} |\n\
         | rebuild after a rotation: under {REBUILD} ms | {} ms | {} |",
        sum(|seen| seen.answers),
        rotations
            .iter()
            .map(|(seen, _)| seen.versions)
            .max()
            .unwrap_or_default(),
        sum(|seen| seen.lost),
        met(unsigned + bogus == 0),
        took.text(2),
        met(took.most < REBUILD)
    )?;
    Ok(())
}

fn table(text: &mut String, setup: &Setup, runs: &Runs<Kind, Run>) -> Result<(), Failure> {
    writeln!(
        text,
        "Median (least to most) of the runs, which took turns; ratios are those within a turn.\n\n\
         | server | runs | CPU µs an answer | user / system | to ours | answers a second | use of its cores | octets an answer | lost | MiB |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    )?;
    let cores = setup.workers() as f64;
    for (kind, runs_of) in runs.kinds() {
        let of = |figure: fn(&Run) -> f64| Spread::of(runs_of.iter().map(figure));
        let shown = |figure, digits| of(figure).map_or_else(String::new, |it| it.text(digits));
        let median = |figure| of(figure).map_or(0.0, |it| it.median);
        let to_ours = runs.ratio(kind, Kind::Ours, Run::cost);
        writeln!(
            text,
            "| {} | {} | {} | {:.2} / {:.2} | {} | {} | {:.0} % | {:.0} | {:.3} % | {:.0} |",
            kind.name(),
            runs_of.len(),
            shown(Run::cost, 2),
            median(|run| run.cpu.user.as_secs_f64() * 1e6 / run.load.answers as f64),
            median(|run| run.cpu.system.as_secs_f64() * 1e6 / run.load.answers as f64),
            to_ours.map_or_else(String::new, |it| it.text(2)),
            shown(Run::rate, 0),
            100.0
                * median(
                    |run| run.cpu.total().as_secs_f64() * run.load.rate / run.load.answers as f64
                )
                / cores,
            median(|run| run.load.octets),
            100.0 * median(|run| run.load.lost as f64 / (run.load.lost + run.load.answers) as f64),
            median(|run| run.memory as f64 / (1024.0 * 1024.0)),
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn versions() -> String {
    let unknown = || "of unknown version".to_owned();
    let last = |line: Option<String>| {
        let word = line.and_then(|line| line.split_whitespace().next_back().map(str::to_owned));
        word.unwrap_or_else(unknown)
    };
    format!(
        "mailproof {} ({}), NSD {}, Knot DNS {}, dnsperf {}",
        env!("CARGO_PKG_VERSION"),
        first_line("git", &["describe", "--always", "--dirty"]).unwrap_or_else(unknown),
        last(first_line("nsd", &["-v"])),
        last(first_line("knotd", &["-V"])),
        first_line("dpkg-query", &["-W", "-f", "${Version}", "dnsperf"]).unwrap_or_else(unknown),
    )
}
