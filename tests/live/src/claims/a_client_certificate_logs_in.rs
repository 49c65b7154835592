//! Logging in with a certificate, as `cert` in pg_hba.conf asks for.
//!
//! It can fail: with the identity left out of the TLS connector the server asks in vain.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgnudge::{ErrorKind, Feed};
use pgnudge_testkit::Cluster;

use crate::context::{connected, refused, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_client_certificate_logs_in",
    title: "client certificates",
    claim: "With sslcert and sslkey, and without a password, a feed streams from a server that asks for a \
            certificate; without one, with another's, and with one of a foreign authority it is refused for good.",
    falsified_by: "another login than the certificate's, or a refusal that is tried again",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate],
    run: |context| Box::pin(a_client_certificate_logs_in(context)),
};

async fn a_client_certificate_logs_in(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    let (cluster, directory) = (own.server.cluster()?, own.server.cluster()?.socket_dir());
    let (ours, foreign) = (Authority::new(directory, "ours")?, Authority::new(directory, "foreign")?);
    let rules = cluster.data_dir().join("pg_hba.conf");
    let others = std::fs::read_to_string(&rules)?;
    std::fs::write(&rules, format!("hostssl all nudger 127.0.0.1/32 cert\n{others}"))?;
    own.sql(&format!("ALTER SYSTEM SET ssl_ca_file = '{}'", ours.certificate().display())).await?;
    // The server's first process hears of it before it hears of the next connection.
    own.sql("SELECT pg_reload_conf()").await?;

    let roots = format!("password='' sslmode=verify-full sslrootcert='{}'", cluster.certificate()?.display());
    let text = |more: &str| own.text(&format!("{roots} {more}"));
    let mut feed = connected(Feed::builder(text(&ours.issue("nudger")?)?)).await?;
    own.tally(&mut feed).await?;
    let session = format!("SELECT client_dn FROM pg_stat_ssl WHERE pid = {}", streaming(&feed)?.1);
    let name = own.scratch.query_one_text(&session).await?;
    ensure!(name == "/CN=nudger", "the server knows it as {name:?}");

    let without = refused(&text("")?).await?;
    let another = refused(&text(&ours.issue("somebody")?)?).await?;
    let stranger = refused(&text(&foreign.issue("nudger")?)?).await?;
    for error in [&without, &another] {
        ensure!(error.kind() == ErrorKind::Authentication, "refused for another reason: {error:?}");
    }
    evidence!("it is {name}; without: \"{without}\"; another's: \"{another}\"; a foreign one: \"{stranger}\"")
}

/// Whoever signs certificates: files that the openssl program makes.
struct Authority<'a> {
    directory: &'a Path,
    name: &'static str,
}

impl<'a> Authority<'a> {
    fn new(directory: &'a Path, name: &'static str) -> Result<Self, Failure> {
        let authority = Self { directory, name };
        let arguments = ["req", "-x509", "-subj", &format!("/CN={name}"), "-days", "2"];
        openssl(&arguments, &[("-keyout", &authority.path("key")), ("-out", &authority.certificate())])?;
        Ok(authority)
    }

    fn certificate(&self) -> PathBuf {
        self.path("crt")
    }

    /// A certificate for that role. Returns the keywords that make a client present it.
    fn issue(&self, role: &str) -> Result<String, Failure> {
        let path = |kind| self.path(&format!("{role}.{kind}"));
        let [request, key, certificate] = ["csr", "key", "crt"].map(path);
        let subject = format!("/CN={role}");
        openssl(&["req", "-subj", &subject], &[("-keyout", &key), ("-out", &request)])?;
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "2", "-CAcreateserial", "-in"]).arg(&request);
        sign.arg("-CA").arg(self.certificate()).arg("-CAkey").arg(self.path("key"));
        finish(sign.arg("-out").arg(&certificate))?;
        Ok(format!("sslcert='{}' sslkey='{}'", certificate.display(), key.display()))
    }

    fn path(&self, end: &str) -> PathBuf {
        self.directory.join(format!("{}.{end}", self.name))
    }
}

/// `openssl req` with a new key, which is made in a millisecond.
fn openssl(arguments: &[&str], files: &[(&str, &Path)]) -> Result<(), Failure> {
    let mut command = Command::new("openssl");
    command.args(arguments).args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    finish(&mut command)
}

fn finish(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl ended with {}: {words}", output.status);
    Ok(())
}
