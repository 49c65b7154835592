//! A server that is nothing but its certificate: it agrees to TLS, and what comes then shows whether the
//! client has accepted the certificate.

use native_tls::{Identity, TlsAcceptor};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::frames::{self, Report};
use crate::walsender::{Opening, Walsender};

/// Listens on a port of 127.0.0.1. A client that begins to log in is refused with
/// [`ACCEPTED`](Self::ACCEPTED), which it will show.
#[derive(Debug)]
pub struct TlsDoor {
    port: u16,
    task: JoinHandle<()>,
}

impl TlsDoor {
    /// What a client is told that has accepted the certificate.
    pub const ACCEPTED: &str = "the certificate was accepted";

    /// Opens it with a certificate and its key (PEM, PKCS #8).
    ///
    /// # Errors
    /// When those are of no use, or there is no port.
    pub async fn open(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let unusable = |error| Error::because("the certificate of a TLS door", error);
        let identity = Identity::from_pkcs8(certificate, key).map_err(unusable)?;
        let acceptor = TlsAcceptor::new(identity).map_err(unusable)?.into();
        let closed = |error| Error::because("a TLS door", error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(closed)?;
        let port = listener.local_addr().map_err(closed)?.port();
        Ok(Self { port, task: tokio::spawn(greet(listener, acceptor)) })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TlsDoor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One client after the other. Most of them go away when they have seen the certificate.
async fn greet(listener: TcpListener, acceptor: tokio_native_tls::TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move { greet_one(stream, &acceptor).await.ok() });
    }
}

async fn greet_one(stream: TcpStream, acceptor: &tokio_native_tls::TlsAcceptor) -> Result<(), Error> {
    let mut plain = Walsender::new(stream);
    while plain.next_opening().await? != Opening::Ssl {
        plain.send(b"N").await?;
    }
    plain.send(b"S").await?;
    let stream = acceptor.accept(plain.into_inner()).await;
    let mut inside = Walsender::new(stream.map_err(|error| Error::because("TLS with a client", error))?);
    inside.expect_startup().await?;
    inside.send(&frames::error_response(&Report::new("FATAL", "28000", TlsDoor::ACCEPTED))).await?;
    // The client hangs up.
    inside.next_opening().await.map(drop)
}
