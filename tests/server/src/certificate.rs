//! The self-signed certificate of a throwaway cluster, made by the openssl program.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::guardian::Guardian;
use crate::program;

/// Makes `server.crt` and `server.key` for localhost and 127.0.0.1; returns the certificate.
///
/// # Errors
/// When there is no openssl program, or it fails: then the cluster is made without TLS.
pub(crate) fn make(guardian: &mut Guardian) -> Result<PathBuf, Error> {
    let path: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let Some(openssl) = program::first_in(&path, "openssl") else {
        return Err(Error::new("TLS is off in this cluster: no openssl program on PATH")
            .with_remedy("install openssl"));
    };
    let certificate = guardian.directory().join("server.crt");
    let key = guardian.directory().join("server.key");
    let [openssl, out, keyout] = [&openssl, &certificate, &key].map(|path: &PathBuf| text(path));
    let mut step = vec![openssl.as_str()];
    step.extend(REQUEST);
    step.extend(["-keyout", &keyout, "-out", &out]);
    guardian.run(&step)?;
    Ok(certificate)
}

/// A P-256 key is made in a millisecond. RSA would take a second of every suite.
const REQUEST: [&str; 13] = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
];

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
