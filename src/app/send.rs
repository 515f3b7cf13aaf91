//! `send`: one message under exactly one policy, every step printed.

use super::way_out;
use super::world::{SystemBits, SystemClock};
use crate::base::ports::Random as _;
use crate::base::{Domain, Mailbox, Policy};
use crate::config::Config;
use crate::dial::deliver::{Delivery, Outcome, Progress, Sni, StsCache, deliver};
use crate::spec::sender::Step as Next;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use crate::dial::deliver::Stage as Step;

/// The pause before a further attempt.
const PAUSE: Duration = Duration::from_secs(60);

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Job {
    /// The policy obeyed.
    pub policy: Policy,
    /// The recipients, each with a delivery of its own.
    pub to: Vec<Mailbox>,
    /// The envelope sender; `None` is the null sender.
    pub from: Option<Mailbox>,
    /// The message.
    pub message: Vec<u8>,
    /// The name in EHLO.
    pub helo: Option<Domain>,
    /// A configuration whose way out is taken; `None` for the defaults.
    pub config: Option<Config>,
    /// The recursive resolver; `None` for the configuration's, or the system's.
    pub resolver: Option<SocketAddr>,
    /// Whether the host is never named in the handshake.
    pub no_sni: bool,
    /// Where to stop.
    pub stop_after: Option<Step>,
    /// Attempts after the first.
    pub retry: u32,
}

/// Sends, telling every step; `true` when every recipient's server took it, or the step asked for was reached.
///
/// # Errors
/// When there is no way out at all: no resolver, no runtime.
pub fn run(job: &Job, tell: &mut (dyn FnMut(&str) + Send)) -> Result<bool, String> {
    let helo = job
        .helo
        .as_ref()
        .or(job.from.as_ref().map(|from| &from.domain))
        .map_or_else(|| "localhost".to_owned(), ToString::to_string);
    let dial = way_out::for_command(job.config.as_ref(), job.resolver, Some(helo.clone()))
        .map_err(|error| error.to_string())?;
    let random = SystemBits::open()?;
    super::runtime()?.block_on(async {
        let policies = StsCache::default();
        let message: Arc<[u8]> = Arc::from(job.message.as_slice());
        let mut all = true;
        for to in &job.to {
            let mut done = false;
            for attempt in 0..=job.retry {
                if attempt > 0 {
                    tell(&format!("{to}: again in {} seconds", PAUSE.as_secs()));
                    tokio::time::sleep(PAUSE).await;
                }
                let mut seed = [0; 8];
                random.fill(&mut seed);
                let delivery = Delivery {
                    from: job.from.clone(),
                    sni: if job.no_sni {
                        Sni::Never
                    } else {
                        Sni::default()
                    },
                    stop_after: job.stop_after,
                    ..Delivery::new(
                        job.policy,
                        to.clone(),
                        Arc::clone(&message),
                        helo.clone(),
                        u64::from_le_bytes(seed),
                    )
                };
                let mut observer = |progress: Progress<'_>| match line(&progress, job, to) {
                    line if line.is_empty() => {}
                    line => tell(&line),
                };
                let outcome =
                    deliver(&dial, &delivery, &policies, &SystemClock, &mut observer).await;
                let (ended, good, line) = told(&outcome);
                tell(&format!("{to}: {line}"));
                done = good;
                if ended {
                    break;
                }
            }
            all &= done;
        }
        Ok(all)
    })
}

/// How a moment of a delivery reads; with the addresses, which only the job knows.
fn line(progress: &Progress<'_>, job: &Job, to: &Mailbox) -> String {
    let from = || {
        job.from
            .as_ref()
            .map_or_else(String::new, Mailbox::to_string)
    };
    match progress {
        Progress::Next(Next::Say(Step::Mail)) => format!("> MAIL FROM:<{}>", from()),
        Progress::Next(Next::Say(Step::Rcpt)) => format!("> RCPT TO:<{to}>"),
        progress => progress.to_string(),
    }
}

/// Whether it is over, whether it went as asked, and how to say it.
fn told(outcome: &Outcome) -> (bool, bool, String) {
    match outcome {
        Outcome::Delivered {
            host,
            address,
            tls,
            verified,
            ..
        } => {
            let how = tls.as_ref().map_or_else(
                || "in clear text".to_owned(),
                |tls| format!("TLS {}, {verified}", tls.version),
            );
            (
                true,
                true,
                format!("delivered to {host} [{address}], {how}"),
            )
        }
        Outcome::Stopped { host, stage, .. } => {
            (true, true, format!("stopped after {stage} at {host}"))
        }
        Outcome::Deferred(reasons) => {
            let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
            (false, false, format!("put off: {}", reasons.join("; ")))
        }
        Outcome::Failed(why) => (true, false, format!("failed: {why}")),
    }
}
