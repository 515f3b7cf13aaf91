//! The ceiling: a server that shakes hands, with the same TLS library and the same certificate, and does nothing else.

use super::receiver::Setup;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// This program as the bare server.
///
/// # Errors
/// When this program does not know where it is.
pub fn command(setup: &Setup, address: SocketAddr) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--bench", "bare", &address.to_string()])
        .arg(setup.certificate())
        .arg(setup.key());
    Ok(command)
}

/// Serves until it is killed.
///
/// # Errors
/// When the certificate cannot be used or the address cannot be listened on.
pub async fn serve(
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
            let _ = shake(&acceptor, tcp).await;
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
