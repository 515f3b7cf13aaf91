//! Certificates from a real CA: the real binary on loopback, and Pebble, which looks for its proofs at the binary's own
//! nameserver. Nothing is replaced: the CA waits before it validates, refuses nonces now and then, and forgets all at
//! its end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails and says so"
)]

mod agreement;
#[allow(dead_code, reason = "the tests of the appliance use more of it")]
#[path = "../appliance/appliance.rs"]
mod appliance;
mod away;
#[allow(dead_code, reason = "the tests of the appliance use more of it")]
#[path = "../appliance/client.rs"]
mod client;
mod commands;
#[allow(dead_code, reason = "the tests of the appliance use more of it")]
#[path = "../appliance/dns.rs"]
mod dns;
mod first;
mod https;
mod kills;
mod pebble;
mod presented;
mod refusals;
mod renewal;
mod roll;
#[path = "../smtp/trusting.rs"]
mod trusting;
mod world;
