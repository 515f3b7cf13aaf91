//! Certificates from a certificate authority: its answers as recorded, and what is made of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail anywhere"
)]

mod ca;
mod recorded;
mod years;
