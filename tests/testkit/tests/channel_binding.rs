//! SCRAM-SHA-256-PLUS of the scripted walsender, against a client that is not ours. Its TLS is
//! a pretence: only the hash of a certificate is there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pgnudge_testkit::{Error, Opening, ScramServer, Walsender, tokio_postgres};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Logs in over pretended TLS with the client's idea of the certificate's hash.
async fn log_in(hash: &[u8], server: ScramServer) -> (bool, Result<Opening, Error>) {
    let (client, stream) = tokio::io::duplex(64 * 1024);
    // The script owns its end of the stream: the client must not wait for more after its end.
    let script = async move {
        let mut walsender = Walsender::new(stream);
        let first = walsender.next_opening().await?;
        assert_eq!(first, Opening::Ssl);
        walsender.send(b"S").await?;
        walsender.handshake_scram(server).await
    };
    let mut config = Config::new();
    config.user("me").password("secret").ssl_mode(SslMode::Require);
    let login = async { config.connect_raw(client, Pretended(hash.to_vec())).await.is_ok() };
    tokio::join!(login, script)
}

#[tokio::test]
async fn a_client_bound_to_this_certificate_is_let_in() {
    let (entered, startup) = log_in(b"hash", ScramServer::new("secret").channel_binding(b"hash")).await;
    assert!(entered && startup.is_ok(), "{startup:?}");
}

#[tokio::test]
async fn a_client_bound_to_another_certificate_is_not() {
    let (entered, startup) = log_in(b"other", ScramServer::new("secret").channel_binding(b"hash")).await;
    let error = startup.unwrap_err().to_string();
    assert!(!entered && error.contains("not the channel binding of this connection"), "{error}");
}

#[tokio::test]
async fn a_client_that_could_bind_is_let_in_by_a_server_that_cannot() {
    let (entered, startup) = log_in(b"hash", ScramServer::new("secret")).await;
    assert!(entered && startup.is_ok(), "{startup:?}");
}

/// Hands the stream on as it is.
struct Pretended(Vec<u8>);

struct PretendedStream {
    stream: DuplexStream,
    hash: Vec<u8>,
}

impl TlsConnect<DuplexStream> for Pretended {
    type Stream = PretendedStream;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<PretendedStream>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        std::future::ready(Ok(PretendedStream { stream, hash: self.0 }))
    }
}

impl TlsStream for PretendedStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::tls_server_end_point(self.hash.clone())
    }
}

impl AsyncRead for PretendedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for PretendedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
