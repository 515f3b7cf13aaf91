//! Signed zones on the wire, judged by validators of others: `delv`, `unbound-host`, `ldns-verify-zone`.

mod ask;
mod master;
mod rival;
mod server;
mod validators;
mod validity;
mod world;
