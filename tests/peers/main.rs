//! Real mail servers against the real appliance, each on a host of its own.

mod appliance;
mod dns;
mod lab;
mod postfix;
mod verdicts;
