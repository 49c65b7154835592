//! The certificate of the scripted walsender, made by the openssl program.

use std::fs;
use std::process::{Command, Stdio};

use native_tls::{Identity, TlsAcceptor};

use crate::failure::Failure;

/// What accepts TLS as localhost. `None` where there is no openssl program.
pub(crate) fn acceptor() -> Result<Option<tokio_native_tls::TlsAcceptor>, Failure> {
    let directory = std::env::temp_dir().join(format!("pgnudge-bench-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let (key, certificate) = (directory.join("key.pem"), directory.join("certificate.pem"));
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '))
        .args(["-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    let identity = match made {
        Ok(status) if status.success() => {
            Some(Identity::from_pkcs8(&fs::read(certificate)?, &fs::read(key)?)?)
        }
        _ => None,
    };
    fs::remove_dir_all(&directory)?;
    Ok(identity.map(TlsAcceptor::new).transpose()?.map(Into::into))
}
