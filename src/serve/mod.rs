//! The only inbound sockets. The siblings never meet.

pub mod control;
pub mod dns;
pub mod smtp;
pub mod web;

/// Becomes `true` when the appliance stops; a listener then takes no more clients and returns when those it has are served.
pub type Shutdown = tokio::sync::watch::Receiver<bool>;

/// A bound TCP socket that takes clients in.
pub use tokio::net::TcpListener as Listener;
/// The bound socket of the commands.
pub use tokio::net::UnixListener as ControlListener;
