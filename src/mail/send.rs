//! One attempt to deliver a result mail: null return path, DANE and MTA-STS where the domain has them, else TLS where
//! it is offered. Decides nothing about when to try again.

use super::queue::Item;
use crate::base::ports::{Clock, Random};
use crate::base::{Domain, Policy, limits};
use crate::dial::Dial;
use crate::dial::deliver::{
    Delivery, Outcome, Progress, Smarthost, StsCache, Verified, deliver, submit,
};
use std::fmt;
use std::sync::Arc;

/// How a mail was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The MX host that took it.
    pub host: Domain,
    /// What the host was authenticated by.
    pub verified: Verified,
    /// The TLS version; `None` in clear text.
    pub tls: Option<String>,
}

/// `dane`, `pkix` or `none`: by what a server was authenticated, the stronger where both hold.
#[must_use]
pub const fn verified(by: Verified) -> &'static str {
    match by {
        Verified::Dane | Verified::Both => "dane",
        Verified::Pkix => "pkix",
        Verified::Nothing => "none",
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "taken by {}, ", self.host)?;
        match &self.tls {
            Some(version) => write!(f, "TLS {version}")?,
            None => f.write_str("in clear text")?,
        }
        write!(f, ", verified: {}", verified(self.verified))
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A server took the mail.
    Sent(Sent),
    /// Nobody took it now; why, in words.
    Deferred(String),
    /// Nobody will ever take it; why, in words.
    Failed(String),
}

impl Attempt {
    /// What an outcome of a delivery means for the queue.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered {
                host,
                tls,
                verified,
                ..
            } => Self::Sent(Sent {
                host,
                verified,
                tls: tls.map(|tls| tls.version),
            }),
            Outcome::Deferred(given_up) => {
                let reasons: Vec<_> = given_up.iter().map(ToString::to_string).collect();
                Self::Deferred(short(&reasons.join("; ")))
            }
            Outcome::Failed(given_up) => Self::Failed(short(&given_up.to_string())),
            Outcome::Stopped { host, stage, .. } => {
                Self::Deferred(format!("{host}: stopped at {stage}"))
            }
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(limits::MAIL_TROUBLE).collect()
}

/// Makes attempts; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    dial: Dial,
    policies: StsCache,
    smarthost: Option<Arc<Smarthost>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Sender {
    /// A sender that greets as `dial` is set to, and hands everything to the smarthost if there is one.
    #[must_use]
    pub fn new(
        dial: Dial,
        policies: StsCache,
        smarthost: Option<Smarthost>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            dial,
            policies,
            smarthost: smarthost.map(Arc::new),
            clock,
            random,
        }
    }

    /// Makes one attempt; it ends in time, as [`deliver`] does. Hand the outcome to `Queue::settle`.
    pub async fn send_one(&self, item: &Item) -> Attempt {
        let mut seed = [0; 8];
        self.random.fill(&mut seed);
        let mut delivery = Delivery::new(
            Policy::DaneMtaSts,
            item.to.clone(),
            Arc::clone(&item.message),
            self.dial.settings().helo.clone(),
            u64::from_ne_bytes(seed),
        );
        // As Postfix does: a server whose TLS is broken for good gets the mail in clear text on a retry, unless DANE
        // or MTA-STS forbids that.
        delivery.clear_after_failure = item.attempts > 0;
        let observer =
            &mut |progress: Progress<'_>| tracing::debug!(test = %item.test, "{progress}");
        let clock = &*self.clock;
        Attempt::of(match &self.smarthost {
            Some(relay) => submit(&self.dial, relay, &delivery, clock).await,
            None => deliver(&self.dial, &delivery, &self.policies, clock, observer).await,
        })
    }
}
