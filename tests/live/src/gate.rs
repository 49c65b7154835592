//! A proxy that lets so many messages of the client's pass, and then nothing.
//!
//! The protocol up to the stream is a conversation: the client waits for each answer. So what it writes
//! at once is a message, and to close after each of them in turn is to stop at every stage. Without TLS:
//! a stage of TLS is a stage before the first of these.

use std::future::pending;

use pgnudge_testkit::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Failure;
use crate::consumer::PATIENCE;

/// A running proxy. It and its connections end when this is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    port: u16,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

/// What has passed, and what may.
#[derive(Clone, Copy, Debug)]
struct State {
    passed: u32,
    /// After so many messages neither side hears the other.
    limit: u32,
    /// How often all connections were reset.
    resets: u32,
}

impl Gate {
    /// Between a free port and this one, both on 127.0.0.1. It closes after so many messages.
    pub(crate) async fn before(server: u16, limit: u32) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let state = watch::Sender::new(State { passed: 0, limit, resets: 0 });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, state.clone()));
        Ok(Self { port, state, _tasks: tasks })
    }

    /// Where to connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many messages have passed.
    pub(crate) fn passed(&self) -> u32 {
        self.state.borrow().passed
    }

    /// Waits until it is closed.
    pub(crate) async fn closed(&self) -> Result<(), Failure> {
        let look = async || Ok(*self.state.borrow());
        wait_until("the gate is closed", PATIENCE, look, |state| state.passed >= state.limit).await?;
        Ok(())
    }

    /// Closes it at once.
    pub(crate) fn close(&self) {
        self.state.send_modify(|state| state.limit = state.passed);
    }

    /// Everything passes, what was held back first.
    pub(crate) fn open(&self) {
        self.state.send_modify(|state| state.limit = u32::MAX);
    }

    /// Ends all connections with RST, on both sides.
    pub(crate) fn reset(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }
}

async fn accept(listener: TcpListener, server: u16, state: watch::Sender<State>) {
    let mut links = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        // A server that is just restarting refuses, and so do we.
        if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
            links.spawn(link(client, server, state.clone()));
        }
        while links.try_join_next().is_some() {}
    }
}

/// One connection, until one side ends it while the gate is open, or it is reset.
async fn link(mut client: TcpStream, mut server: TcpStream, state: watch::Sender<State>) {
    let began = state.borrow().resets;
    let mut changes = state.subscribe();
    let reset = {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.split(), server.split());
        let up = pump(&mut from_client, &mut to_server, &state, true);
        let down = pump(&mut from_server, &mut to_client, &state, false);
        tokio::select! {
            () = up => false,
            () = down => false,
            _ = changes.wait_for(|state| state.resets > began) => true,
        }
    };
    if reset {
        for socket in [&client, &server] {
            // One that is closed already cannot be, and need not be.
            socket.set_zero_linger().ok();
        }
    }
}

/// One direction. While the gate is closed nothing is read: not even that the other side is gone.
async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    state: &watch::Sender<State>,
    counts: bool,
) {
    let mut changes = state.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if changes.wait_for(|state| state.passed < state.limit).await.is_err() {
            return pending().await;
        }
        let closed = async { changes.wait_for(|state| state.passed >= state.limit).await.map(|_| ()) };
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            Ok(()) = closed => continue,
        };
        let Ok(length @ 1..) = read else { return };
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        if counts {
            state.send_modify(|state| state.passed += 1);
        }
    }
}
