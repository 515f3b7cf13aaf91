//! The connection to a client, in clear text or inside TLS, with every ending named.

use super::tls::{Secured, ending};
use crate::base::{Close, limits};
use socket2::SockRef;
use std::io::{self, IoSlice, Read as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Passes everything through and keeps a copy of what is read, up to a limit, until it is taken.
pub(super) struct Tee<S> {
    inner: S,
    copy: Vec<u8>,
    left: usize,
}

impl<S> Tee<S> {
    pub(super) const fn new(inner: S, limit: usize) -> Self {
        Self {
            inner,
            copy: Vec::new(),
            left: limit,
        }
    }

    /// The copy so far; nothing more is copied.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.left = 0;
        std::mem::take(&mut self.copy)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tee<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let read = &buffer.filled()[before..];
        let kept = read.len().min(self.left);
        self.copy.extend_from_slice(&read[..kept]);
        self.left -= kept;
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tee<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    /// A flight of a handshake is several records, which leave in one system call.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The connection.
pub(super) enum Wire {
    Clear(TcpStream),
    Tls(Box<Secured>),
    /// The client went, or is shaking hands.
    Gone,
}

impl Wire {
    /// Reads some bytes, at least one.
    ///
    /// # Errors
    /// How the connection ended.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Close> {
        let (read, end) = match self {
            Self::Clear(stream) => (stream.read(buffer).await, Close::Fin),
            Self::Tls(stream) => (stream.read(buffer).await, Close::CloseNotify),
            Self::Gone => return Err(Close::Fin),
        };
        match read {
            Ok(0) => Err(end),
            Ok(count) => Ok(count),
            Err(error) => Err(ending(&error, None)),
        }
    }

    /// Writes everything, within [`limits::WRITE_TIMEOUT`].
    ///
    /// # Errors
    /// How the connection ended.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Close> {
        let written = async {
            match self {
                Self::Clear(stream) => stream.write_all(bytes).await,
                Self::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
                Self::Gone => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        match timeout(limits::WRITE_TIMEOUT, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ending(&error, None)),
            Err(_) => Err(Close::Timeout),
        }
    }

    /// What has already come in clear text and can be read without waiting.
    pub(super) fn pending(&self, buffer: &mut [u8]) -> usize {
        match self {
            // Past the runtime, which may not have heard yet that there is something to read.
            Self::Clear(stream) => (&*SockRef::from(stream)).read(buffer).unwrap_or(0),
            _ => 0,
        }
    }

    /// Closes in order, and waits a little for the client to close as well: closing with bytes unread would reset the
    /// connection and could cost the client our last reply.
    pub(super) async fn close(self) {
        let last_words = async {
            match self {
                Self::Clear(mut stream) => {
                    stream.shutdown().await?;
                    drain(&mut stream).await
                }
                Self::Tls(mut stream) => {
                    stream.shutdown().await?;
                    drain(&mut stream.get_mut().0.inner).await
                }
                Self::Gone => Ok(()),
            }
        };
        // Whatever happens now is of no interest: the record is closed.
        let _ = timeout(limits::LAST_WORDS, last_words).await;
    }
}

async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
