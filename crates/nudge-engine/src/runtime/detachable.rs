//! A socket that can be taken away from the runtime's poller for a while.
//!
//! The poller (epoll, kqueue) is told of every segment that arrives, and wakes a thread for it, whether
//! or not anybody waits: at the server's pace of a flush per message that is most of what a nap would
//! save, and the waking is done at the expense of the server's process. `SO_RCVLOWAT` would be another
//! way, but no safe binding has it.

use std::io::{self, Read, Write};
use std::net::TcpStream as BareTcp;
use std::os::unix::net::UnixStream as BareUnix;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::runtime::Io;

/// What the poller watches, and the same without it. Either does not block.
pub(crate) trait Watched: AsyncRead + AsyncWrite + Send + Unpin + Sized {
    type Bare: Read + Write + Send + Unpin;

    fn into_bare(self) -> io::Result<Self::Bare>;
    fn from_bare(bare: Self::Bare) -> io::Result<Self>;
}

impl Watched for TcpStream {
    type Bare = BareTcp;

    fn into_bare(self) -> io::Result<BareTcp> {
        self.into_std()
    }

    fn from_bare(bare: BareTcp) -> io::Result<Self> {
        Self::from_std(bare)
    }
}

impl Watched for UnixStream {
    type Bare = BareUnix;

    fn into_bare(self) -> io::Result<BareUnix> {
        self.into_std()
    }

    fn from_bare(bare: BareUnix) -> io::Result<Self> {
        Self::from_std(bare)
    }
}

/// The socket.
pub(crate) struct Detachable<S: Watched>(State<S>);

enum State<S: Watched> {
    Attached(S),
    /// `drained`: the last read brought less than there was room for, so another would find nothing.
    Detached {
        bare: S::Bare,
        drained: bool,
    },
    /// The poller did not give it back, or did not take it in.
    Closed,
}

impl<S: Watched> Detachable<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self(State::Attached(socket))
    }

    fn take(&mut self) -> State<S> {
        std::mem::replace(&mut self.0, State::Closed)
    }

    fn attached(&mut self) -> io::Result<&mut S> {
        self.attach()?;
        match &mut self.0 {
            State::Attached(socket) => Ok(socket),
            State::Detached { .. } | State::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<S: Watched> Io for Detachable<S> {
    fn detach(&mut self) -> io::Result<()> {
        self.0 = match self.take() {
            State::Attached(socket) => State::Detached { bare: socket.into_bare()?, drained: false },
            State::Detached { bare, .. } => State::Detached { bare, drained: false },
            State::Closed => State::Closed,
        };
        Ok(())
    }

    fn attach(&mut self) -> io::Result<bool> {
        let state = self.take();
        let detached = matches!(state, State::Detached { .. });
        self.0 = match state {
            State::Detached { bare, .. } => State::Attached(S::from_bare(bare)?),
            other => other,
        };
        Ok(detached)
    }
}

impl<S: Watched> AsyncRead for Detachable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Attached(socket) => Pin::new(socket).poll_read(cx, buffer),
            State::Detached { drained: true, .. } => Poll::Pending,
            State::Detached { bare, drained } => {
                let spare = buffer.initialize_unfilled();
                let n = ready!(at_once(|| bare.read(spare)))?;
                *drained = n < spare.len();
                buffer.advance(n);
                Poll::Ready(Ok(()))
            }
            State::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<S: Watched> AsyncWrite for Detachable<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let State::Detached { bare, .. } = &mut self.0
            && let Poll::Ready(written) = at_once(|| bare.write(bytes))
        {
            return Poll::Ready(written);
        }
        Pin::new(self.attached()?).poll_write(cx, bytes)
    }

    /// A socket holds nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.attached()?).poll_shutdown(cx)
    }
}

/// A call that does not block.
fn at_once<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return Poll::Ready(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (Detachable<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Detachable::new(socket), listener.accept().await.unwrap().0)
    }

    fn read_now(socket: &mut Detachable<TcpStream>) -> Poll<Vec<u8>> {
        let mut room = [0; 100];
        let mut buffer = ReadBuf::new(&mut room);
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        ready!(Pin::new(socket).poll_read(cx, &mut buffer)).unwrap();
        Poll::Ready(buffer.filled().to_vec())
    }

    #[tokio::test]
    async fn what_arrives_while_it_is_detached_is_there_without_the_poller() {
        let (mut socket, mut peer) = pair().await;
        socket.detach().unwrap();
        assert!(read_now(&mut socket).is_pending());
        peer.write_all(b"a nudge").await.unwrap();
        assert_eq!(read_now(&mut socket), Poll::Ready(b"a nudge".to_vec()));
        peer.write_all(b"another").await.unwrap();
        assert!(read_now(&mut socket).is_pending(), "known to be empty, until the next nap");
        socket.detach().unwrap();
        assert_eq!(read_now(&mut socket), Poll::Ready(b"another".to_vec()));
        drop(peer);
        socket.detach().unwrap();
        assert_eq!(read_now(&mut socket), Poll::Ready(vec![]));
    }

    #[tokio::test]
    async fn attached_again_it_wakes_who_waits() {
        let (mut socket, mut peer) = pair().await;
        assert!(!socket.attach().unwrap(), "it has not been detached");
        socket.detach().unwrap();
        peer.write_all(b"before").await.unwrap();
        assert!(socket.attach().unwrap());
        let mut heard = [0; 12];
        let (read, written) =
            tokio::join!(socket.read_exact(&mut heard), async { peer.write_all(b" after").await });
        read.and(written.map(|()| 0)).unwrap();
        assert_eq!(&heard, b"before after");
    }

    #[tokio::test]
    async fn what_does_not_fit_the_socket_is_written_when_there_is_room() {
        let (mut socket, mut peer) = pair().await;
        socket.detach().unwrap();
        let (sent, mut heard) = (vec![7; 16 << 20], vec![]);
        let write = async move {
            socket.write_all(&sent).await.unwrap();
            socket.shutdown().await.unwrap();
            sent.len()
        };
        let (written, read) = tokio::join!(write, peer.read_to_end(&mut heard));
        assert_eq!(written, read.unwrap());
    }
}
