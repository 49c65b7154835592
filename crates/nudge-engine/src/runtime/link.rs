//! A socket and the bytes on their way through it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nudge_proto::Inbox;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection runs over.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {
    /// For a while nobody waits: what arrives need not wake the task. Until it is attached again a read
    /// brings what is there, or is `Pending` and wakes nobody later.
    ///
    /// # Errors
    /// The connection is lost.
    fn detach(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Says whether it was detached.
    ///
    /// # Errors
    /// The connection is lost.
    fn attach(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// TCP, a Unix-domain socket, or TLS over one: whatever it is, a read costs one indirect call.
pub type Socket = Box<dyn Io>;

/// A socket with its inbox, and what is to be sent.
pub(crate) struct Link {
    socket: Socket,
    pub(crate) inbox: Inbox,
    /// What the machines have appended and the socket has not taken yet.
    pub(crate) out: Vec<u8>,
    /// How the connection ended, behind what had arrived before.
    end: Option<io::Error>,
}

impl Link {
    pub(crate) fn new(socket: Socket, inbox: Inbox) -> Self {
        Self { socket, inbox, out: Vec::new(), end: None }
    }

    /// Sends what is to be sent and waits until something arrives, both at once: neither side of the
    /// connection can wait for the other. Cancel-safe. Returns how many bytes have arrived; the end of the
    /// connection is `UnexpectedEof`.
    ///
    /// A server that closes has often said why: what has arrived counts before a failure to send.
    pub(crate) async fn exchange(&mut self) -> io::Result<usize> {
        poll_fn(|cx| {
            let sent = self.poll_send(cx);
            match (self.poll_receive(cx), sent) {
                (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
                (received, _) => received,
            }
        })
        .await
    }

    /// Nobody waits for what arrives until the next [`exchange`](Self::exchange).
    pub(crate) fn detach(&mut self) {
        self.end = self.end.take().or_else(|| self.socket.detach().err());
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.out))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.drain(..sent);
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Reads until the inbox is full or nothing is left. A TLS record is at most 16 KiB: what follows is
    /// done once per inbox, and not per record. A socket that gave less than there was room for is known
    /// to be empty, and is not asked again.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut received = 0;
        while self.end.is_none() {
            let mut spare = ReadBuf::new(self.inbox.spare_mut());
            if spare.capacity() == 0 {
                if received > 0 {
                    break;
                }
                // Nobody has taken in what is there, and nobody will: it is listened to no longer.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            match Pin::new(&mut self.socket).poll_read(cx, &mut spare) {
                Poll::Pending if received > 0 => break,
                Poll::Pending => match self.socket.attach() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => self.end = Some(error),
                },
                Poll::Ready(Err(error)) => self.end = Some(error),
                Poll::Ready(Ok(())) if spare.filled().is_empty() => {
                    self.end = Some(io::ErrorKind::UnexpectedEof.into());
                }
                Poll::Ready(Ok(())) => {
                    let n = spare.filled().len();
                    self.inbox.commit(n);
                    received += n;
                }
            }
        }
        match self.end.take_if(|_| received == 0) {
            Some(error) => Poll::Ready(Err(error)),
            None if received > 0 => Poll::Ready(Ok(received)),
            None => Poll::Pending,
        }
    }
}
