//! The mail server against written dialogues, and against TLS clients of every temper.
//!
//! Each dialogue in `tests/dialogues` runs through the machine at every cut of its bytes, and over a real connection.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod crowd;
mod door;
mod doubles;
mod live;
mod machine;
mod script;
mod slow;
mod tls;
mod trusting;
