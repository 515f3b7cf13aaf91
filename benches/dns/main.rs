//! `make bench-dns`: what a signed answer costs us, NSD and Knot; whether every answer is whole while the MX rotate under
//! load; and how soon the appliance answers after a cold start.
//!
//! The servers take turns on loopback with the same zones, each with half of the cores; dnsperf has the other half and
//! asks with DO. CPU time is that of all processes of a server.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]

mod cold;
mod knot;
mod load;
#[path = "../measure/mod.rs"]
mod measure;
mod nsd;
mod ours;
mod probe;
mod questions;
mod report;
mod rotating;
mod run;
mod server;

use clap::{Parser, Subcommand};
use measure::machine::{self, Cores};
use measure::runs::Runs;
use measure::say;
use measure::{Failure, part};
use server::{Kind, Setup};
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
    /// Runs of each server.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Seconds of load in a run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only servers whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// File whose part about DNS is replaced by the result.
    #[arg(long)]
    into: Option<PathBuf>,
    #[command(subcommand)]
    server: Option<Server>,
}

#[derive(Debug, Subcommand)]
enum Server {
    /// Our nameserver alone, with an order of the MX that changes all the time.
    #[command(hide = true)]
    Rotating {
        address: SocketAddr,
        /// File that tells how long each rebuild took.
        rebuilds: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        say("this takes minutes: make bench-dns");
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
    if let Some(Server::Rotating { address, rebuilds }) = &arguments.server {
        return runtime
            .build()?
            .block_on(rotating::serve(*address, rebuilds));
    }
    if !nix::unistd::Uid::effective().is_root() {
        return Err("control groups need root: sudo make bench-dns".into());
    }
    let cores = Cores::of_this_machine()?;
    // Before there are threads.
    machine::confine(&cores.load)?;
    runtime.worker_threads(1).build()?.block_on(async {
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
    let setup = Setup::new(cores)?;
    let mut runs = Runs::default();
    for turn in 1..=arguments.turns {
        for kind in &kinds {
            let title = format!("turn {turn} of {}, {}", arguments.turns, kind.name());
            let run = run::measure(&setup, *kind, arguments.seconds, &title)
                .await
                .map_err(|failure| format!("{title}: {failure}"))?;
            runs.add(*kind, run);
        }
    }
    let cold = cold::measure(&setup, arguments.turns).await?;
    let text = report::text(&machine, &setup, arguments.seconds, &runs, cold)?;
    println!("{text}");
    if let Some(file) = &arguments.into {
        part::replace(file, report::PART, &text)?;
    }
    Ok(())
}
