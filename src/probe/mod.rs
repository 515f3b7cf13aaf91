//! The inbound check of a domain: how it receives mail.
//!
//! `plan` says what to look at (pure), `run` looks (through `dial`), `judge` says what it means (pure); [`inbound`]
//! holds the outcome. Nothing here delivers a message, and nothing unknown becomes a failing mark.

pub mod inbound;
