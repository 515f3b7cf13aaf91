//! A connection that breaks off at a chosen moment, in a chosen way.

use crate::account::Account;
use crate::random::Random;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Only keeps a broken run from hanging: the machine is full.
const LIMIT: Duration = Duration::from_secs(180);
/// How often a client that waits asks whether the server is still the one it connected to: if it was killed just then,
/// the client may never hear of it.
const GLANCE: Duration = Duration::from_secs(2);

/// Why there is nothing more to say.
#[derive(Debug)]
pub enum Gone {
    /// We broke off, as was decided.
    Left,
    /// The server is away, or the connection with it.
    Lost,
    /// The server said what it should not.
    Fault(String),
}

/// When and how a client breaks off.
pub struct Abort {
    /// How many times something is sent before.
    pub after: usize,
    /// Whether what is sent then is sent whole; the answer is not read in any case.
    pub whole: bool,
    pub manner: Manner,
}

#[derive(Clone, Copy)]
pub enum Manner {
    Close,
    Reset,
    /// First there is nothing for so long.
    Silence(Duration),
}

pub struct Link<'a> {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
    heard: Vec<u8>,
    /// What was said last: the verb.
    last: String,
    account: &'a Account,
    /// How often the server had died before.
    life: usize,
    abort: Option<Abort>,
    /// What passes before anything is sent.
    pace: Duration,
    random: Random,
}

