//! What native-tls does not do itself, by the library that it stands on here.
//!
//! libpq is built on OpenSSL, too: keys are read as it reads them (manual, "Client Certificates"), and names
//! are taken out of a certificate as it takes them. The chain of certificates is verified by the handshake.

use native_tls::{Certificate, Identity};
use nudge_proto::Secret;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{GeneralNameRef, X509};

use super::client_certificate::Unusable;
use crate::policy::server_name::{AlternativeName, CertificateNames};

/// The names are compared by [`CertificateNames`], not by the library.
pub(super) const LIBRARY_COMPARES_NAMES: bool = false;

/// The certificate's names, as libpq sees them. A kind of name that cannot be told apart from others (such
/// as otherName) is none.
pub(super) fn names(certificate: &Certificate) -> Option<CertificateNames> {
    let certificate = X509::from_der(&certificate.to_der().ok()?).ok()?;
    let alternative = certificate.subject_alt_names();
    let alternative = alternative.iter().flatten().filter_map(alternative_name).collect();
    let mut common = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    let common = common.next().map(|entry| entry.data().as_slice().to_vec());
    Some(CertificateNames { alternative, common })
}

fn alternative_name(name: &GeneralNameRef) -> Option<AlternativeName> {
    let dns = name.dnsname().map(|name| AlternativeName::Dns(name.into()));
    dns.or_else(|| name.ipaddress().map(|bytes| AlternativeName::Address(bytes.into())))
}

/// The client's certificate with its key.
pub(super) fn identity(pem: &[u8], key: &[u8], password: Option<&Secret>) -> Result<Identity, Unusable> {
    let chain = X509::stack_from_pem(pem).map_err(|error| Unusable::Certificate(error.to_string()))?;
    let certificate = chain.first().ok_or_else(|| Unusable::Certificate("it has none".into()))?;
    let key = private_key(key, password)?;
    if !certificate.public_key().is_ok_and(|public| public.public_eq(&key)) {
        return Err(Unusable::Mismatch);
    }
    let broken = |error: &dyn ToString| Unusable::Key(error.to_string());
    let key = key.private_key_to_pem_pkcs8().map_err(|error| broken(&error))?;
    Identity::from_pkcs8(pem, &key).map_err(|error| broken(&error))
}

/// PEM of any kind, encrypted or not, or DER that is not encrypted. OpenSSL would ask on the terminal for a
/// password that is not handed to it.
fn private_key(bytes: &[u8], password: Option<&Secret>) -> Result<PKey<Private>, Unusable> {
    let mut encrypted = false;
    let answer = |buffer: &mut [u8]| {
        encrypted = true;
        let password = password.map(Secret::expose).unwrap_or_default();
        let length = password.len().min(buffer.len());
        buffer.iter_mut().zip(password).for_each(|(to, from)| *to = *from);
        Ok::<_, ErrorStack>(length)
    };
    let key = PKey::private_key_from_pem_callback(bytes, answer);
    key.or_else(|error| PKey::private_key_from_der(bytes).map_err(|_| error)).map_err(|error| {
        match (encrypted, password) {
            (true, None) => Unusable::KeyEncrypted,
            (true, Some(_)) => Unusable::KeyPassword,
            (false, _) => Unusable::Key(error.to_string()),
        }
    })
}
