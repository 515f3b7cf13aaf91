//! The senders that go through a whole test, and what has to come of it.

mod exim;
mod policies;
mod postfix;

use super::mta::Mta;

/// A sender, and what has to come of its two tests.
pub struct Sender {
    pub name: &'static str,
    /// Of its address.
    pub last: u8,
    pub mta: Mta,
    /// Settings of its Unbound.
    pub resolver: &'static str,
    /// Where all servers share one address.
    pub shared: Outcome,
    /// Where each has one of its own.
    pub own: Outcome,
}

/// What has to come of a test.
pub struct Outcome {
    /// The policy, or the candidates where it is undetermined.
    pub verdict: &'static [&'static str],
    /// In the sentence on sending of the result mail; none where it is undetermined.
    pub rating: Option<&'static str>,
    pub findings: &'static [&'static str],
    /// Those that hang on which servers came first in the MX.
    pub may_be_found: &'static [&'static str],
    /// In the sender's log.
    pub log: &'static [&'static str],
    /// In the test's connections.
    pub records: &'static [&'static str],
}

/// Every sender, in the order of the README.
pub fn senders() -> impl Iterator<Item = &'static Sender> {
    [postfix::SENDERS, policies::SENDERS, exim::SENDERS]
        .into_iter()
        .flatten()
}

impl Sender {
    pub fn domain(&self) -> String {
        format!("{}.lab", self.name)
    }

    pub fn mailbox(&self) -> String {
        format!("jim@{}", self.domain())
    }
}
