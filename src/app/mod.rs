//! Puts the parts together: the streams, the ports, the one wake loop, shutdown, and the demo's world.
//!
//! Decides nothing of its own: when something is due is said by the parts, what it means as well.

mod alarm;
mod amend;
mod appliance;
mod ca;
mod certificates;
mod certifier;
mod checks;
mod control;
pub mod demo;
mod descriptors;
mod erase;
mod live;
mod losses;
mod names;
mod notifier;
mod observer;
mod outcome;
mod pages;
mod presented;
mod publish;
mod relay;
mod replay;
mod reports;
mod results;
pub mod send;
mod sockets;
mod unsaved;
mod wake;
mod way_out;
mod world;
mod zones;

use crate::base::ports::{Clock, Control as _, Random};
use crate::base::{Domain, Zone};
use crate::config::Config;
use crate::dial::control::{self as client, ControlError};
use crate::probe as inbound;
use crate::zone::Operator;
use appliance::Appliance;
use control::Commands;
pub use replay::replay;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use world::{SystemBits, SystemClock};

/// Why the appliance cannot run; in words for the operator, with what is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

fn failed(error: impl fmt::Display) -> StartError {
    StartError(error.to_string())
}

/// Sets up what the whole process shares: the crypto provider and the log on standard error.
///
/// `MAILPROOF_LOG` says what is logged (`info`, `debug`, `mailproof::dial=debug`), else `level`; then hickory is silent on
/// other people's broken DNS, which our own look-ups tell in fewer words.
pub fn prepare(level: &str) {
    // A provider that is installed already is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let filter = tracing_subscriber::EnvFilter::try_from_env("MAILPROOF_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("{level},hickory=error")));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))
}

/// Runs the appliance until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// When it cannot start: a wrong zone file, a port in use, a damaged key. Nothing runs then.
pub fn serve(config: Config) -> Result<(), StartError> {
    let world = world()?;
    let operator = publish::operator(&config).map_err(failed)?;
    // What is wrong with the way out is said before anything is made.
    ca::CaFetch::new(way_out::dial(&config)?, &config)?;
    runtime().map_err(StartError)?.block_on(async {
        descriptors::provide(&config);
        let sockets = sockets::Sockets::bind(&config)?;
        sockets::become_user(&config.state.user)?;
        let appliance = Appliance::open(config, operator, world)?;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(failed)?;
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            let _ = stop.send(true);
        });
        appliance.run(sockets, stopped).await
    })
}

/// Where time and random bits come from.
#[derive(Clone)]
struct World {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// Those of the system.
fn world() -> Result<World, StartError> {
    let random = SystemBits::open().map_err(StartError)?;
    Ok(World {
        clock: Arc::new(SystemClock),
        random: Arc::new(random),
    })
}

/// Why a request got no answer at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// The configuration, a zone file or the user is wrong.
    Wrong(StartError),
    /// Neither the running appliance nor its state directory can be reached.
    Unreachable(StartError),
}

/// Puts one request to the running appliance, else to the state directory under its lock. A request that is answered
/// with an error has it under `error`.
///
/// # Errors
/// When neither can be reached, or what the state directory needs is wrong.
pub fn ask(config: Config, request: &Value) -> Result<Value, AskError> {
    match client::request(&config.network.control, request) {
        Ok(answer) => return Ok(answer),
        Err(ControlError::Refused(why)) => return Ok(json!({ "error": why })),
        Err(ControlError::NotRunning(_)) => {}
        Err(error) => return Err(AskError::Unreachable(failed(error))),
    }
    let operator = publish::operator(&config)
        .map_err(failed)
        .map_err(AskError::Wrong)?;
    // What is made here belongs to whom the appliance will run as.
    sockets::become_user(&config.state.user).map_err(AskError::Wrong)?;
    from_directory(config, operator, request)
}

fn from_directory(
    config: Config,
    operator: BTreeMap<Zone, Operator>,
    request: &Value,
) -> Result<Value, AskError> {
    let world = world().map_err(AskError::Unreachable)?;
    let runtime = runtime()
        .map_err(StartError)
        .map_err(AskError::Unreachable)?;
    runtime.block_on(async {
        let appliance = Appliance::open(config, operator, world).map_err(AskError::Unreachable)?;
        appliance.publish_unnoted().map_err(AskError::Wrong)?;
        Ok(Commands::new(&appliance, None)
            .control(request.clone())
            .await)
    })
}

/// How a domain receives mail, with a text and as JSON; through the way out of a configuration, where one is named.
///
/// # Errors
/// When there is no way out: no resolver, no runtime.
pub fn probe(
    domain: &Domain,
    config: Option<&Config>,
    resolver: Option<SocketAddr>,
) -> Result<Value, StartError> {
    let clock = world()?.clock;
    let dial = way_out::for_command(config, resolver, None)?;
    runtime().map_err(StartError)?.block_on(async {
        let settings = inbound::Settings::default();
        let found = inbound::probe(&dial, domain, &settings, clock.now()).await;
        Ok(json!({ "text": inbound::text(&found), "json": found }))
    })
}
