//! Connections: how many, for how long, and what happens when the system has no descriptor left.
//!
//! Clients are not trusted to speak, to listen, or to be there. A head that is not complete after [`HEAD`] ends its
//! connection; each connection serves one request; and data that a client has not acknowledged, or has not made room
//! for, for [`patience`] ends it, too (TCP_USER_TIMEOUT, RFC 5482). Connections beyond the limit wait in the
//! listener's queue, without a descriptor.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bridge::http::limits;

/// A listener, and the rules for what it accepts.
pub(super) struct Connections {
    pub(super) listener: TcpListener,
    /// One permit for each connection that there may be.
    pub(super) free: Arc<Semaphore>,
    /// How long a client may leave data unacknowledged.
    pub(super) patience: Duration,
}

/// Some heartbeats: one is sent at least that often, so a client that has vanished leaves something
/// unacknowledged soon. Not so short that a network that stumbles counts as gone.
pub(super) fn patience(heartbeat: Duration) -> Duration {
    heartbeat.saturating_mul(3).clamp(Duration::from_secs(10), Duration::from_secs(300))
}

impl Connections {
    /// Serves until it is dropped.
    pub(super) async fn serve(self, router: Router) -> Infallible {
        let mut failing = false;
        loop {
            // It is never closed.
            let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else { continue };
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    failing = false;
                    tokio::spawn(connection(socket, router.clone(), self.patience, permit));
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    // Once per row: the next attempt is likely to fail, too.
                    if !std::mem::replace(&mut failing, true) {
                        let hint = limits::REMEDY;
                        tracing::error!(%error, hint, "no connection can be accepted; trying again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// One request, and its answer. How it ends is the client's business.
async fn connection(socket: TcpStream, router: Router, patience: Duration, _permit: OwnedSemaphorePermit) {
    // A socket that is gone already fails here, too.
    if tune(&socket, patience).is_err() {
        return;
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_headers(MAX_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    let service = TowerToHyperService::new(router);
    let _ = http.serve_connection(TokioIo::new(socket), service).await;
}

fn tune(socket: &TcpStream, patience: Duration) -> io::Result<()> {
    // A nudge is a few bytes, and shall not wait for more.
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    // What a client does not read shall wait in its window, where items merge, and not in the kernel.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(patience))?;
    let keepalive = TcpKeepalive::new().with_time(patience / 3).with_interval(patience / 3);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(2);
    socket.set_tcp_keepalive(&keepalive)
}

/// The connection was gone before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A head fits into a few packets.
const HEAD: Duration = Duration::from_secs(10);
/// As hyper's default, said aloud.
const MAX_HEADERS: usize = 100;
/// Bytes of one that are kept until it is whole, and of events that hyper keeps for a client that does not read.
const LARGEST_HEAD: usize = 64 * 1024;
/// Linux doubles it. The largest item fits.
const SEND_BUFFER: usize = 32 << 10;
/// What runs out does not come back at once.
const PAUSE: Duration = Duration::from_secs(1);
