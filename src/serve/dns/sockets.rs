//! The sockets of the nameserver, bound before the appliance gives up its rights.

use crate::base::limits;
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// How often a free port is looked for that is free for TCP and for UDP.
const PORT_ATTEMPTS: usize = 16;
/// Octets of datagrams that the system may hold for one socket, received ones and as many to be sent.
const BUFFER: usize = 1 << 20;
/// Connections waiting to be accepted.
const BACKLOG: i32 = 256;

/// The bound sockets of one address.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) address: SocketAddr,
    pub(super) tcp: TcpListener,
    /// One for each worker; the system spreads clients over them (SO_REUSEPORT).
    pub(super) udp: Vec<UdpSocket>,
}

/// All sockets of the nameserver, bound and not yet served.
#[derive(Debug)]
pub struct Sockets {
    pub(super) bound: Vec<Bound>,
}

impl Sockets {
    /// The addresses bound, with the ports found where 0 was asked for, in the order asked for.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.bound.iter().map(|bound| bound.address).collect()
    }
}

/// Why an address cannot be served.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// `TCP` or `UDP`.
    pub transport: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            transport,
            error,
        } = self;
        write!(f, "DNS over {transport} at {address}: {error}")
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Binds TCP and UDP at each address, at the same port also where that is 0.
///
/// TCP comes first and alone: since the UDP sockets share their port, only it shows that another server runs.
///
/// # Errors
/// When an address cannot be bound, or is unspecified (`0.0.0.0`, `::`): on a host with several addresses an answer
/// would leave from another one than was asked.
pub fn bind(addresses: &[SocketAddr]) -> Result<Sockets, BindError> {
    let bound = addresses.iter().map(|address| bind_one(*address));
    Ok(Sockets {
        bound: bound.collect::<Result<_, _>>()?,
    })
}

fn bind_one(address: SocketAddr) -> Result<Bound, BindError> {
    let failed = |address, transport| {
        move |error| BindError {
            address,
            transport,
            error,
        }
    };
    if address.ip().is_unspecified() {
        let error = io::Error::new(
            io::ErrorKind::InvalidInput,
            "every address must be written out",
        );
        return Err(failed(address, "UDP")(error));
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        let tcp = listen(address).map_err(failed(address, "TCP"))?;
        let actual = tcp.local_addr().map_err(failed(address, "TCP"))?;
        match workers(actual) {
            Ok(udp) => {
                return Ok(Bound {
                    address: actual,
                    tcp,
                    udp,
                });
            }
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && address.port() == 0
                    && attempt < PORT_ATTEMPTS => {}
            Err(error) => return Err(failed(actual, "UDP")(error)),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // Only so that a restart need not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn workers(address: SocketAddr) -> io::Result<Vec<UdpSocket>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (0..cores.min(limits::DNS_WORKERS))
        .map(|_| {
            let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
            socket.set_reuse_port(true)?;
            // The system may allow less; that only matters under load.
            let _ = socket.set_recv_buffer_size(BUFFER);
            let _ = socket.set_send_buffer_size(BUFFER);
            trust_no_path(&socket, address);
            socket.bind(&address.into())?;
            Ok(socket.into())
        })
        .collect()
}

/// Has the system not believe what is said about the path: a forged "too big" would have it cut answers into fragments,
/// which are easier to forge than answers are.
fn trust_no_path(socket: &Socket, address: SocketAddr) {
    // A system that does not know this is none the worse.
    let _ = match address {
        SocketAddr::V4(_) => set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::OMIT),
        SocketAddr::V6(_) => set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::OMIT),
    };
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_transports_share_a_port_and_a_second_server_is_told() {
        let sockets = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let [address] = sockets.local_addrs()[..] else {
            panic!("one address")
        };
        assert_ne!(address.port(), 0);
        assert_eq!(sockets.bound[0].udp[0].local_addr().unwrap(), address);
        let error = bind(&[address]).unwrap_err();
        assert_eq!((error.transport, error.address), ("TCP", address));
        assert!(error.to_string().starts_with("DNS over TCP at 127.0.0.1:"));
    }

    #[test]
    fn unspecified_addresses_are_refused() {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let error = bind(&[address.parse().unwrap()]).unwrap_err();
            assert!(error.to_string().contains("written out"), "{error}");
        }
    }
}
