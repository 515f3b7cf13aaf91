//! Signed zones on the wire, judged by validators of others: `delv`, `unbound-host`, `ldns-verify-zone`.

mod server;
mod validators;
mod validity;
mod world;
