//! The real binary on loopback, driven from outside: by mail clients of every temper, by the command line, by signals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails and says so"
)]

mod appliance;
mod client;
mod commands;
mod crash;
mod crowd;
mod departures;
mod disk;
mod dns;
mod erase;
mod flood;
mod intake;
mod nameserver;
mod policy;
mod replay;
mod reports;
mod resolver;
mod stored;
