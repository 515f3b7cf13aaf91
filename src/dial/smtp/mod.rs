//! An SMTP client by stages, for deliveries and for the inbound check (RFC 5321, RFC 3207).
//!
//! Every reply is a value, good or bad; only a connection that is of no more use is an error. Decides nothing.

mod data;
mod wire;

use super::tls::{self, Broken, Handshake, Versions};
use crate::base::{Domain, Mailbox, limits};
pub use crate::spec::sender::Reply;
use std::fmt;
use std::mem;
use std::time::Duration;
use tokio::net::TcpStream;
use wire::{Stream, Wire};

/// How long a server may take; by default as long as suits a look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a reply, the greeting among them, and for each piece that it must read.
    pub reply: Duration,
    /// For a handshake.
    pub handshake: Duration,
    /// For the reply to a whole message.
    pub message: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            reply: limits::REPLY_TIMEOUT,
            handshake: limits::HANDSHAKE_TIMEOUT,
            message: limits::MESSAGE_REPLY_TIMEOUT,
        }
    }
}

impl Timeouts {
    /// What RFC 5321 4.5.3.2 grants a server that is to take mail.
    pub const DELIVERY: Self = Self {
        reply: limits::COMMAND_TIMEOUT,
        handshake: limits::HANDSHAKE_TIMEOUT,
        message: limits::MESSAGE_REPLY_TIMEOUT,
    };

    /// The same for everything.
    #[must_use]
    pub const fn all(wait: Duration) -> Self {
        Self {
            reply: wait,
            handshake: wait,
            message: wait,
        }
    }
}

/// Why a connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpError {
    /// The server fell silent.
    Timeout,
    /// The server closed the connection.
    Closed,
    /// The connection failed, in the words of the system.
    Failed(String),
    /// The server did not keep to the protocol.
    Protocol(String),
    /// The server, or somebody on the way, sent clear text behind its go-ahead for TLS, to have it taken for a
    /// protected reply (RFC 3207 6; CVE-2011-0411 for servers).
    Injection,
    /// The server does not offer an extension that the message needs.
    Unsupported(&'static str),
    /// A command would hold control characters or be too long: a name or address that is none.
    Unsayable(String),
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no reply in time"),
            Self::Closed => f.write_str("connection closed by the server"),
            Self::Failed(why) => write!(f, "connection failed: {why}"),
            Self::Protocol(why) => write!(f, "protocol violated: {why}"),
            Self::Injection => {
                f.write_str("clear text followed the go-ahead for STARTTLS (injection)")
            }
            Self::Unsupported(extension) => write!(f, "the server does not offer {extension}"),
            Self::Unsayable(line) => write!(f, "cannot be a command: {line:?}"),
        }
    }
}

impl std::error::Error for SmtpError {}

/// What came of STARTTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// The server said no; the connection goes on in clear text.
    Refused(Reply),
    /// The handshake broke; the connection is of no more use.
    Broken(Broken),
    /// TLS is up, whatever the certificate.
    Done(Handshake),
}

/// What came of STARTTLS when the handshake is somebody else's.
#[derive(Debug)]
enum Bare {
    /// The server said no; the session is over.
    Refused(Reply),
    /// The server awaits a ClientHello on this connection.
    Ready(TcpStream),
}

/// What a message needs of a server; sent as parameters of MAIL where the server offers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Octets of the message (RFC 1870); 0: not said.
    pub size: usize,
    /// It holds octets above 127 (RFC 6152).
    pub eight_bit: bool,
    /// An address holds such characters (RFC 6531).
    pub utf8: bool,
}

/// A session with a server.
pub struct Client {
    wire: Wire,
    timeouts: Timeouts,
    /// The last successful reply to EHLO.
    hello: Option<Reply>,
    /// DATA was taken, and the message is awaited.
    in_data: bool,
}

impl Client {
    /// Takes over a connection and reads the greeting.
    ///
    /// # Errors
    /// When there is none.
    pub async fn greeted(
        stream: TcpStream,
        timeouts: Timeouts,
    ) -> Result<(Self, Reply), SmtpError> {
        let mut client = Self {
            wire: Wire::new(Stream::Clear(stream)),
            timeouts,
            hello: None,
            in_data: false,
        };
        let greeting = client.wire.hear(timeouts.reply).await?;
        Ok((client, greeting))
    }

