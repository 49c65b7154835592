//! The client's own certificate (manual, "Client Certificates").

use std::io;

use native_tls::Identity;

use super::connector::{read, unusable};
use super::library;
use crate::{Error, ErrorKind, Pem, TlsIdentity};

/// Why a certificate and a key are of no use.
#[derive(Debug)]
#[cfg_attr(any(windows, target_vendor = "apple"), allow(dead_code, reason = "those libraries say less"))]
pub(super) enum Unusable {
    /// There is no certificate in the file.
    Certificate(String),
    /// There is no key in the file that can be read.
    Key(String),
    /// The key is encrypted, and there is no password for it.
    KeyEncrypted,
    /// The key is encrypted with another password.
    KeyPassword,
    /// The key is another certificate's.
    Mismatch,
}

pub(super) fn load(files: &TlsIdentity) -> Result<Identity, Error> {
    let certificate =
        read(&files.certificate).map_err(|error| explain(Unusable::Certificate(error.to_string()), files))?;
    let key =
        read(&files.key).map_err(|error: io::Error| explain(Unusable::Key(error.to_string()), files))?;
    library::identity(&certificate, &key, files.password.as_ref()).map_err(|why| explain(why, files))
}

/// Names the file that is at fault, the cause and the remedy.
fn explain(why: Unusable, files: &TlsIdentity) -> Error {
    let of_key = |why: &str, hint: &str| unusable("the client's key", &files.key, why, hint);
    match why {
        Unusable::Certificate(why) => {
            let hint = "name a readable PEM file with the client's certificate in sslcert";
            unusable("the client's certificate", &files.certificate, &why, hint)
        }
        Unusable::Key(why) => of_key(&why, KEY_HINT),
        Unusable::KeyEncrypted => of_key(
            "it is encrypted, and there is no password for it",
            "give the key's password in sslpassword",
        ),
        Unusable::KeyPassword => of_key(
            "it is encrypted, and sslpassword does not fit",
            "give the key's own password in sslpassword",
        ),
        Unusable::Mismatch => mismatch(&files.key, &files.certificate),
    }
}

fn mismatch(key: &Pem, certificate: &Pem) -> Error {
    let message = format!("the client's key {key} does not belong to the certificate {certificate}");
    Error::permanent(ErrorKind::Tls, message)
        .with_hint("name a certificate in sslcert and its own key in sslkey")
}

/// What sslkey may be.
const KEY_HINT: &str = if cfg!(any(windows, target_vendor = "apple")) {
    "name a readable key in sslkey: here it must be PEM, PKCS #8 and not encrypted \
     (openssl pkcs8 -topk8 -nodes -in KEY -out NEW)"
} else {
    "name a readable key in sslkey: PEM (PKCS #8, PKCS #1, SEC1; encrypted with sslpassword) or DER that is not \
     encrypted"
};
