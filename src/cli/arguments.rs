//! What can be typed.

use crate::base::{Domain, Language, Mailbox, Policy, TestId, Zone};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Tells people how well their mail service protects their mail.
#[derive(Debug, Parser)]
#[command(name = "mailproof", version, about, max_term_width = 100)]
pub struct Arguments {
    /// The configuration; else ./mailproof.toml, else /etc/mailproof/mailproof.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of the contract that exist in this version.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a configuration and zone files to start from, here
    Init(Init),
    /// Run the whole appliance with eight senders on loopback, and compare verdicts with the truth
    Demo,
    /// Run the appliance
    Serve,
    /// How the running appliance is
    Status(Output),
    /// Whether all is as it should be, and what to do where it is not
    Check(Output),
    /// The DS records that the parent zone needs
    Ds(Output),
    /// A signed zone as served, in master format
    Zone {
        /// et or ut
        zone: ZoneName,
        /// How to print it.
        #[command(flatten)]
        output: Output,
    },
    /// The certificates
    #[command(subcommand)]
    Certs(Certs),
    /// The tests
    #[command(subcommand)]
    Tests(Tests),
    /// How a domain receives mail
    Probe(Probe),
    /// Send one message under exactly one policy
    Send(Box<Send>),
    /// The verdict of an exported test, derived anew
    Replay(Replay),
}

/// Machines read JSON.
#[derive(Clone, Copy, Debug, Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// The domain above et and ut, such as example.org
    #[arg(value_name = "DOMAIN")]
    pub base_domain: Domain,
    /// A public address of this host; may be given twice, for IPv4 and IPv6
    #[arg(long = "address", required = true, value_name = "ADDRESS")]
    pub addresses: Vec<std::net::IpAddr>,
    /// Where postmaster's mail goes
    #[arg(long, value_name = "MAILBOX")]
    pub operator: Mailbox,
}

/// `certs ...`
#[derive(Debug, Subcommand)]
pub enum Certs {
    /// Each certificate: until when, when it is renewed, what is wrong
    Status(Output),
    /// New certificates for the keys in use, as soon as the CA gives them
    Renew(Certificates),
    /// New keys: each is used, with a new certificate, once its TLSA record is known everywhere
    Roll(Certificates),
}

/// Which certificates.
#[derive(Debug, Args)]
pub struct Certificates {
    /// Their names, as `certs status` has them; all when none is named
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How to print what comes of it.
    #[command(flatten)]
    pub output: Output,
}

/// `tests ...`
#[derive(Debug, Subcommand)]
pub enum Tests {
    /// All tests, newest last
    List(Output),
    /// One test with its evidence
    Show {
        /// The id, as in the final 250 and the result mail
        id: TestId,
        /// How to print it.
        #[command(flatten)]
        output: Output,
    },
    /// All that one test's verdict is derived from, as JSON
    Export {
        /// The id, as in the final 250 and the result mail
        id: TestId,
        /// It is JSON in any case.
        #[command(flatten)]
        output: Output,
    },
    /// Erase a test, or all of a person
    Erase {
        /// A test's id, or the mail address of a person
        #[arg(value_name = "ID|MAILBOX")]
        whom: Whom,
        /// How to print what was erased.
        #[command(flatten)]
        output: Output,
    },
    /// Two addresses that start a test of their own
    Token {
        /// Of the answer: en or de
        #[arg(long, default_value = "en", value_parser = language)]
        language: Language,
        /// How to print them.
        #[command(flatten)]
        output: Output,
    },
}

/// Whom to erase.
#[derive(Clone, Debug)]
pub enum Whom {
    /// One test.
    Test(TestId),
    /// All of a person.
    Person(Mailbox),
}

impl std::str::FromStr for Whom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.contains('@') {
            true => Mailbox::parse(text)
                .map(Self::Person)
                .map_err(|error| error.to_string()),
            false => text.parse().map(Self::Test),
        }
    }
}

fn language(text: &str) -> Result<Language, String> {
    let spoken = Language::ALL.into_iter().find(|one| one.tag() == text);
    spoken.ok_or_else(|| "there are en and de".to_owned())
}

/// `probe ...`
#[derive(Debug, Args)]
pub struct Probe {
    /// The domain whose mail servers are looked at
    pub domain: Domain,
    /// The recursive resolver; else that of the configuration named with --config, else the system's
    #[arg(long, value_name = "IP:PORT")]
    pub resolver: Option<SocketAddr>,
    /// How to print it.
    #[command(flatten)]
    pub output: Output,
}

/// `send ...`
#[derive(Debug, Args)]
pub struct Send {
    /// none, may, encrypt, verify, dane, dane-only, mta-sts or dane+mta-sts
    #[arg(long)]
    pub policy: Policy,
    /// The recipients, by comma
    #[arg(long, value_delimiter = ',', required = true, value_name = "MAILBOX")]
    pub to: Vec<Mailbox>,
    /// The envelope sender; else the null sender
    #[arg(long, value_name = "MAILBOX")]
    pub from: Option<Mailbox>,
    /// The message; else a short one is made
    #[arg(long, value_name = "FILE")]
    pub message: Option<PathBuf>,
    /// The name in EHLO; else the sender's domain
    #[arg(long, value_name = "NAME")]
    pub helo: Option<Domain>,
    /// The recursive resolver; else that of the configuration named with --config, else the system's
    #[arg(long, value_name = "IP:PORT")]
    pub resolver: Option<SocketAddr>,
    /// Never name the host in the ClientHello
    #[arg(long)]
    pub no_sni: bool,
    /// Go no further than this step
    #[arg(long, value_name = "STEP")]
    pub stop_after: Option<crate::app::send::Step>,
    /// Attempts after the first, with a pause of a minute
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub retry: u32,
}

/// `replay ...`
#[derive(Debug, Args)]
pub struct Replay {
    /// What `tests export` printed
    #[arg(value_name = "EXPORT")]
    pub export: PathBuf,
    /// Print its evidence as the row of a test, without a name or address in it
    #[arg(long, conflicts_with = "json")]
    pub row: bool,
    /// How to print the verdict.
    #[command(flatten)]
    pub output: Output,
}

/// A zone's name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ZoneName {
    /// The one with four MX hosts
    Et,
    /// The one that is its own MX
    Ut,
}

impl From<ZoneName> for Zone {
    fn from(name: ZoneName) -> Self {
        match name {
            ZoneName::Et => Self::Et,
            ZoneName::Ut => Self::Ut,
        }
    }
}

/// The message sent when none is named.
const MESSAGE: &str =
    "Subject: a message under exactly one policy\r\n\r\nSent by mailproof send.\r\n";

impl Send {
    /// What is to be sent.
    ///
    /// # Errors
    /// When the message file cannot be read, or is too long.
    pub fn as_job(
        &self,
        config: Option<crate::config::Config>,
    ) -> Result<crate::app::send::Job, String> {
        let message = match &self.message {
            None => MESSAGE.to_owned(),
            Some(path) => crate::base::file::read(path, crate::base::limits::MESSAGE as u64)
                .map_err(|error| error.to_string())?
                .ok_or_else(|| format!("{}: not found", path.display()))?,
        };
        Ok(crate::app::send::Job {
            policy: self.policy,
            to: self.to.clone(),
            from: self.from.clone(),
            message: message.into_bytes(),
            helo: self.helo.clone(),
            config,
            resolver: self.resolver,
            no_sni: self.no_sni,
            stop_after: self.stop_after,
            retry: self.retry,
        })
    }
}