    /// Whether the session is inside TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        matches!(self.wire.stream, Stream::Tls(_))
    }

    /// Whether the last EHLO reply, in the present transport, offers this extension; `keyword` in upper case.
    #[must_use]
    pub fn offers(&self, keyword: &str) -> bool {
        self.hello
            .as_ref()
            .is_some_and(|hello| hello.offers(keyword))
    }

    /// Says any one-line command and returns the reply.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn command(&mut self, line: &str) -> Result<Reply, SmtpError> {
        self.wire.say(line, self.timeouts.reply).await?;
        self.wire.hear(self.timeouts.reply).await
    }

    /// Says EHLO, then HELO to a server that does not know it (RFC 5321 3.2).
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn ehlo(&mut self, name: &str) -> Result<Reply, SmtpError> {
        self.hello = None;
        let reply = self.command(&format!("EHLO {name}")).await?;
        if reply.is_permanent() {
            return self.command(&format!("HELO {name}")).await;
        }
        if reply.is_success() {
            self.hello = Some(reply.clone());
        }
        Ok(reply)
    }

    /// Says STARTTLS and makes the handshake. What the server said before counts no more (RFC 3207 4.2).
    ///
    /// # Errors
    /// When there is no reply, or clear text behind it.
    pub async fn starttls(&mut self, sni: Option<&Domain>) -> Result<StartTls, SmtpError> {
        self.starttls_offering(sni, Versions::All).await
    }

    /// As [`Client::starttls`], with the TLS versions offered.
    ///
    /// # Errors
    /// As [`Client::starttls`].
    pub async fn starttls_offering(
        &mut self,
        sni: Option<&Domain>,
        versions: Versions,
    ) -> Result<StartTls, SmtpError> {
        let stream = match self.go_ahead().await? {
            Bare::Refused(reply) => return Ok(StartTls::Refused(reply)),
            Bare::Ready(stream) => stream,
        };
        match tls::handshake_offering(stream, sni, versions, self.timeouts.handshake).await {
            Ok((stream, handshake)) => {
                self.wire.stream = Stream::Tls(Box::new(stream));
                Ok(StartTls::Done(handshake))
            }
            Err(broken) => Ok(StartTls::Broken(broken)),
        }
    }

    async fn go_ahead(&mut self) -> Result<Bare, SmtpError> {
        if self.is_encrypted() {
            return Err(SmtpError::Protocol("STARTTLS inside TLS".to_owned()));
        }
        let reply = self.command("STARTTLS").await?;
        if !reply.is_success() {
            return Ok(Bare::Refused(reply));
        }
        if self.wire.is_ahead() {
            return Err(SmtpError::Injection);
        }
        self.hello = None;
        match mem::replace(&mut self.wire.stream, Stream::Gone) {
            Stream::Clear(stream) => Ok(Bare::Ready(stream)),
            Stream::Tls(_) | Stream::Gone => Err(SmtpError::Closed),
        }
    }

    /// Says MAIL; `None` is the null sender.
    ///
    /// # Errors
    /// When there is no reply, or SMTPUTF8 is needed and not offered.
    pub async fn mail(&mut self, from: Option<&Mailbox>, needs: Needs) -> Result<Reply, SmtpError> {
        let mut line = match from {
            Some(mailbox) => format!("MAIL FROM:<{mailbox}>"),
            None => "MAIL FROM:<>".to_owned(),
        };
        if needs.size > 0 && self.offers("SIZE") {
            line.push_str(&format!(" SIZE={}", needs.size));
        }
        if needs.eight_bit && self.offers("8BITMIME") {
            line.push_str(" BODY=8BITMIME");
        }
        if needs.utf8 {
            if !self.offers("SMTPUTF8") {
                return Err(SmtpError::Unsupported("SMTPUTF8"));
            }
            line.push_str(" SMTPUTF8");
        }
        self.command(&line).await
    }

    /// Says RCPT.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn rcpt(&mut self, to: &Mailbox) -> Result<Reply, SmtpError> {
        self.command(&format!("RCPT TO:<{to}>")).await
    }

    /// Says DATA; 354 asks for the message.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn data(&mut self) -> Result<Reply, SmtpError> {
        let reply = self.command("DATA").await?;
        self.in_data = reply.is_intermediate();
        Ok(reply)
    }

    /// Sends the message, line ends and dots made right, and returns the reply to its final dot.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn message(&mut self, message: &[u8]) -> Result<Reply, SmtpError> {
        let wire = data::encoded(message);
        self.wire.send(&wire, self.timeouts.reply).await?;
        self.in_data = false;
        self.wire.hear(self.timeouts.message).await
    }

    /// Leaves with QUIT, or without a word where the server awaits a message; never waits long.
    pub async fn quit(mut self) {
        let wait = self.timeouts.reply.min(limits::QUIT_TIMEOUT);
        if !self.in_data && self.wire.say("QUIT", wait).await.is_ok() {
            // The answer changes nothing.
            let _ = self.wire.hear(wait).await;
        }
        self.wire.close().await;
    }
}
