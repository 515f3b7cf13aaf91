//! The mail server behind the test domains: a session as a machine without sockets, and the listener that drives it.
//!
//! Accepts whatever a sender may do and notes it down as one [`crate::base::Connection`]. Never stores a message,
//! never sends one, never decides what a test found: greetings, recipients and answers come from the ports.

pub mod hello;
pub mod listener;
mod room;
pub mod session;
pub mod tls;
mod visit;
mod wire;

pub use listener::{BindError, bind, run};
pub use tls::{TlsSet, TlsSetError};

use crate::base::ports::{Clock, Desk, Judge, Relay, Reports};
use crate::base::{Domain, Network, Server};
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What the listener has to know.
#[derive(Debug)]
pub struct Settings {
    /// The name in the greeting and in the reply to EHLO.
    pub hostname: String,
    /// The domain above the two test domains.
    pub base_domain: Domain,
    /// Local addresses that belong to one MX host alone; all others are shared.
    pub own: BTreeMap<IpAddr, Server>,
    /// The certificates; swapped when they are renewed, without disturbing open connections.
    pub tls: ArcSwap<TlsSet>,
    /// Clients served at once.
    pub clients: usize,
    /// Clients served at once from one network (/24, /56).
    pub clients_per_network: usize,
    /// Networks that are not served.
    pub deny: Vec<Network>,
}

/// What the listener asks.
#[derive(Clone)]
pub struct Ports {
    /// The live tests.
    pub desk: Arc<dyn Desk>,
    /// From message to facts.
    pub judge: Arc<dyn Judge>,
    /// The operator's mail.
    pub relay: Arc<dyn Relay>,
    /// TLS reports.
    pub reports: Arc<dyn Reports>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}
