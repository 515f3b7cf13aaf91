//! Signed zones on the wire, judged by the programs of others: `delv`, `dig`, `unbound-host`, `ldns-verify-zone`,
//! `knotd`, `nsd`, `dnsviz`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod agreement;
mod allocation;
mod appliance;
mod ask;
mod dnsviz;
mod flood;
mod master;
mod options;
mod rival;
mod rotation;
mod rows;
mod secondaries;
mod server;
mod transfer;
mod validators;
mod validity;
mod wire;
mod world;
