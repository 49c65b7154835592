//! Which files hold certificates and keys, and whether they may be used.
//!
//! Follows "SSL Client File Usage" of the manual. A default file takes part if
//! it exists. A file that the user names must exist: libpq goes on without some
//! of those, which turns a misspelled path into less security.

use std::path::{Path, PathBuf};

use super::environment::{Environment, Platform};
use super::error::SettingsError;
use super::files::FileKind;
use super::given::Given;
use super::password::Password;
use super::tls::SslMode;

/// What the server's certificate is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCertificates {
    /// Nothing: the mode does not demand it, and no file is there.
    Unchecked,
    /// The authorities that the operating system trusts.
    System,
    /// The authorities in this PEM file, and no others.
    File(PathBuf),
}

/// The client's certificate, for servers that ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The PEM file with the certificate and, behind it, its chain.
    pub certificate: PathBuf,
    /// The file with the private key.
    pub key: PathBuf,
    /// The password of a key that is encrypted (`sslpassword`).
    pub password: Option<Password>,
}

/// Files that are missing or must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A mode that verifies has nothing to verify against.
    #[error("no root certificate file is there, which sslmode verify-ca and verify-full need{}", at(path.as_deref()))]
    NoRootCertificate {
        /// Where the default file would be, if there is a home directory.
        path: Option<PathBuf>,
    },
    /// A file that the user named cannot be found or looked at.
    #[error("{keyword} file \"{}\" cannot be used: {reason}", path.display())]
    Unusable {
        /// The keyword that names it.
        keyword: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// There is a certificate, but no key for it.
    #[error("certificate \"{}\" is there, but not its private key{}", certificate.display(), at(key.as_deref()))]
    NoPrivateKey {
        /// The certificate.
        certificate: PathBuf,
        /// Where the key should be, if that is known.
        key: Option<PathBuf>,
    },
    /// `sslkey` is given, but there is no certificate.
    #[error("sslkey is given, but there is no certificate: give sslcert too")]
    KeyWithoutCertificate,
    /// The key is a directory, pipe or device.
    #[error("private key file \"{}\" is not a regular file", path.display())]
    KeyNotPlain {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner (or root's group, if root owns it) may use the key.
    #[error(
        "private key file \"{}\" has group or world access; file must have permissions \
         u=rw (0600) or less, or u=rw,g=r (0640) or less if owned by root", path.display()
    )]
    KeyExposed {
        /// The file.
        path: PathBuf,
    },
    /// The default revocation list exists, and cannot be honoured.
    #[error("certificate revocation list \"{}\" exists, and the TLS library offers no revocation lists", path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
    },
}

impl CertificateError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRootCertificate { .. } => Some(
                "name the file with sslrootcert, trust the system's authorities with \
                 sslrootcert=system, or choose an sslmode that does not verify",
            ),
            Self::RevocationList { .. } => {
                Some("move the file away to connect without looking at revocations")
            }
            _ => None,
        }
    }
}

/// Decides on the root certificates.
pub(super) fn choose_roots(
    given: &Given,
    mode: SslMode,
    in_use: bool,
    environment: &Environment,
) -> Result<RootCertificates, SettingsError> {
    let named = given.text("sslrootcert");
    if named == Some("system") {
        return Ok(RootCertificates::System);
    }
    if !in_use {
        return Ok(RootCertificates::Unchecked);
    }
    let file = match named {
        Some(path) => Some(named_file("sslrootcert", path, environment)?),
        None => default_file("root.crt", environment),
    };
    let Some(file) = file else {
        if mode >= SslMode::VerifyCa {
            let path = environment.certificate_file("root.crt");
            return Err(CertificateError::NoRootCertificate { path }.into());
        }
        return Ok(RootCertificates::Unchecked);
    };
    match default_file("root.crl", environment) {
        Some(path) => Err(CertificateError::RevocationList { path }.into()),
        None => Ok(RootCertificates::File(file)),
    }
}

/// Decides on the client's certificate.
pub(super) fn choose_client(
    given: &Given,
    environment: &Environment,
) -> Result<Option<ClientCertificate>, SettingsError> {
    if given.text("sslcertmode") == Some("disable") {
        return Ok(None);
    }
    let certificate = match given.text("sslcert") {
        Some(path) => Some(named_file("sslcert", path, environment)?),
        None => default_file("postgresql.crt", environment),
    };
    let Some(certificate) = certificate else {
        return match given.filled("sslkey") {
            Some(_) => Err(CertificateError::KeyWithoutCertificate.into()),
            None => Ok(None),
        };
    };
    let key = choose_key(given, &certificate, environment)?;
    check_private_key(&key, environment)?;
    let password = given.text("sslpassword").and_then(Password::new);
    Ok(Some(ClientCertificate { certificate, key, password }))
}

/// Decides on the private key that goes with a certificate.
fn choose_key(
    given: &Given,
    certificate: &Path,
    environment: &Environment,
) -> Result<PathBuf, SettingsError> {
    match given.filled("sslkey") {
        Some(value) if is_engine(&value.text, environment) => {
            Err(value.unsupported("this client takes keys from files only").into())
        }
        Some(value) => Ok(named_file("sslkey", &value.text, environment)?),
        None => default_file("postgresql.key", environment).ok_or_else(|| {
            let certificate = certificate.to_owned();
            let key = environment.certificate_file("postgresql.key");
            CertificateError::NoPrivateKey { certificate, key }.into()
        }),
    }
}

/// A file that the user named, which must be there.
fn named_file(
    keyword: &'static str,
    path: &str,
    environment: &Environment,
) -> Result<PathBuf, CertificateError> {
    let path = PathBuf::from(path);
    match environment.files().facts(&path) {
        Ok(_) => Ok(path),
        Err(error) => {
            let reason = error.to_string();
            Err(CertificateError::Unusable { keyword, path, reason })
        }
    }
}

/// A file at its default place, if it is there.
fn default_file(name: &str, environment: &Environment) -> Option<PathBuf> {
    let path = environment.certificate_file(name)?;
    environment.files().facts(&path).is_ok().then_some(path)
}

/// OpenSSL's `engine:key`. A colon in a path looks the same, to libpq too.
fn is_engine(key: &str, environment: &Environment) -> bool {
    environment.platform() == Platform::Unix && key.contains(':')
}

/// libpq's rule: nobody but the owner may use the key. Root's keys may be shared
/// with a group, which is how certificates are handed to services.
fn check_private_key(path: &Path, environment: &Environment) -> Result<(), CertificateError> {
    let facts = environment.files().facts(path).map_err(|error| {
        let (path, reason) = (path.to_owned(), error.to_string());
        CertificateError::Unusable { keyword: "sslkey", path, reason }
    })?;
    if facts.kind != FileKind::Regular {
        return Err(CertificateError::KeyNotPlain { path: path.to_owned() });
    }
    let forbidden = if facts.owner == 0 { 0o037 } else { 0o077 };
    if environment.platform() == Platform::Unix && facts.mode & forbidden != 0 {
        return Err(CertificateError::KeyExposed { path: path.to_owned() });
    }
    Ok(())
}

fn at(path: Option<&Path>) -> String {
    path.map(|path| format!(" (\"{}\")", path.display())).unwrap_or_default()
}
