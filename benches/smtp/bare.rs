//! The ceilings: servers with the same TLS library and the same certificate that only shake hands, or only say the replies.

use super::receiver::Setup;
use clap::ValueEnum;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Octets that are read at a time.
const READ: usize = 4096;

/// What a bare server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bare {
    /// Shakes hands.
    Handshake,
    /// Says the replies of a delivery, whatever it is about, and looks at nothing but where a command or a message ends.
    Dialogue,
}

/// This program as a bare server.
///
/// # Errors
/// When this program does not know where it is.
pub fn command(setup: &Setup, address: SocketAddr, what: Bare) -> std::io::Result<Command> {
    let what = match what {
        Bare::Handshake => "handshake",
        Bare::Dialogue => "dialogue",
    };
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--bench", "bare", what, &address.to_string()])
        .arg(setup.certificate())
        .arg(setup.key());
    Ok(command)
}

/// Serves until it is killed.
///
/// # Errors
/// When the certificate cannot be used or the address cannot be listened on.
pub async fn serve(
    what: Bare,
    address: SocketAddr,
    certificate: &Path,
    key: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    // As our receiver has it: full handshakes, and no tickets for others.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(address).await?;
    loop {
        let (tcp, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // What a client does wrong, the client notices.
            let _ = match what {
                Bare::Handshake => shake(&acceptor, tcp).await,
                Bare::Dialogue => talk(&acceptor, tcp).await,
            };
        });
    }
}

async fn shake(acceptor: &TlsAcceptor, tcp: TcpStream) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut stream = acceptor.accept(tcp).await?;
    let mut buffer = [0; 64];
    while stream.read(&mut buffer).await? > 0 {}
    stream.shutdown().await
}

async fn talk(acceptor: &TlsAcceptor, mut tcp: TcpStream) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.write_all(b"220 bare ESMTP\r\n").await?;
    replies(&mut tcp, &["250-bare\r\n250 STARTTLS\r\n", "220 Go on\r\n"]).await?;
    let mut stream = acceptor.accept(tcp).await?;
    let ok = "250 OK\r\n";
    replies(&mut stream, &[ok, ok, ok, "354 Go on\r\n"]).await?;
    until(&mut stream, b"\r\n.\r\n").await?;
    stream.write_all(b"451 Not now\r\n").await?;
    stream.flush().await?;
    replies(&mut stream, &["221 Bye\r\n"]).await?;
    stream.shutdown().await?;
    let mut tcp = stream.into_inner().0;
    while tcp.read(&mut [0; READ]).await? > 0 {}
    Ok(())
}

/// Answers one command after the other so.
async fn replies(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    replies: &[&str],
) -> std::io::Result<()> {
    for reply in replies {
        until(stream, b"\r\n").await?;
        stream.write_all(reply.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Reads away what comes, up to this end; the clients wait for each reply.
async fn until(stream: &mut (impl AsyncRead + Unpin), end: &[u8]) -> std::io::Result<()> {
    let mut read = Vec::with_capacity(READ);
    while !read.ends_with(end) {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
