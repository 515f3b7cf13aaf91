//! mailproof tells people how well their mail service protects their mail: the parts of the appliance.
//!
//! Two one-way streams that meet only in the case table and in the composition:
//! `config -> keys -> certs -> zone -> sign -> serve` publishes,
//! `serve -> desk -> journal -> infer -> report -> mail -> dial` observes. ARCHITECTURE.md is the map.

pub mod app;
pub mod base;
pub mod cases;
pub mod certs;
pub mod cli;
pub mod config;
pub mod desk;
pub mod dial;
pub mod infer;
pub mod journal;
pub mod keys;
pub mod mail;
pub mod probe;
pub mod report;
pub mod serve;
pub mod sign;
pub mod spec;
pub mod zone;
