//! The network between the feed and the test: pipes in memory, one per connection that is opened.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use nudge_engine::runtime::{self, Connected, Dial, Feed, Io, Route, Session, SessionKind, Status};
use nudge_engine::{
    AllowedMethods, ChannelBinding, Error, ErrorKind, Knobs, SessionAttributes, Target, Tcp, Tls,
};
use nudge_proto::Security;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::{Backend, S, soon};

/// A network with one server in it, and the test is the server.
pub struct Network {
    line: Arc<Line>,
    arrivals: mpsc::UnboundedReceiver<Backend>,
}

impl Network {
    /// Pipes that hold 64 KiB in each direction.
    pub fn new() -> Self {
        Self::narrow(64 * 1024)
    }

    /// Pipes that hold so many bytes: the writer of more waits for the reader.
    pub fn narrow(capacity: usize) -> Self {
        let (server, arrivals) = mpsc::unbounded_channel();
        let reception = Mutex::new(Reception::Connection);
        Self { line: Arc::new(Line { server, capacity, reception }), arrivals }
    }

    /// What comes of opening a connection from now on.
    pub fn receives_with(&self, reception: Reception) {
        *self.line.reception.lock().unwrap_or_else(PoisonError::into_inner) = reception;
    }

    /// A feed begins to connect.
    pub fn connect(&self, knobs: Knobs) -> Connecting {
        Self::connect_to([self], SessionAttributes::Any, knobs)
    }

    /// A feed begins to connect to several servers, of which one of such a kind is wanted.
    pub fn connect_to<const N: usize>(
        hosts: [&Self; N],
        attributes: SessionAttributes,
        knobs: Knobs,
    ) -> Connecting {
        let (status, watching) = watch::channel(Status::Connecting { attempt: 0 });
        let dial = Arc::new(Dialer(hosts.map(|host| Arc::clone(&host.line)).into()));
        let target = Target { attributes, ..target() };
        let feed = async move { runtime::connect(&target, dial, knobs, status).await };
        Connecting { feed: tokio::spawn(feed), status: watching }
    }

    /// A session begins to connect.
    pub fn session(&self, kind: SessionKind) -> JoinHandle<Result<Session, Error>> {
        Self::session_of(&[self], kind)
    }

    /// The same, with several hosts.
    pub fn session_of(networks: &[&Self], kind: SessionKind) -> JoinHandle<Result<Session, Error>> {
        let dial = Arc::new(Dialer(networks.iter().map(|network| Arc::clone(&network.line)).collect()));
        tokio::spawn(async move { Session::connect(&target(), dial, kind, S).await })
    }

    /// The next connection that the feed opens.
    pub async fn accept(&mut self) -> Backend {
        soon("a connection", self.arrivals.recv()).await.expect("the network is there")
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

/// What comes of opening a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// A connection, which [`Network::accept`] yields the other end of.
    Connection,
    /// Connection refused: nobody listens.
    Refusal,
    /// Nothing, ever: packets get lost.
    Silence,
    /// A panic, standing for a bug in the feed's task.
    Panic,
}

/// A feed that is on its way.
pub struct Connecting {
    /// Ends when `connect()` does; aborting it drops the future of `connect()`.
    pub feed: JoinHandle<Result<Feed, Error>>,
    /// As the program would watch it.
    pub status: watch::Receiver<Status>,
}

impl Connecting {
    /// The feed, once it is live.
    pub async fn live(self) -> Feed {
        soon("the feed", self.feed).await.expect("connect() does not panic").expect("connect() succeeds")
    }

