//! The only inbound sockets. The siblings never meet.

pub mod control;
pub mod dns;
pub mod pace;
mod places;
pub mod smtp;
pub mod web;

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Becomes `true` when the appliance stops; a listener then takes no more clients and returns when those it has are served.
pub type Shutdown = tokio::sync::watch::Receiver<bool>;

/// A bound TCP socket that takes clients in.
pub use tokio::net::TcpListener as Listener;
/// The bound socket of the commands.
pub use tokio::net::UnixListener as ControlListener;

/// A TCP listener on just this address, IPv6 without IPv4; `backlog` clients may wait to be taken in. Needs a runtime.
fn listen(address: SocketAddr, backlog: i32) -> io::Result<Listener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Listener::from_std(socket.into())
}
