//! What TLS needs beside a socket: which certificates are trusted, the client's own, which versions.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use native_tls::{Certificate, Protocol, TlsConnector, TlsConnectorBuilder};
use tokio::task::spawn_blocking;

use super::{ALPN, client_certificate, library};
use crate::{Error, ErrorKind, Pem, Tls, TlsVerify, TlsVersion};

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
    if let Some(roots) = &tls.roots {
        trust_only(&mut builder, roots)?;
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

fn trust_only(builder: &mut TlsConnectorBuilder, roots: &Pem) -> Result<(), Error> {
    let certificates = "the root certificates";
    let unusable = |why: &dyn ToString| {
        unusable(certificates, roots, &why.to_string(), "name a readable PEM file in sslrootcert")
    };
    let pem = read(roots).map_err(|error| unusable(&error))?;
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

/// Certificates or a key, whole.
pub(super) fn read(pem: &Pem) -> io::Result<Cow<'_, [u8]>> {
    let path = match pem {
        Pem::File(path) => path,
        Pem::Bytes(bytes) => return Ok(bytes.as_ref().into()),
    };
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

pub(super) fn unusable(what: &str, pem: &Pem, why: &str, hint: &str) -> Error {
    Error::permanent(ErrorKind::Tls, format!("{what} {pem} cannot be used: {why}")).with_hint(hint)
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
