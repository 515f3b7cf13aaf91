//! The figures as Markdown, each target beside what was measured.

use super::bare::Bare;
use super::idle::Idle;
use super::load::{MESSAGE, NETWORKS, Senders};
use super::measure::part::met;
use super::measure::runs::Runs;
use super::measure::spread::Spread;
use super::measure::{Failure, first_line};
use super::receiver::{CLIENTS, Kind, Setup};
use super::run::Run;
use std::fmt::Write as _;

const OURS: Kind = Kind::Ours(Senders::Apart);
const CACHED: Kind = Kind::Ours(Senders::Together);
const SHAKES: Kind = Kind::Bare(Bare::Handshake);
const TALKS: Kind = Kind::Bare(Bare::Dialogue);

/// The targets: at most this part of Postfix's CPU time, at least this part of the rate of bare handshakes, and less than
/// this many octets for an idle connection in clear text.
const COST: f64 = 0.2;
const RATE: f64 = 0.6;
const IDLE: f64 = 32.0 * 1024.0;

/// The part of the file that the result goes into.
pub const PART: &str = "make bench-smtp";

/// Everything that was measured.
///
/// # Errors
/// When the text cannot be put together.
pub fn text(
    machine: &str,
    setup: &Setup,
    times: u32,
    runs: &Runs<Kind, Run>,
    idle: Option<&Idle>,
) -> Result<String, Failure> {
    let mut text = String::new();
    let day = jiff::Zoned::now().date();
    writeln!(
        text,
        "`make bench-smtp`, {day}: {machine}.\n{}.\n\n\
         {CLIENTS} clients at one time ({} of OpenSMTPD, which lets no more wait) from {NETWORKS} networks on core {}, each \
         receiver on core {}; {times} deliveries, or {} handshakes, in a run; messages of {MESSAGE} octets.\n",
        versions(),
        Kind::OpenSmtpd.clients(),
        setup.cores.load,
        setup.cores.receiver,
        SHAKES.times(times),
    )?;
    targets(&mut text, runs, idle)?;
    table(&mut text, setup, runs)?;
    look_ups(&mut text, runs)?;
    Ok(text)
}

fn targets(text: &mut String, runs: &Runs<Kind, Run>, idle: Option<&Idle>) -> Result<(), Failure> {
    writeln!(text, "| target | measured | |\n|---|---|---|")?;
    if let Some(cost) = runs.ratio(OURS, Kind::Postfix, Run::cost) {
        writeln!(
            text,
            "| CPU time of a delivery: at most {COST} of Postfix's | {} | {} |",
            cost.text(2),
            met(cost.median <= COST)
        )?;
    }
    if let Some(rate) = runs.ratio(OURS, SHAKES, Run::rate) {
        let bare = runs.ratio(TALKS, SHAKES, Run::rate);
        let bare = bare.map(|bare| format!("; a bare dialogue {}", bare.text(2)));
        writeln!(
            text,
            "| deliveries a second: at least {RATE} of bare handshakes | {}{} | {} |",
            rate.text(2),
            bare.unwrap_or_default(),
            met(rate.median >= RATE)
        )?;
    }
    if let Some(idle) = idle {
        let kib = |octets: f64| octets / 1024.0;
        let kernel =
            |kernel: f64| format!("and {:.1} KiB in the kernel for both ends", kib(kernel));
        writeln!(
            text,
            "| {} idle connections after EHLO: under {:.0} KiB each | {:.1} KiB, {} | {} |",
            idle.connections,
            kib(IDLE),
            kib(idle.clear.process),
            kernel(idle.clear.kernel),
            met(idle.clear.process < IDLE)
        )?;
        writeln!(
            text,
            "| the same inside TLS | {:.1} KiB, {} | |",
            kib(idle.tls.process),
            kernel(idle.tls.kernel),
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn table(text: &mut String, setup: &Setup, runs: &Runs<Kind, Run>) -> Result<(), Failure> {
    writeln!(
        text,
        "Median (least to most) of the runs, which took turns; ratios are those within a turn.\n\n\
         | receiver | runs | CPU ms each | user / system | to ours | a second | use of its cores | peak MiB | look-ups each |\n\
         |---|---|---|---|---|---|---|---|---|"
    )?;
    let cores = setup.cores.receiver.split(',').count() as f64;
    for (kind, runs_of) in runs.kinds() {
        let of = |figure: fn(&Run) -> f64| Spread::of(runs_of.iter().map(figure));
        let shown = |figure, digits| of(figure).map_or_else(String::new, |it| it.text(digits));
        let median = |figure| of(figure).map_or(0.0, |it| it.median);
        let to_ours = runs.ratio(kind, OURS, Run::cost);
        writeln!(
            text,
            "| {} | {} | {} | {:.3} / {:.3} | {} | {} | {:.0} % | {:.0} | {:.1} |",
            kind.name(),
            runs_of.len(),
            shown(Run::cost, 3),
            median(|run| run.cpu.user.as_secs_f64() * 1e3 / run.times as f64),
            median(|run| run.cpu.system.as_secs_f64() * 1e3 / run.times as f64),
            to_ours.map_or_else(String::new, |it| it.text(2)),
            shown(Run::rate, 0),
            100.0 * median(|run| run.cpu.total().as_secs_f64() / run.took.as_secs_f64()) / cores,
            median(|run| run.memory as f64 / (1024.0 * 1024.0)),
            median(|run| run.questions as f64 / run.times as f64),
        )?;
    }
    writeln!(text)?;
    Ok(())
}

fn look_ups(text: &mut String, runs: &Runs<Kind, Run>) -> Result<(), Failure> {
    if let Some(cost) = runs.ratio(OURS, CACHED, Run::cost) {
        writeln!(
            text,
            "Look-ups are answered at once, by a resolver among the clients. All look up the client's reverse name, mailproof also \
             SPF and DMARC; with the look-ups for a domain that is new each time, a delivery costs {} of one with senders of one \
             domain.",
            cost.text(2),
        )?;
    }
    Ok(())
}

/// The versions of the receivers.
fn versions() -> String {
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
