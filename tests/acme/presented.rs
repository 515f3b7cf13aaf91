//! What the listeners present to a client that takes any certificate.

use crate::appliance::LIMIT;
use crate::trusting;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate as it was presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// SHA-256 of its key, in hexadecimal, as in TLSA `3 1 1`.
    pub digest: String,
}

impl Leaf {
    fn of(tls: &ClientConnection) -> Self {
        let chain = tls.peer_certificates().unwrap();
        let (_, certificate) = X509Certificate::from_der(&chain[0]).unwrap();
        let hexadecimal = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let spki = certificate.public_key().raw;
        Self {
            serial: hexadecimal(certificate.raw_serial()),
            digest: hexadecimal(ring::digest::digest(&ring::digest::SHA256, spki).as_ref()),
        }
    }
}

/// What the mail server presents to who asks for this host; `None` when STARTTLS is withheld.
pub fn by_mail(server: SocketAddr, host: &str) -> Option<Leaf> {
    let mut tcp = connect(server);
    reply(&mut tcp);
    tcp.write_all(b"EHLO watcher.example\r\n").unwrap();
    if !reply(&mut tcp).contains("STARTTLS") {
        return None;
    }
    tcp.write_all(b"STARTTLS\r\n").unwrap();
    reply(&mut tcp);
    let any = Arc::new(trusting::client(true).unwrap());
    let mut tls = ClientConnection::new(any, name(host)).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp).unwrap();
    }
    Some(Leaf::of(&tls))
}

/// A reply of one or more lines.
fn reply(tcp: &mut TcpStream) -> String {
    let mut reply = String::new();
    let mut byte = [0];
    loop {
        tcp.read_exact(&mut byte).unwrap();
        reply.push(char::from(byte[0]));
        let last = reply.lines().last().unwrap_or_default();
        if reply.ends_with('\n') && last.as_bytes().get(3) == Some(&b' ') {
            return reply;
        }
    }
}

/// A connection to the web host that is kept open.
pub struct Web {
    stream: StreamOwned<ClientConnection, TcpStream>,
    host: String,
}

impl Web {
    /// A connection of a client with this trust.
    pub fn connect(server: SocketAddr, host: &str, trust: &Arc<ClientConfig>) -> Self {
        let tls = ClientConnection::new(Arc::clone(trust), name(host)).unwrap();
        Self {
            stream: StreamOwned::new(tls, connect(server)),
            host: host.to_owned(),
        }
    }

    /// The whole reply to one more request for this path.
    pub fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        let mut byte = [0];
        while !reply.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).unwrap();
            reply.push(byte[0]);
        }
        let head = String::from_utf8(reply).unwrap();
        let length = head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case("content-length").then_some(value)
        });
        let length: usize = length.unwrap().trim().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        head + &String::from_utf8(body).unwrap()
    }

    /// What was presented to it.
    pub fn leaf(&self) -> Leaf {
        Leaf::of(&self.stream.conn)
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(server).unwrap();
    tcp.set_read_timeout(Some(LIMIT)).unwrap();
    tcp
}

fn name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).unwrap()
}

/// The subject of a certificate.
pub fn subject(certificate: &CertificateDer<'_>) -> String {
    let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
    certificate.subject().to_string()
}
