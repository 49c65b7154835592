//! TLS that is verified, and SCRAM that is bound to it.
//!
//! It can fail: with `channel_binding` left out of the login it does at the plain connection. Which
//! certificates are refused is told by `every_rung_of_sslmode_holds`.

use pgnudge::{ErrorKind, Feed};

use crate::context::{connected, refused, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "tls_with_scram",
    title: "TLS with SCRAM",
    claim: "With sslmode=verify-full and channel_binding=require a feed streams over TLS after SCRAM that is bound \
            to the channel; over a connection without TLS channel_binding=require is refused.",
    falsified_by: "a session without TLS, or one that was asked to be bound and is not",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate],
    run: |context| Box::pin(tls_with_scram(context)),
};

async fn tls_with_scram(context: Context) -> Result<Evidence, Failure> {
    let roots = context.server.cluster()?.certificate()?.display().to_string();
    let full = format!("sslmode=verify-full sslrootcert='{roots}' channel_binding=require");
    let mut feed = connected(Feed::builder(context.text(&full)?)).await?;
    context.tally(&mut feed).await?;
    let tls = over_tls(&context, streaming(&feed)?.1).await?;

    let plain = refused(&context.text("sslmode=disable channel_binding=require")?).await?;
    let kind = plain.kind();
    ensure!(kind == ErrorKind::Authentication, "without TLS it was refused as {kind:?}: {plain}");
    evidence!("{tls}; without TLS: {:?}", plain.to_string())
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
