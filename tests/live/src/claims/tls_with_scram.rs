//! TLS that is verified, and SCRAM over it.
//!
//! It can fail: with `danger_accept_invalid_hostnames` for verify-full it does at the wrong host, with
//! `danger_accept_invalid_certs` at the wrong authority.

use pgnudge::{ErrorKind, Feed};
use pgnudge_testkit::Cluster;

use crate::context::{connected, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "tls_with_scram",
    title: "TLS with SCRAM",
    claim: "With sslmode=verify-full a feed streams over TLS after SCRAM, bound to the channel; a certificate for \
            another host, one of another authority, and a server without TLS are refused.",
    falsified_by: "a session without TLS, or a connection that should have been refused",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate],
    run: |context| Box::pin(tls_with_scram(context)),
};

async fn tls_with_scram(context: Context) -> Result<Evidence, Failure> {
    let (cluster, foreign) = (context.server.cluster()?, Cluster::builder());
    let foreign = context.on_own_cluster(foreign).await?;
    let (port, database) = (cluster.port(), context.scratch.name());
    let to = |host: &str, roots: &std::path::Path| {
        let login = format!("port={port} dbname={database} user=nudger password=nudger");
        format!("{host} {login} sslmode=verify-full sslrootcert='{}'", roots.display())
    };
    let (roots, others) = (cluster.certificate()?, foreign.server.cluster()?.certificate()?);

    let good = format!("{} channel_binding=require", to("host=localhost hostaddr=127.0.0.1", roots));
    let mut feed = connected(Feed::builder(good)).await?;
    context.tally(&mut feed).await?;
    let tls = over_tls(&context, streaming(&feed)?.1).await?;
    connected(Feed::builder(to("host=127.0.0.1", roots))).await?;

    let host = refused(to("host=wrong.example hostaddr=127.0.0.1", roots)).await?;
    let authority = refused(to("host=localhost hostaddr=127.0.0.1", others)).await?;
    let plain = context.on_own_cluster(Cluster::builder().tls(false)).await?;
    let without = refused(format!("{}?sslmode=require", plain.scratch.dsn())).await?;
    evidence!("{tls}; wrong host: {host:?}; wrong authority: {authority:?}; no TLS: {without:?}")
}

/// What the server says of that session.
async fn over_tls(context: &Context, pid: i32) -> Result<String, Failure> {
    let session = format!("SELECT version || ' ' || cipher FROM pg_stat_ssl WHERE ssl AND pid = {pid}");
    let tls = context.scratch.query_one_text(&session).await?;
    let stored = "SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'nudger'";
    let method = context.scratch.query_one_text(stored).await?;
    ensure!(method == "SCRAM-SHA-256", "the password is stored as {method}");
    Ok(format!("{tls} with SCRAM-SHA-256-PLUS"))
}

/// The words of the refusal, which has to be one of TLS.
async fn refused(connection: String) -> Result<String, Failure> {
    match Feed::builder(&connection).connect().await {
        Ok(_) => Err(Failure::new(format!("{connection} was accepted"))),
        Err(error) if error.kind() == ErrorKind::Tls && error.hint().is_some() => Ok(error.to_string()),
        Err(error) => Err(Failure::new(format!("{connection} was refused by {error:?}"))),
    }
}
