//! Sockets, as the operating system makes them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::policy::diagnosis::{self, Stage};
use crate::runtime::Socket;
#[cfg(unix)]
use crate::runtime::detachable::Detachable;
use crate::{Error, ErrorKind, Tcp};

/// Connects by TCP.
pub(crate) async fn tcp(address: SocketAddr, options: &Tcp) -> io::Result<Socket> {
    let socket = TcpStream::connect(address).await?;
    // Keepalive answers are small and must not wait for more.
    socket.set_nodelay(true)?;
    // Closing is a hard abort: the kernel sends RST whatever is unsent or unread, so that the server
    // notices at once, and a crash and a clean exit look the same to it.
    let raw = SockRef::from(&socket);
    raw.set_linger(Some(Duration::ZERO))?;
    tune(&raw, options)?;
    #[cfg(unix)]
    let socket = Detachable::new(socket);
    Ok(Box::new(socket))
}

/// Detaching was tried on Unix only.
#[cfg(not(unix))]
impl crate::runtime::Io for TcpStream {}

fn tune(socket: &SockRef<'_>, options: &Tcp) -> io::Result<()> {
    if let Some(wanted) = options.keepalive {
        let mut keepalive = socket2::TcpKeepalive::new();
        if let Some(idle) = wanted.idle {
            keepalive = keepalive.with_time(idle);
        }
        if let Some(interval) = wanted.interval {
            keepalive = keepalive.with_interval(interval);
        }
        #[cfg(not(windows))]
        if let Some(count) = wanted.count {
            keepalive = keepalive.with_retries(count);
        }
        socket.set_tcp_keepalive(&keepalive)?;
    }
    // As in libpq, the setting is for systems that have it.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(options.user_timeout)?;
    Ok(())
}

/// Connects by a Unix-domain socket. `owner`: the user id that its other end has to have.
#[cfg(unix)]
pub(crate) async fn unix(path: &Path, owner: Option<u32>) -> Result<Socket, Error> {
    let network = |error| diagnosis::network(Stage::Connect, error);
    let socket = tokio::net::UnixStream::connect(path).await.map_err(network)?;
    let peer = socket.peer_cred().map_err(network)?.uid();
    match owner {
        Some(owner) if owner != peer => Err(Error::permanent(
            ErrorKind::Authentication,
            format!("requirepeer names user id {owner}, but the server runs as {peer}"),
        )
        .with_hint(
            "something else may be listening on this socket: check requirepeer and the socket directory",
        )),
        _ => Ok(Box::new(Detachable::new(socket))),
    }
}

#[cfg(not(unix))]
pub(crate) async fn unix(_: &Path, _: Option<u32>) -> Result<Socket, Error> {
    Err(Error::permanent(ErrorKind::Config, "Unix-domain sockets are not supported on this platform")
        .with_hint("name a host"))
}
