//! Lines to and from a server, in clear text or TLS, each with its limit of time and length.

use super::SmtpError;
use crate::base::limits;
use crate::spec::sender::Reply;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// A message goes out in pieces of this size, each with its own time.
const BLOCK: usize = 16 * 1024;

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Lost in a handshake.
    Gone,
}

pub(super) struct Wire {
    pub stream: Stream,
    /// What was read beyond the last line.
    ahead: Vec<u8>,
}

impl Wire {
    pub const fn new(stream: Stream) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    fn io(&mut self) -> Result<&mut dyn Io, SmtpError> {
        match &mut self.stream {
            Stream::Clear(stream) => Ok(stream),
            Stream::Tls(stream) => Ok(&mut **stream),
            Stream::Gone => Err(SmtpError::Closed),
        }
    }

    /// Whether the server sent more than it was asked for.
    pub fn is_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Sends a command; a line that is none, for it holds a control character, is refused.
    pub async fn say(&mut self, line: &str, wait: Duration) -> Result<(), SmtpError> {
        if line.chars().any(char::is_control) || line.len() + 2 > limits::COMMAND_LINE {
            return Err(SmtpError::Unsayable(line.chars().take(80).collect()));
        }
        if self.is_ahead() {
            return Err(SmtpError::Protocol("reply without a command".to_owned()));
        }
        self.send(format!("{line}\r\n").as_bytes(), wait).await
    }

    /// Sends octets, with `wait` for each piece.
    pub async fn send(&mut self, octets: &[u8], wait: Duration) -> Result<(), SmtpError> {
        let io = self.io()?;
        for block in octets.chunks(BLOCK) {
            timeout(wait, io.write_all(block))
                .await
                .map_err(|_| SmtpError::Timeout)?
                .map_err(|error| lost(&error))?;
        }
        timeout(wait, io.flush())
            .await
            .map_err(|_| SmtpError::Timeout)?
            .map_err(|error| lost(&error))
    }

    /// Reads a reply; `wait` is for all of it, so that a slow drip gains nothing.
    pub async fn hear(&mut self, wait: Duration) -> Result<Reply, SmtpError> {
        timeout(wait, self.reply())
            .await
            .map_err(|_| SmtpError::Timeout)?
    }

    async fn reply(&mut self) -> Result<Reply, SmtpError> {
        let mut so_far = None;
        let mut room = limits::REPLY;
        loop {
            let line = self.line(&mut room).await?;
            let read = Reply::read(so_far.take(), &line)
                .map_err(|error| SmtpError::Protocol(error.to_string()))?;
            match read {
                (reply, true) => return Ok(reply),
                (reply, false) => so_far = Some(reply),
            }
        }
    }

    async fn line(&mut self, room: &mut usize) -> Result<Vec<u8>, SmtpError> {
        let mut searched = 0;
        loop {
            let end = self.ahead[searched..]
                .iter()
                .position(|octet| *octet == b'\n');
            let length = end.map_or(self.ahead.len(), |end| searched + end + 1);
            if length > *room {
                return Err(SmtpError::Protocol(format!(
                    "reply longer than {} octets",
                    limits::REPLY
                )));
            }
            if end.is_some() {
                *room -= length;
                let mut line: Vec<u8> = self.ahead.drain(..length).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(line);
            }
            searched = length;
            let mut piece = [0; 4096];
            let read = self.io()?.read(&mut piece).await;
            match read.map_err(|error| lost(&error))? {
                0 => return Err(SmtpError::Closed),
                count => self.ahead.extend_from_slice(&piece[..count]),
            }
        }
    }

    /// Closes, TLS in order.
    pub async fn close(mut self) {
        if let Ok(io) = self.io() {
            // Nobody waits for how this ends.
            let _ = timeout(limits::QUIT_TIMEOUT, io.shutdown()).await;
        }
    }
}

fn lost(error: &io::Error) -> SmtpError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => SmtpError::Closed,
        _ => SmtpError::Failed(error.to_string()),
    }
}
