//! A host that gives the same answer to all who come by HTTPS.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

/// A host that runs until the runtime ends.
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate, which is its own root.
    pub root: CertificateDer<'static>,
    /// What it was asked.
    pub requests: UnboundedReceiver<String>,
}

/// A host at this address, with a certificate for this name or address, and its answer.
pub async fn host(at: &str, name: &str, answer: impl AsRef<[u8]>) -> Host {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let root = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![root.clone()], key)
        .unwrap();
    let listener = TcpListener::bind((at.parse::<IpAddr>().unwrap(), 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (asked, requests) = unbounded_channel();
    let answer = answer.as_ref().to_vec();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = asked.send(request(&mut stream).await);
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    });
    Host {
        address,
        root,
        requests,
    }
}

/// Reads a request whose body has a length, or none.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !is_whole(&text) {
        let length = stream.read(&mut buffer).await.unwrap_or(0);
        if length == 0 {
            break;
        }
        text += std::str::from_utf8(&buffer[..length]).unwrap();
    }
    text
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
