//! What TLS needs beside a socket: which certificates are trusted, the client's own, which versions.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use native_tls::{Certificate, Protocol, TlsConnector, TlsConnectorBuilder};
use tokio::task::spawn_blocking;

use super::{ALPN, client_certificate, library};
use crate::{Error, ErrorKind, Tls, TlsVerify, TlsVersion};

/// A connector that was made for one connection and serves the next one, too.
///
/// With OpenSSL making one reads the system's authorities, even if others are trusted (some 35 ms): an item
/// that waits for the second session should not wait for that. After two connections certificates are read
/// again, and for each new stream, so that rotating them needs no restart.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Option<TlsConnector>>);

impl Spare {
    pub(super) async fn take_or_make(&self, tls: &Tls) -> Result<TlsConnector, Error> {
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
        // The chain is verified here, and the name behind the handshake.
        TlsVerify::ChainAndHost => builder.danger_accept_invalid_hostnames(!library::LIBRARY_COMPARES_NAMES),
    };
    if let Some(path) = &tls.roots {
        trust_only(&mut builder, path)?;
    }
    if let Some(identity) = &tls.identity {
        builder.identity(client_certificate::load(identity)?);
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
    let pem = read(path).map_err(|error| unusable(&error))?;
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

/// A file of certificates or a key, whole.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn unusable_file(what: &str, path: &Path, why: &str, hint: &str) -> Error {
    let path = path.display();
    Error::permanent(ErrorKind::Tls, format!("{what} in \"{path}\" cannot be used: {why}")).with_hint(hint)
}

fn protocol(version: TlsVersion) -> Protocol {
    match version {
        TlsVersion::V1_0 => Protocol::Tlsv10,
        TlsVersion::V1_1 => Protocol::Tlsv11,
        TlsVersion::V1_2 => Protocol::Tlsv12,
        TlsVersion::V1_3 => Protocol::Tlsv13,
    }
}

/// Bytes of a file that are read. All authorities of a system are a quarter of a megabyte.
const LARGEST_FILE: u64 = 16 << 20;
