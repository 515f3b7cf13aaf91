//! One pure file per standard.

pub mod message;
pub mod mta_sts;
pub mod pkix;
pub mod sender;
pub mod smtp;
pub mod tlsa;
pub mod tlsrpt;
