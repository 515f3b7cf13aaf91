//! The receivers, each in a directory and a control group of its own, started for one run and gone after it.

use super::bare::Bare;
use super::load::{Load, Senders, Work};
use super::measure::group::Group;
use super::measure::machine::Cores;
use super::measure::{Failure, directory, free};
use super::resolver::Resolver;
use super::{bare, opensmtpd, ours, postfix, resolver};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Clients at one time, of a receiver that can cope with them.
pub const CLIENTS: usize = 64;
/// How long a receiver may take until it greets.
const START: Duration = Duration::from_secs(60);
/// How often it is looked at in that time.
const LOOK: Duration = Duration::from_millis(50);

/// What all receivers are started with.
pub struct Setup {
    home: TempDir,
    pub cores: Cores,
    pub resolver: Resolver,
}

/// A receiver, and what the clients do to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours(Senders),
    Postfix,
    OpenSmtpd,
    Bare(Bare),
}

/// One that runs.
pub struct Receiver {
    pub group: Group,
    pub load: Load,
    _directory: TempDir,
}

impl Setup {
    /// Makes the directory of this benchmark, with certificates for all receivers.
    ///
    /// # Errors
    /// When something cannot be made, or our receiver, which makes the certificates, does not start.
    pub async fn new(cores: Cores) -> Result<Self, Failure> {
        let setup = Self {
            // Not in `/tmp`, which may be in memory: a journal has to be synced to a disk.
            home: directory(Path::new("/var/tmp"))?,
            cores,
            resolver: Resolver::start().await?,
        };
        fs::write(
            setup.resolv_conf(),
            format!("nameserver {}\n", resolver::ADDRESS.ip()),
        )?;
        ours::make_keys(&setup).await?;
        Ok(setup)
    }

    fn resolv_conf(&self) -> PathBuf {
        self.home.path().join("resolv.conf")
    }

    /// Where our receiver's keys and certificates are kept between runs.
    pub fn keys(&self) -> PathBuf {
        self.home.path().join("keys")
    }

    /// The certificate of the host under test, and the CA's.
    pub fn certificate(&self) -> PathBuf {
        self.keys().join("acme/mx05.pem")
    }

    /// Its key: ECDSA P-256.
    pub fn key(&self) -> PathBuf {
        self.keys().join("acme/mx05.key")
    }

    /// Starts a program in `directory`, and waits until it greets.
    ///
    /// # Errors
    /// When it ends, or takes too long; with what it printed.
    pub async fn start(
        &self,
        kind: Kind,
        command: Command,
        address: SocketAddr,
        directory: TempDir,
    ) -> Result<Receiver, Failure> {
        let mut group = Group::new()?;
        let log = directory.path().join("output");
        group.start(&self.cores.receiver, &self.resolv_conf(), &command, &log)?;
        let load = Load::new(address, kind.clients())?;
        let start = Instant::now();
        loop {
            let answer = match kind.work() {
                Work::Deliver(_) => load.greeted().await,
                Work::Shake => load.shaken().await,
            };
            let Err(unexpected) = answer else { break };
            let ended = group.ended();
            if ended.is_some() || start.elapsed() > START {
                let printed = fs::read_to_string(&log)?;
                return Err(format!(
                    "{command:?} does not serve ({unexpected}, {ended:?}):\n{printed}"
                )
                .into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Receiver {
            group,
            load,
            _directory: directory,
        })
    }
}

impl Kind {
    /// In the order of their turns.
    pub const ALL: [Self; 6] = [
        Self::Ours(Senders::Apart),
        Self::Ours(Senders::Together),
        Self::Postfix,
        Self::OpenSmtpd,
        Self::Bare(Bare::Dialogue),
        Self::Bare(Bare::Handshake),
    ];

    /// The name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours(Senders::Apart) => "mailproof",
            Self::Ours(Senders::Together) => "mailproof, senders of one domain",
            Self::Postfix => "Postfix smtpd",
            Self::OpenSmtpd => "OpenSMTPD",
            Self::Bare(Bare::Dialogue) => "bare dialogue",
            Self::Bare(Bare::Handshake) => "bare handshakes",
        }
    }

    /// Clients at one time. OpenSMTPD lets five wait to be accepted; beyond, some are never greeted.
    pub const fn clients(self) -> usize {
        match self {
            Self::OpenSmtpd => 5,
            _ => CLIENTS,
        }
    }

    /// How often the clients do it, for so many deliveries: a bare handshake is over soon.
    pub const fn times(self, deliveries: u32) -> usize {
        match self {
            Self::Bare(Bare::Handshake) => deliveries as usize * 4,
            _ => deliveries as usize,
        }
    }

    /// What the clients do.
    pub const fn work(self) -> Work {
        match self {
            Self::Ours(senders) => Work::Deliver(senders),
            Self::Postfix | Self::OpenSmtpd | Self::Bare(Bare::Dialogue) => {
                Work::Deliver(Senders::Apart)
            }
            Self::Bare(Bare::Handshake) => Work::Shake,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// Why it does not serve.
    pub async fn start(self, setup: &Setup) -> Result<Receiver, Failure> {
        let directory = directory(setup.home.path())?;
        let address = free()?;
        let command = match self {
            Self::Ours(_) => ours::command(setup, address, directory.path())?,
            Self::Postfix => postfix::command(setup, address, directory.path())?,
            Self::OpenSmtpd => opensmtpd::command(setup, address, directory.path())?,
            Self::Bare(what) => bare::command(setup, address, what)?,
        };
        setup.start(self, command, address, directory).await
    }
}
