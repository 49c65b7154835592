//! Logging in with a certificate, as `cert` in pg_hba.conf asks for.
//!
//! It can fail: with the identity left out of the TLS connector the server asks in vain.

use pgnudge::{ErrorKind, Feed};
use pgnudge_testkit::Cluster;

use crate::authority::Authority;
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
    ours.let_in(&own, "nudger").await?;

    let roots = format!("password='' sslmode=verify-full sslrootcert='{}'", cluster.certificate()?.display());
    let text = |more: &str| own.text(&format!("{roots} {more}"));
    let mut feed = connected(Feed::builder(text(&ours.issue("nudger")?.keywords())?)).await?;
    own.tally(&mut feed).await?;
    let session = format!("SELECT client_dn FROM pg_stat_ssl WHERE pid = {}", streaming(&feed)?.1);
    let name = own.scratch.query_one_text(&session).await?;
    ensure!(name == "/CN=nudger", "the server knows it as {name:?}");

    // The same certificates, as a program holds them that has them from elsewhere.
    let issued = ours.issue("nudger")?;
    let certificates = own.text("password='' sslmode=verify-full")?;
    let builder = Feed::builder(certificates)
        .root_certificates(std::fs::read(cluster.certificate()?)?)
        .client_identity(std::fs::read(&issued.certificate)?, std::fs::read(&issued.key)?);
    let mut from_memory = connected(builder).await?;
    own.tally(&mut from_memory).await?;

    let without = refused(&text("")?).await?;
    let another = refused(&text(&ours.issue("somebody")?.keywords())?).await?;
    let stranger = refused(&text(&foreign.issue("nudger")?.keywords())?).await?;
    for error in [&without, &another] {
        ensure!(error.kind() == ErrorKind::Authentication, "refused for another reason: {error:?}");
    }
    evidence!("it is {name}; without: \"{without}\"; another's: \"{another}\"; a foreign one: \"{stranger}\"")
}
