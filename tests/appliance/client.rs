//! A mail client that says exactly what it is told to.

use crate::appliance::LIMIT;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

pub struct Client {
    stream: Stream,
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref(),
        }
    }

    fn both(&mut self) -> &mut dyn ReadWrite {
        match self {
            Self::Clear(tcp) => tcp,
            Self::Tls(tls) => tls.as_mut(),
        }
    }
}

trait ReadWrite: Read + Write {}
impl<S: Read + Write> ReadWrite for S {}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(LIMIT)).unwrap();
        tcp.set_write_timeout(Some(LIMIT)).unwrap();
        Self {
            stream: Stream::Clear(tcp),
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let stream = self.stream.both();
        stream.write_all(bytes).unwrap();
        stream.flush().unwrap();
    }

    /// One reply, its lines joined by line ends; empty when the server has closed.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line();
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
            reply.push('\n');
        }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            match self.stream.both().read(&mut byte) {
                Ok(0) => break,
                Ok(_) => line.push(byte[0]),
                Err(error) if is_end(error.kind()) => break,
                Err(error) => panic!("no reply: {error}"),
            }
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    /// Says a line and returns the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Says lines, each of which must be answered with what it is paired with, or more.
    pub fn converse(&mut self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            let reply = self.say(line);
            assert!(
                reply.starts_with(expected),
                "{line}: {reply}, not {expected}"
            );
        }
    }

    /// Shakes hands with this host.
    pub fn starttls(mut self, trust: &Arc<ClientConfig>, host: &str) -> Self {
        self.converse(&[("STARTTLS", "220 2.0.0")]);
        let mut tls = handshake(trust, host);
        let Stream::Clear(mut tcp) = self.stream else {
            panic!("TLS is active already");
        };
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).unwrap();
        }
        // The last flight of TLS 1.3 is the client's.
        while tls.wants_write() {
            tls.write_tls(&mut tcp).unwrap();
        }
        Self {
            stream: Stream::Tls(Box::new(StreamOwned::new(tls, tcp))),
        }
    }

    /// Sends a ClientHello for this host, and nothing more.
    pub fn say_hello_of_tls(&mut self, trust: &Arc<ClientConfig>, host: &str) {
        let mut hello = Vec::new();
        handshake(trust, host).write_tls(&mut hello).unwrap();
        self.send(&hello);
    }

    /// Goes away without a word, once everything has arrived. When this returns, the server has noticed.
    pub fn leave(self) {
        let mut tcp = self.stream.tcp();
        tcp.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        if let Err(error) = tcp.read_to_end(&mut rest) {
            assert!(is_end(error.kind()), "the server does not close: {error}");
        }
    }

    /// Ends the session in order. When this returns, the server has noticed.
    pub fn quit(mut self) {
        self.converse(&[("QUIT", "221")]);
        assert_eq!(self.reply(), "", "the server closes");
    }
}

fn handshake(trust: &Arc<ClientConfig>, host: &str) -> ClientConnection {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    ClientConnection::new(Arc::clone(trust), name).unwrap()
}

/// Whether the connection is over.
fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe
    )
}
