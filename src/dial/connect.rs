//! TCP connections to targets that others named, and to those of the configuration.

use super::Dial;
use super::reach::Unreachable;
use crate::base::limits;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// This address must not be connected.
    NotAllowed(Unreachable),
    /// The host answered, but nothing listens.
    Refused,
    /// No answer within `limits::CONNECT_TIMEOUT`.
    Timeout,
    /// There is no way to the host.
    Unreachable,
    /// Something else, in the words of the system.
    Failed(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed(why) => write!(f, "not connected: {why}"),
            Self::Refused => f.write_str("connection refused"),
            Self::Timeout => f.write_str("connection timed out"),
            Self::Unreachable => f.write_str("host or network unreachable"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ConnectError {}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Self::Unreachable,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Dial {
    /// Connects to an address that somebody else named; that very address is checked.
    ///
    /// # Errors
    /// When it is not allowed or there is no connection.
    pub async fn connect(&self, target: SocketAddr) -> Result<TcpStream, ConnectError> {
        self.allows(target).map_err(ConnectError::NotAllowed)?;
        self.connect_configured(target).await
    }

    /// Connects to an address that the operator wrote into the configuration, unchecked.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn connect_configured(&self, target: SocketAddr) -> Result<TcpStream, ConnectError> {
        let socket = if target.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(source) = self.settings().source
            && source.is_ipv4() == target.is_ipv4()
        {
            socket.bind((source, 0).into())?;
        }
        let stream = timeout(limits::CONNECT_TIMEOUT, socket.connect(target))
            .await
            .map_err(|_| ConnectError::Timeout)??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::Settings;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn only_allowed_addresses_are_connected() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        let resolvers = vec!["127.0.0.1:53".parse().unwrap()];
        let closed = Dial::new(Settings {
            resolvers: resolvers.clone(),
            smtp_port: target.port(),
            ..Settings::default()
        })
        .unwrap();
        assert!(matches!(
            closed.connect(target).await,
            Err(ConnectError::NotAllowed(_))
        ));
        let open = Dial::new(Settings {
            resolvers,
            smtp_port: target.port(),
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            source: Some("127.0.0.9".parse().unwrap()),
            ..Settings::default()
        })
        .unwrap();
        assert!(open.connect(target).await.is_ok());
        let (_, client) = listener.accept().await.unwrap();
        assert_eq!(client.ip().to_string(), "127.0.0.9");
        drop(listener);
        assert_eq!(
            open.connect(target).await.err(),
            Some(ConnectError::Refused)
        );
    }
}