impl<'a> Link<'a> {
    /// Connects from this address.
    pub fn connect(
        client: IpAddr,
        server: SocketAddr,
        account: &'a Account,
        abort: Option<Abort>,
        random: Random,
    ) -> Result<Self, Gone> {
        let life = account.deaths();
        let connected = || -> io::Result<TcpStream> {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::new(client, 0).into())?;
            socket.connect_timeout(&server.into(), LIMIT)?;
            Ok(socket.into())
        };
        let tcp = connected().map_err(|_| Gone::Lost)?;
        tcp.set_read_timeout(Some(GLANCE)).unwrap();
        tcp.set_write_timeout(Some(LIMIT)).unwrap();
        Ok(Self {
            tcp,
            tls: None,
            heard: Vec::new(),
            last: "connecting".to_owned(),
            account,
            life,
            abort,
            pace: Duration::ZERO,
            random,
        })
    }

    /// From now on every step takes so long.
    pub fn slow_down(&mut self, pace: Duration) {
        self.pace = pace;
    }

    /// Sends bytes, or as many of them as it comes to; the place is what a break is counted under.
    pub fn send(&mut self, bytes: &[u8], place: &str) -> Result<(), Gone> {
        place.clone_into(&mut self.last);
        let wire = match &mut self.tls {
            None => bytes.to_vec(),
            Some(tls) => {
                tls.writer().write_all(bytes).unwrap();
                let mut wire = Vec::new();
                while tls.wants_write() {
                    tls.write_tls(&mut wire).unwrap();
                }
                wire
            }
        };
        self.send_raw(&wire, place)
    }

    fn send_raw(&mut self, wire: &[u8], place: &str) -> Result<(), Gone> {
        std::thread::sleep(self.pace);
        let Some(abort) = self.abort.take_if(|abort| abort.after == 0) else {
            if let Some(abort) = &mut self.abort {
                abort.after -= 1;
            }
            return Ok(self.tcp.write_all(wire)?);
        };
        let (when, end) = match abort.whole {
            true => ("after", wire.len()),
            false => ("in", self.random.below(wire.len().max(1))),
        };
        self.tcp.write_all(&wire[..end])?;
        self.account.aborted(&format!("{when} {place}"));
        match abort.manner {
            Manner::Close => {}
            Manner::Reset => SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO))?,
            Manner::Silence(time) => std::thread::sleep(time),
        }
        Err(Gone::Left)
    }

    /// One reply, its lines joined by line ends.
    pub fn reply(&mut self) -> Result<String, Gone> {
        let mut lines = Vec::new();
        let start = Instant::now();
        loop {
            let line = self.line()?;
            let well_formed = line.len() >= 4
                && line.bytes().take(3).all(|byte| byte.is_ascii_digit())
                && matches!(line.as_bytes()[3], b' ' | b'-');
            if !well_formed {
                return Err(Gone::Fault(format!("no reply: {line:?}")));
            }
            let last = line.as_bytes()[3] == b' ';
            lines.push(line);
            if last {
                let reply = lines.join("\n");
                self.account.heard(&reply, &self.last, start.elapsed());
                return Ok(reply);
            }
        }
    }

    fn line(&mut self) -> Result<String, Gone> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<_> = self.heard.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|error| Gone::Fault(error.to_string()));
            }
            self.hear()?;
        }
    }

    /// Waits until there is something to read, the end included.
    fn wait(&self) -> Result<(), Gone> {
        let start = Instant::now();
        while let Err(error) = self.tcp.peek(&mut [0]) {
            let silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            if !silent || self.account.deaths() != self.life {
                return Err(Gone::Lost);
            }
            if start.elapsed() > LIMIT {
                return Err(Gone::Fault(format!("{}: no answer", self.last)));
            }
        }
        Ok(())
    }

    /// Reads some bytes.
    fn hear(&mut self) -> Result<(), Gone> {
        self.wait()?;
        let mut buffer = [0; 4096];
        let count = match &mut self.tls {
            None => self.tcp.read(&mut buffer)?,
            Some(tls) => {
                if tls.read_tls(&mut self.tcp)? == 0 {
                    return Err(Gone::Lost);
                }
                tls.process_new_packets()
                    .map_err(|error| Gone::Fault(error.to_string()))?;
                match tls.reader().read(&mut buffer) {
                    // Half a record.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    read => read?,
                }
            }
        };
        self.heard.extend_from_slice(&buffer[..count]);
        match count {
            0 => Err(Gone::Lost),
            _ => Ok(()),
        }
    }

    /// Says a line and returns the reply.
    pub fn say(&mut self, line: &str) -> Result<String, Gone> {
        self.send(format!("{line}\r\n").as_bytes(), "a command")?;
        self.last = line.split(' ').next().unwrap_or_default().to_owned();
        self.reply()
    }

    /// Says a line that must be answered with one of these, or more.
    pub fn expect(&mut self, line: &str, expected: &[&str]) -> Result<String, Gone> {
        let reply = self.say(line)?;
        expect(line, &reply, expected)?;
        Ok(reply)
    }

    /// Shakes hands with this host; `false` when its certificate was refused.
    pub fn start_tls(&mut self, config: &Arc<ClientConfig>, host: &str) -> Result<bool, Gone> {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        while tls.is_handshaking() || tls.wants_write() {
            let mut wire = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut wire).unwrap();
            }
            if !wire.is_empty() {
                self.send_raw(&wire, "a flight of the handshake")?;
            }
            if !tls.is_handshaking() {
                break;
            }
            self.wait()?;
            if tls.read_tls(&mut self.tcp)? == 0 {
                return Err(Gone::Lost);
            }
            if tls.process_new_packets().is_err() {
                let mut alert = Vec::new();
                while tls.wants_write() {
                    tls.write_tls(&mut alert).unwrap();
                }
                self.send_raw(&alert, "an alert")?;
                return Ok(false);
            }
        }
        self.tls = Some(Box::new(tls));
        Ok(true)
    }
}

/// Whether a reply begins with one of these.
pub fn expect(to: &str, reply: &str, expected: &[&str]) -> Result<(), Gone> {
    match expected.iter().any(|start| reply.starts_with(start)) {
        true => Ok(()),
        false => Err(Gone::Fault(format!("{to:?}: {reply:?}, not {expected:?}"))),
    }
}

/// A connection that is cut is one that was lost; a server that does not take what is sent is at fault.
impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Self::Fault("nothing more can be sent".to_owned())
            }
            _ => Self::Lost,
        }
    }
}
