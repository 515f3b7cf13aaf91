//! `make bench-smtp`: what a delivery costs our receiver, Postfix's smtpd and OpenSMTPD, how near ours comes to bare
//! handshakes, and what an idle connection takes.
//!
//! The receivers take turns on loopback, each with half of the cores; the clients have the other half. Every message is
//! answered with `451` at the end of data. CPU time is that of all processes of a receiver, those that ended included.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]

mod bare;
mod dialogue;
mod idle;
mod load;
#[path = "../measure/mod.rs"]
mod measure;
mod opensmtpd;
mod ours;
mod postfix;
mod progress;
mod receiver;
mod report;
mod resolver;
mod run;
#[path = "../../tests/smtp/trusting.rs"]
mod trusting;

use bare::Bare;
use clap::{Parser, Subcommand};
use measure::machine::{self, Cores};
use measure::runs::Runs;
use measure::say;
use measure::{Failure, part};
use receiver::{Kind, Setup};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// What is done, and how often.
#[derive(Debug, Parser)]
struct Arguments {
    /// What `cargo bench` says and other runs of all targets do not.
    #[arg(long, hide = true)]
    bench: bool,
    /// Runs of each receiver.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Deliveries in a run; our receiver keeps 10,000 tests open at most, and each delivery opens one.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=9000))]
    deliveries: u32,
    /// Idle connections to our receiver.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Only receivers whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// File whose part about SMTP is replaced by the result.
    #[arg(long)]
    into: Option<PathBuf>,
    #[command(subcommand)]
    server: Option<Server>,
}

#[derive(Debug, Subcommand)]
enum Server {
    /// A server that does nothing of its own.
    #[command(hide = true)]
    Bare {
        what: Bare,
        address: SocketAddr,
        certificate: PathBuf,
        key: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        say("this takes minutes: make bench-smtp");
        return ExitCode::SUCCESS;
    }
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<(), Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all();
    if let Some(Server::Bare {
        what,
        address,
        certificate,
        key,
    }) = &arguments.server
    {
        return runtime
            .build()?
            .block_on(bare::serve(*what, *address, certificate, key));
    }
    if !nix::unistd::Uid::effective().is_root() {
        return Err("the receivers need root: sudo make bench-smtp".into());
    }
    let cores = Cores::of_this_machine()?;
    // Before there are threads.
    machine::confine(&cores.load)?;
    let runtime = runtime
        .worker_threads(cores.load.split(',').count())
        .build()?;
    runtime.block_on(async {
        let mut ended = signal(SignalKind::terminate())?;
        // What is dropped on the way out takes its processes and files along.
        tokio::select! {
            done = take_turns(arguments, cores) => done,
            _ = tokio::signal::ctrl_c() => Err("stopped".into()),
            _ = ended.recv() => Err("stopped".into()),
        }
    })
}

async fn take_turns(arguments: &Arguments, cores: Cores) -> Result<(), Failure> {
    let kinds: Vec<_> = (Kind::ALL.into_iter())
        .filter(|kind| kind.name().contains(&arguments.only))
        .collect();
    let machine = machine::describe()?;
    let setup = Setup::new(cores).await?;
    let mut runs = Runs::default();
    for turn in 1..=arguments.turns {
        for kind in &kinds {
            let times = kind.times(arguments.deliveries);
            let title = format!("turn {turn} of {}, {}", arguments.turns, kind.name());
            let run = run::measure(&setup, *kind, times, &title)
                .await
                .map_err(|failure| format!("{title}: {failure}"))?;
            runs.add(*kind, run);
        }
    }
    let idle = match arguments.idle {
        0 => None,
        connections => Some(idle::measure(&setup, connections).await?),
    };
    let text = report::text(&machine, &setup, arguments.deliveries, &runs, idle.as_ref())?;
    println!("{text}");
    if let Some(file) = &arguments.into {
        part::replace(file, report::PART, &text)?;
    }
    Ok(())
}
