//! Certificates for the claims about TLS: files that the openssl program makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::evidence::ensure;
use crate::{Context, Failure};

/// Signs certificates. Its files lie in a directory that goes with a cluster.
pub(crate) struct Authority<'a> {
    directory: &'a Path,
    name: &'static str,
}

/// A certificate and its key.
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    /// PEM, PKCS #8.
    pub(crate) key: PathBuf,
}

impl<'a> Authority<'a> {
    pub(crate) fn new(directory: &'a Path, name: &'static str) -> Result<Self, Failure> {
        let authority = Self { directory, name };
        let (key, certificate) = (authority.path("key"), authority.certificate());
        let mut request = openssl(&["req", "-x509", "-days", "2", "-nodes", "-subj", &format!("/CN={name}")]);
        run(request.args(NEW_EC_KEY).arg("-keyout").arg(key).arg("-out").arg(certificate))?;
        Ok(authority)
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("crt")
    }

    /// Makes a cluster of the claim's own let that role in with a certificate of this authority, and with
    /// nothing else.
    pub(crate) async fn let_in(&self, own: &Context, role: &str) -> Result<(), Failure> {
        let rules = own.server.cluster()?.data_dir().join("pg_hba.conf");
        let others = std::fs::read_to_string(&rules)?;
        std::fs::write(&rules, format!("hostssl all {role} 127.0.0.1/32 cert\n{others}"))?;
        own.sql(&format!("ALTER SYSTEM SET ssl_ca_file = '{}'", self.certificate().display())).await?;
        // The server's first process hears of it before it hears of the next connection.
        own.sql("SELECT pg_reload_conf()").await
    }

    /// A certificate for a role, with a new key of the default kind.
    pub(crate) fn issue(&self, role: &str) -> Result<Issued, Failure> {
        self.issue_for(role, &format!("/CN={role}"), &NEW_EC_KEY, "")
    }

    /// A certificate with that subject, a key by those arguments of `openssl req`, and, where it is not
    /// empty, that subjectAltName. `file` is the name of its files.
    pub(crate) fn issue_for(
        &self,
        file: &str,
        subject: &str,
        new_key: &[&str],
        alternative: &str,
    ) -> Result<Issued, Failure> {
        let [request, key, certificate, extensions] =
            ["csr", "key", "crt", "ext"].map(|kind| self.path(&format!("{file}.{kind}")));
        let mut ask = openssl(&["req", "-nodes", "-subj", subject]);
        run(ask.args(new_key).arg("-keyout").arg(&key).arg("-out").arg(&request))?;
        let line =
            if alternative.is_empty() { String::new() } else { format!("subjectAltName={alternative}\n") };
        std::fs::write(&extensions, line)?;
        let mut sign = openssl(&["x509", "-req", "-days", "2", "-CAcreateserial", "-in"]);
        sign.arg(&request).arg("-extfile").arg(extensions);
        sign.arg("-CA").arg(self.certificate()).arg("-CAkey").arg(self.path("key"));
        run(sign.arg("-out").arg(&certificate))?;
        Ok(Issued { certificate, key })
    }

    fn path(&self, end: &str) -> PathBuf {
        self.directory.join(format!("{}.{end}", self.name))
    }
}

impl Issued {
    /// The keywords that make a client present it.
    pub(crate) fn keywords(&self) -> String {
        self.with_key(&self.key)
    }

    /// The same, with that file for its key.
    pub(crate) fn with_key(&self, key: &Path) -> String {
        format!("sslcert='{}' sslkey='{}'", self.certificate.display(), key.display())
    }
}

pub(crate) fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments);
    command
}

pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl ended with {}: {words}", output.status);
    Ok(())
}

/// A key that is made in a millisecond.
pub(crate) const NEW_EC_KEY: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
