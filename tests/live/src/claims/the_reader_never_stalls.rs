//! A feed that nobody polls goes on answering its server.
//!
//! Seen to fail: with neither an answer to keepalives nor a status at the interval.

use std::time::Duration;

use tokio::time::sleep;

use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "the_reader_never_stalls",
    title: "the server is answered, polled or not",
    claim: "With wal_sender_timeout at 2 s, a feed that is not polled for 10 s keeps its connection, idle and \
            under load.",
    falsified_by: "another server process than before",
    proves: &["R9"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(the_reader_never_stalls(context)),
};

async fn the_reader_never_stalls(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let database = context.scratch.name();
    context.sql(&format!("ALTER DATABASE {database} SET wal_sender_timeout = '2s'")).await?;
    let mut feed = context.feed().await?;
    let (slot, pid) = streaming(&feed)?;
    sleep(Duration::from_secs(5)).await;
    let load = Load::start(&context.scratch, "INSERT INTO t DEFAULT VALUES").await?;
    sleep(Duration::from_secs(5)).await;
    let commits = load.stop().await?;
    let now = streaming(&feed)?;
    ensure!(now == (slot, pid), "the connection was lost: {now:?} streams, it was process {pid}");
    context.tally(&mut feed).await?.ensure_exactly(&[("public.t", commits)])?;
    evidence!("unread for 10 s, {commits} commits in the second half: still process {pid}")
}
