//! The system's own TLS library (macOS, Windows), which does less than OpenSSL: it reads one kind of key, and
//! compares names by its own rules.

use native_tls::{Certificate, Identity};
use nudge_proto::Secret;

use super::client_certificate::Unusable;
use crate::policy::server_name::CertificateNames;

/// The handshake compares the names.
pub(super) const LIBRARY_COMPARES_NAMES: bool = true;

/// Not asked for.
pub(super) fn names(_: &Certificate) -> Option<CertificateNames> {
    None
}

/// The client's certificate with its key, which is PKCS #8 in PEM and not encrypted.
pub(super) fn identity(pem: &[u8], key: &[u8], password: Option<&Secret>) -> Result<Identity, Unusable> {
    match password {
        Some(_) => Err(Unusable::Key("this system's TLS library reads no encrypted keys".into())),
        None => Identity::from_pkcs8(pem, key).map_err(|error| Unusable::Key(error.to_string())),
    }
}
