//! Real mail servers against the real appliance, each on a host of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails and says so"
)]

mod appliance;
mod certificates;
mod dialogues;
mod dns;
mod exim;
mod expect;
#[path = "../acme/https.rs"]
mod https;
mod lab;
mod mta;
mod pebble;
mod postfix;
mod senders;
mod sends;
mod swaks;
mod table;
mod verdicts;
