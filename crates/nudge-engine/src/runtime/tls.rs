//! From a bare socket to the one that the startup message may go over.
//!
//! Follows "SSL Session Encryption" under "Message Flow" in the manual.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use native_tls::{Certificate, Identity, Protocol, TlsConnector, TlsConnectorBuilder};
use nudge_proto::{Security, SslReply, ssl_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::task::spawn_blocking;
use tokio_native_tls::TlsStream;

use crate::policy::diagnosis::{self, Stage};
use crate::runtime::listening::Listening;
use crate::runtime::{Io, Socket};
use crate::{Error, ErrorKind, Tls, TlsIdentity, TlsVerify, TlsVersion};

/// Begins TLS. `None` gives the bare socket back: the server has none. `name` is what the certificate
/// has to be made out to.
pub(crate) async fn secure(
    mut socket: Socket,
    tls: &Tls,
    spare: &Spare,
    name: &str,
) -> Result<(Socket, Option<Security>), Error> {
    if !tls.direct && ask(&mut socket).await? == SslReply::Unwilling {
        return Ok((socket, None));
    }
    let connector = tokio_native_tls::TlsConnector::from(spare.take_or_make(tls).await?);
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

/// A connector that was made for one connection and serves the next one, too.
///
/// With OpenSSL making one reads the system's authorities, whoever is to be trusted (some 35 ms): an item
/// that waits for the second session should not wait for that. After two connections certificates are read
/// again, and for each new stream, so that rotating them needs no restart.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Option<TlsConnector>>);

impl Spare {
    async fn take_or_make(&self, tls: &Tls) -> Result<TlsConnector, Error> {
        if let Some(connector) = self.lock().take() {
            return Ok(connector);
        }
        let tls = tls.clone();
        let connector = spawn_blocking(move || connector(&tls)).await.map_err(|_| {
            Error::transient(ErrorKind::Tls, "TLS cannot be set up: the program is shutting down")
        })??;
        *self.lock() = Some(connector.clone());
        Ok(connector)
    }

    fn lock(&self) -> MutexGuard<'_, Option<TlsConnector>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connector(tls: &Tls) -> Result<TlsConnector, Error> {
    let mut builder = TlsConnector::builder();
    builder.use_sni(tls.server_name);
    builder
        .min_protocol_version(tls.min_version.map(protocol))
        .max_protocol_version(tls.max_version.map(protocol));
    match tls.verify {
        TlsVerify::Nothing => builder
            .disable_built_in_roots(true)
            .danger_accept_invalid_certs(true)
            .danger_accept_invalid_hostnames(true),
        TlsVerify::Chain => builder.danger_accept_invalid_hostnames(true),
        TlsVerify::ChainAndHost => &mut builder,
    };
    if let Some(path) = &tls.roots {
        trust_only(&mut builder, path)?;
    }
    if let Some(identity) = &tls.identity {
        builder.identity(client_identity(identity)?);
    }
    if tls.direct {
        builder.request_alpns(&[ALPN]);
    }
    builder.build().map_err(|error| {
        Error::permanent(ErrorKind::Tls, format!("TLS cannot be set up: {error}")).with_source(error)
    })
}

fn trust_only(builder: &mut TlsConnectorBuilder, path: &Path) -> Result<(), Error> {
    let unusable = |why: &dyn ToString| {
        unusable_file(
            "the root certificates",
            path,
            &why.to_string(),
            "name a readable PEM file in sslrootcert",
        )
    };
    let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
    let roots = Certificate::stack_from_pem(&pem).map_err(|error| unusable(&error))?;
    if roots.is_empty() {
        return Err(unusable(&"there are none"));
    }
    builder.disable_built_in_roots(true);
    for root in roots {
        builder.add_root_certificate(root);
    }
    Ok(())
}

fn client_identity(files: &TlsIdentity) -> Result<Identity, Error> {
    let unusable = |what, path: &Path, why: &dyn ToString| {
        unusable_file(
            what,
            path,
            &why.to_string(),
            "name readable PEM files in sslcert and sslkey (the key in PKCS #8)",
        )
    };
    let (certificate_path, key_path) = (&files.certificate, &files.key);
    let certificate = std::fs::read(certificate_path)
        .map_err(|e| unusable("the client certificate", certificate_path, &e))?;
    let key = std::fs::read(key_path).map_err(|e| unusable("the client's key", key_path, &e))?;
    Identity::from_pkcs8(&certificate, &key)
        .map_err(|e| unusable("the client certificate and its key", certificate_path, &e))
}

fn unusable_file(what: &str, path: &Path, why: &str, hint: &str) -> Error {
    let path = path.display();
    Error::permanent(ErrorKind::Tls, format!("{what} in \"{path}\" cannot be used: {why}")).with_hint(hint)
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
        .with_hint("check that sslrootcert is the server's authority, and that its certificate carries the host's name")
        .with_source(error)
}

fn protocol(version: TlsVersion) -> Protocol {
    match version {
        TlsVersion::V1_0 => Protocol::Tlsv10,
        TlsVersion::V1_1 => Protocol::Tlsv11,
        TlsVersion::V1_2 => Protocol::Tlsv12,
        TlsVersion::V1_3 => Protocol::Tlsv13,
    }
}

/// Bytes that are read ahead of TLS: some records of at most 16 KiB.
const READ_AHEAD: usize = 64 * 1024;

/// PostgreSQL's name in ALPN (manual, "SSL Session Encryption").
const ALPN: &str = "postgresql";
