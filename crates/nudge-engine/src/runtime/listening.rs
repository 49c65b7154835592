//! A socket that remembers what it has heard.
//!
//! When a TLS handshake fails, the TLS library does not tell everywhere whether the peer said
//! something wrong or was cut off. The socket underneath knows.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};

use crate::runtime::{Io, Socket};

/// The socket.
pub(crate) struct Listening {
    socket: BufReader<Socket>,
    heard: Arc<Heard>,
}

/// What came from the peer.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    anything: AtomicBool,
    end: AtomicBool,
}

impl Listening {
    pub(crate) fn new(socket: BufReader<Socket>) -> (Self, Arc<Heard>) {
        let heard = Arc::<Heard>::default();
        (Self { socket, heard: Arc::clone(&heard) }, heard)
    }
}

impl Heard {
    /// Whether there was a byte.
    pub(crate) fn anything(&self) -> bool {
        self.anything.load(Ordering::Relaxed)
    }

    /// Whether the peer has closed its side.
    pub(crate) fn end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }
}

impl Io for Listening {
    fn detach(&mut self) -> io::Result<()> {
        self.socket.get_mut().detach()
    }

    fn attach(&mut self) -> io::Result<bool> {
        self.socket.get_mut().attach()
    }
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            let end = buffer.filled().len() == before && buffer.remaining() > 0;
            let flag = if end { &self.heard.end } else { &self.heard.anything };
            flag.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Listening {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
