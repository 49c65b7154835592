//! The way that has no port: a socket in a directory.
//!
//! It can fail: with the directory taken for the name of a host.

use pgnudge::Feed;

use crate::consumer::Consumer;
use crate::context::{connected, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

pub(super) const CLAIM: Claim = Claim {
    name: "a_unix_socket_works",
    title: "unix-domain sockets",
    claim: "A directory as the host, in key=value text as in a URI, makes a feed stream over the unix-domain socket \
            there, whatever sslmode says.",
    falsified_by: "a connection by another way",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_unix_socket_works(context)),
};

async fn a_unix_socket_works(context: Context) -> Result<Evidence, Failure> {
    let directory = context.server.cluster()?.socket_dir().display().to_string();
    let (port, database) = (context.server.cluster()?.port(), context.scratch.name());
    let text = context.text(&format!("host='{directory}' hostaddr='' password='' sslmode=verify-full"))?;
    let mut feed = connected(Feed::builder(text)).await?;
    context.tally(&mut feed).await?;
    local(&context, streaming(&feed)?.1).await?;
    drop(feed);
    context.nothing_left().await?;

    let uri = format!("postgres://nudger@{}:{port}/{database}", directory.replace('/', "%2F"));
    let mut watch = Watch::start([uri.as_str()])?;
    watch.resync("connected").await?;
    local(&context, context.scratch.walsenders().await?[0].pid).await?;
    evidence!("both forms of text reach {directory}/.s.PGSQL.{port}")
}

/// Whether the server knows no address of its client, which is how it tells a socket.
async fn local(context: &Context, pid: i32) -> Result<(), Failure> {
    let peer =
        format!("SELECT client_addr IS NULL AND client_port = -1 FROM pg_stat_activity WHERE pid = {pid}");
    let local = context.scratch.query_one_text(&peer).await?;
    ensure!(local == "t", "the session {pid} came over TCP");
    Ok(())
}