    /// Why there is none.
    pub async fn error(self) -> Error {
        soon("an error", self.feed).await.expect("connect() does not panic").expect_err("connect() fails")
    }
}

/// Where the feed believes to connect to. The network does not look at it.
pub fn target() -> Target {
    Target {
        hosts: Vec::new(),
        user: "nudger".into(),
        database: "app".into(),
        parameters: Vec::new(),
        password: None,
        tls: Tls::default(),
        channel_binding: ChannelBinding::Prefer,
        allowed: AllowedMethods::default(),
        tcp: Tcp::default(),
        attributes: SessionAttributes::Any,
        shuffle: false,
        peer: None,
    }
}

/// A server behind each line.
struct Dialer(Vec<Arc<Line>>);

impl Dial for Dialer {
    fn routes(&self, _limit: Duration) -> BoxFuture<'_, Result<Vec<Arc<dyn Route>>, Error>> {
        let ways = self.0.iter().enumerate();
        let routes = ways.map(|(n, line)| Arc::new(Way(n + 1, Arc::clone(line))) as Arc<dyn Route>).collect();
        Box::pin(async move { Ok(routes) })
    }
}

/// The only way to a server. Each attempt has one of its own.
struct Way(usize, Arc<Line>);

impl Route for Way {
    fn open(&self) -> BoxFuture<'_, Result<Connected, Error>> {
        Box::pin(self.1.opened())
    }

    fn name(&self) -> String {
        format!("pipe {}", self.0)
    }
}

/// What all connections have in common.
struct Line {
    server: mpsc::UnboundedSender<Backend>,
    capacity: usize,
    reception: Mutex<Reception>,
}

impl Line {
    fn connection(&self) -> Connected {
        let (client, server) = tokio::io::duplex(self.capacity);
        let fate = Arc::new(Fate::default());
        // When nobody is left to accept it, the connection ends at once.
        let _ = self.server.send(Backend::new(server, Arc::clone(&fate)));
        let password = Some("secret".into());
        Connected {
            socket: Box::new(Wire { pipe: client, fate, flooded: 0, detached: false }),
            security: Security::Plain,
            password,
        }
    }

    #[expect(clippy::panic, reason = "stands for a bug")]
    async fn opened(&self) -> Result<Connected, Error> {
        let reception = *self.reception.lock().unwrap_or_else(PoisonError::into_inner);
        match reception {
            Reception::Connection => Ok(self.connection()),
            Reception::Refusal => Err(Error::transient(ErrorKind::Network, "connection refused")),
            Reception::Silence => std::future::pending().await,
            Reception::Panic => panic!("a bug"),
        }
    }
}

/// The feed's end of a connection: a pipe that can be reset, or run over.
struct Wire {
    pipe: DuplexStream,
    fate: Arc<Fate>,
    /// Bytes of the flood so far.
    flooded: usize,
    /// Nobody is woken when something arrives.
    detached: bool,
}

/// What becomes of a connection, apart from what is written to it.
#[derive(Default)]
pub(crate) struct Fate {
    /// Its end is a reset.
    pub(crate) reset: AtomicBool,
    /// These bytes come again and again, at once and without waiting, until there were [`FLOOD`] of them.
    pub(crate) flood: OnceLock<Vec<u8>>,
}

/// Bytes of a flood.
const FLOOD: usize = 16 << 20;

impl Io for Wire {
    fn detach(&mut self) -> io::Result<()> {
        self.detached = true;
        Ok(())
    }

    fn attach(&mut self) -> io::Result<bool> {
        Ok(std::mem::take(&mut self.detached))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let fate = Arc::clone(&self.fate);
        if let Some(flood) = fate.flood.get()
            && self.flooded < FLOOD
        {
            let from = self.flooded % flood.len();
            let (begun, again) = (&flood[from..], flood.iter().cycle());
            let bytes: Vec<u8> = begun.iter().chain(again).take(buf.remaining()).copied().collect();
            buf.put_slice(&bytes);
            self.flooded += bytes.len();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let cx = if self.detached { &mut Context::from_waker(Waker::noop()) } else { cx };
        ready!(Pin::new(&mut self.pipe).poll_read(cx, buf))?;
        let ended = buf.filled().len() == before;
        if ended && self.fate.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
