//! From a bare socket to the one that the startup message may go over.
//!
//! Follows "SSL Session Encryption" under "Message Flow" in the manual.

mod client_certificate;
mod connector;
#[cfg_attr(any(windows, target_vendor = "apple"), path = "tls/system.rs")]
#[cfg_attr(not(any(windows, target_vendor = "apple")), path = "tls/openssl.rs")]
mod library;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use nudge_proto::{Security, SslReply, ssl_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio_native_tls::TlsStream;

use crate::policy::diagnosis::{self, Stage};
use crate::runtime::listening::Listening;
use crate::runtime::{Io, Socket};
use crate::{Error, ErrorKind, Tls, TlsVerify};

pub(crate) use connector::Connectors;

/// Begins TLS. `None` gives the bare socket back: the server has none. `name` is what the certificate
/// has to be made out to.
pub(crate) async fn secure(
    mut socket: Socket,
    tls: &Tls,
    connectors: &Arc<Connectors>,
    name: &str,
) -> Result<(Socket, Option<Security>), Error> {
    if !tls.direct && ask(&mut socket).await? == SslReply::Unwilling {
        return Ok((socket, None));
    }
    let connector = tokio_native_tls::TlsConnector::from(connectors.get(tls).await?);
    // Without it a record costs two system calls, one for its header and one for the rest. The reply to
    // SSLRequest was read before.
    let socket = BufReader::with_capacity(READ_AHEAD, socket);
    let (socket, heard) = Listening::new(socket);
    let stream = connector.connect(name, socket).await.map_err(|error| {
        // A server that has agreed to TLS and then ends was stopped, or something in between was. One
        // that ends without a word when TLS comes first does not know that this may be.
        let cut_off = heard.end() && (heard.anything() || !tls.direct);
        if cut_off { diagnosis::network(Stage::Tls, ended(error)) } else { handshake_failed(error) }
    })?;
    check_name(tls, &stream, name)?;
    if tls.direct && stream.get_ref().negotiated_alpn().ok().flatten().as_deref() != Some(ALPN.as_bytes()) {
        // What answered is TLS, but it did not say that it is PostgreSQL (manual: ALPN is mandatory).
        return Err(Error::permanent(
            ErrorKind::Tls,
            "the server did not agree to PostgreSQL over direct TLS",
        )
        .with_hint("use sslnegotiation=postgres with servers before PostgreSQL 17"));
    }
    // A certificate whose hash is not defined (Ed25519) has none, and then there is no binding.
    let server_end_point = stream.get_ref().tls_server_end_point().ok().flatten();
    Ok((Box::new(stream), Some(Security::Tls { server_end_point })))
}

/// `sslmode=verify-full`: that the certificate, whose chain the handshake has verified, is the host's. Before
/// that nothing of ours is sent.
fn check_name(tls: &Tls, stream: &TlsStream<Listening>, host: &str) -> Result<(), Error> {
    if tls.verify != TlsVerify::ChainAndHost || library::LIBRARY_COMPARES_NAMES {
        return Ok(());
    }
    let certificate = stream.get_ref().peer_certificate().ok().flatten();
    let names = certificate.as_ref().and_then(library::names);
    let checked = names.ok_or_else(|| "the server's certificate cannot be read".into());
    checked.and_then(|names| names.check(host)).map_err(|why| {
        Error::permanent(ErrorKind::Tls, why).with_hint(
            "give as host a name that the certificate has (and the address in hostaddr), or give the server a \
             certificate with this name",
        )
    })
}

impl Io for TlsStream<Listening> {
    fn detach(&mut self) -> io::Result<()> {
        self.get_mut().get_mut().get_mut().detach()
    }

    fn attach(&mut self) -> io::Result<bool> {
        self.get_mut().get_mut().get_mut().attach()
    }
}

/// The server has no TLS, and going without is not allowed.
pub(crate) fn not_offered() -> Error {
    Error::permanent(ErrorKind::Tls, "the server does not offer TLS, and sslmode demands it")
        .with_hint("switch ssl on in postgresql.conf, or use sslmode=disable on a network that you trust")
}

/// SSLRequest and its reply, which is read into one byte: bytes stuffed behind it stay outside.
async fn ask(socket: &mut Socket) -> Result<SslReply, Error> {
    let (mut request, mut reply) = (Vec::new(), [0]);
    ssl_request(&mut request);
    let asked: io::Result<()> = async {
        socket.write_all(&request).await?;
        socket.flush().await?;
        socket.read_exact(&mut reply).await.map(drop)
    }
    .await;
    asked.map_err(|error| diagnosis::network(Stage::Tls, error))?;
    SslReply::from_byte(reply[0]).map_err(|malformed| diagnosis::protocol(Stage::Tls, malformed.into()))
}

fn ended(error: native_tls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, error)
}

/// A handshake that the network broke may work the next time; a certificate that is not trusted
/// will not.
fn handshake_failed(error: native_tls::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(this) = cause {
        if let Some(io) = this.downcast_ref::<io::Error>() {
            return diagnosis::network(Stage::Tls, io::Error::new(io.kind(), io.to_string()));
        }
        cause = this.source();
    }
    Error::permanent(ErrorKind::Tls, format!("the TLS handshake failed: {error}"))
        .with_hint(HANDSHAKE_HINT)
        .with_source(error)
}

/// Bytes that are read ahead of TLS: some records of at most 16 KiB.
const READ_AHEAD: usize = 64 * 1024;

/// PostgreSQL's name in ALPN (manual, "SSL Session Encryption").
const ALPN: &str = "postgresql";

const HANDSHAKE_HINT: &str = if library::LIBRARY_COMPARES_NAMES {
    "check that sslrootcert is the server's authority, and that its certificate carries the host's name"
} else {
    "check that sslrootcert is the server's authority, and that the server's certificate has not expired"
};
