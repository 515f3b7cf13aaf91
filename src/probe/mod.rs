//! The inbound check of a domain: how it receives mail.
//!
//! `plan` says what to look at (pure), `run` looks (through `dial`), `judge` says what it means (pure); [`inbound`]
//! holds the outcome. Nothing here delivers a message, and nothing unknown becomes a failing mark.

pub mod dmarc;
pub mod evidence;
pub mod inbound;
mod judge;
mod mark;
pub mod plan;
mod remark;
mod run;
pub mod spf;
mod table;
pub mod tlsrpt;
mod visit;

use crate::base::{Domain, Timestamp, limits};
use crate::dial::Dial;
use inbound::Inbound;
use std::time::Duration;

pub use judge::judge;
pub use table::text;

/// How to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Between two connections to one address; none is made in the networks that `[dial] allow` opens.
    pub pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pause: limits::PROBE_PAUSE,
        }
    }
}

/// Finds out how a domain receives mail. Takes minutes at worst: servers are given time, and rest between connections.
/// Certificates are judged for the time `now`. A domain that asked to be left alone is not even looked up.
pub async fn probe(dial: &Dial, domain: &Domain, settings: &Settings, now: Timestamp) -> Inbound {
    match dial.allows_domain(domain) {
        Ok(()) => judge(&run::look(dial, domain, settings, now).await),
        Err(why) => judge::left_alone(domain, &why.0),
    }
}
