//! What TLS needs beside a socket: which certificates are trusted, the client's own, which versions.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use native_tls::{Certificate, Protocol, TlsConnector, TlsConnectorBuilder};
use tokio::task::spawn_blocking;

use super::{ALPN, client_certificate, library};
use crate::runtime::clock;
use crate::{Error, ErrorKind, Pem, Tls, TlsVerify, TlsVersion};

/// The connector of a target, which serves each of its connections.
///
/// With OpenSSL making one reads the system's authorities, even if others are trusted (some 35 ms of CPU). The files
/// that the target names are looked at for each connection, and read again when they are others, so that rotating them
/// needs no restart; the system's authorities are read again after [`AUTHORITIES_FOR`].
#[derive(Default)]
pub(crate) struct Connectors(Mutex<Option<Made>>);

/// A connector, what it was made of, and when.
struct Made {
    connector: TlsConnector,
    files: Vec<Option<Stamp>>,
    at: Instant,
}

/// What tells one content of a file from another. Whoever rotates certificates puts a new file in the old one's place.
#[derive(PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Connectors {
    pub(super) async fn get(self: &Arc<Self>, tls: &Tls) -> Result<TlsConnector, Error> {
        let (connectors, tls) = (Arc::clone(self), tls.clone());
        // A file may be on a mount that hangs.
        spawn_blocking(move || connectors.get_or_make(&tls)).await.map_err(|_| {
            Error::transient(ErrorKind::Tls, "TLS cannot be set up: the program is shutting down")
        })?
    }

    fn get_or_make(&self, tls: &Tls) -> Result<TlsConnector, Error> {
        // Before they are read: a file that is replaced meanwhile is read again the next time.
        let (files, now) = (stamps(tls), clock::now());
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*lock()
            && made.files == files
            && now < made.at + AUTHORITIES_FOR
        {
            return Ok(made.connector.clone());
        }
        let connector = connector(tls)?;
        *lock() = Some(Made { connector: connector.clone(), files, at: now });
        Ok(connector)
    }
}

/// Of each file that the target names; `None`: it cannot be looked at.
fn stamps(tls: &Tls) -> Vec<Option<Stamp>> {
    let identity = tls.identity.iter().flat_map(|identity| [&identity.certificate, &identity.key]);
    tls.roots.iter().chain(identity).map(stamp).collect()
}

fn stamp(pem: &Pem) -> Option<Stamp> {
    let Pem::File(path) = pem else { return None };
    let about = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&about);
    #[cfg(not(unix))]
    let inode = 0;
    Some(Stamp { modified: about.modified().ok(), length: about.len(), inode })
}

/// Authorities of a system change with its updates.
const AUTHORITIES_FOR: Duration = Duration::from_secs(3600);

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

#[cfg(all(test, not(any(windows, target_vendor = "apple"))))]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;

    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::x509::X509;

    use super::*;

    fn certificate() -> Vec<u8> {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut made = X509::builder().unwrap();
        made.set_pubkey(&key).unwrap();
        made.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        made.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        made.sign(&key, MessageDigest::sha256()).unwrap();
        made.build().to_pem().unwrap()
    }

    /// Writes it as if nothing had happened, or as a new file.
    fn write(path: &Path, bytes: &[u8], modified: Option<SystemTime>) {
        fs::write(path, bytes).unwrap();
        if let Some(modified) = modified {
            File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
        }
    }

    #[test]
    fn a_file_is_read_again_when_it_is_another_one() {
        let path = std::env::temp_dir().join(format!("pgnudge-roots-{}", std::process::id()));
        let tls = Tls { roots: Some(Pem::File(path.clone())), ..Tls::default() };
        let connectors = Connectors::default();
        assert!(connectors.get_or_make(&tls).is_err(), "there is no such file");
        let good = certificate();
        write(&path, &good, None);
        assert!(connectors.get_or_make(&tls).is_ok());

        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let garbage = vec![b'x'; good.len()];
        write(&path, &garbage, Some(modified));
        assert!(connectors.get_or_make(&tls).is_ok(), "the same file is not read");
        write(&path, &garbage, Some(modified + Duration::from_nanos(1_000)));
        assert!(connectors.get_or_make(&tls).is_err(), "it is another one");
        assert!(connectors.get_or_make(&tls).is_err(), "and stays one");
        write(&path, &good, Some(modified));
        assert!(connectors.get_or_make(&tls).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(connectors.get_or_make(&tls).is_err(), "it is gone");
    }
}
