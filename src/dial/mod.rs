//! The only outbound sockets.

pub mod control;
pub mod deliver;
pub mod https;
pub mod judge;
pub mod reach;
pub mod resolver;
pub mod smtp;
