//! A server can shut down fast while a feed streams, polled or not.
//!
//! A walsender waits at shutdown until its client has confirmed everything. `wal_sender_timeout` is off
//! here, so that one that is never answered would wait for ever.
//!
//! Seen to fail: with a status that confirms nothing, pg_ctl gives up after a minute.

use std::time::{Duration, Instant};

use pgnudge_testkit::{Cluster, StopMode};

use crate::evidence::evidence;
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "fast_shutdown_is_not_delayed",
    title: "fast shutdown",
    claim: "`pg_ctl stop -m fast` takes no longer with an unpolled feed, or with one whose consumer is busy, than \
            without one.",
    falsified_by: "a shutdown that waits for the feed",
    proves: &["R9"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(fast_shutdown_is_not_delayed(context)),
};

async fn fast_shutdown_is_not_delayed(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder().line("wal_sender_timeout = 0")).await?;
    own.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let without = stop(&own).await?;
    own.server.start_again().await?;
    own.scratch.reconnect().await?;

    let feed = own.feed().await?;
    let load = Load::start(&own.scratch, "INSERT INTO t DEFAULT VALUES").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let with = stop(&own).await?;
    drop(feed);
    // Its session was ended in the middle of a statement.
    let ended = load.stop().await.is_err();
    evidence!(
        "stopped in {without:.0?} without a feed, in {with:.0?} with one unread under load (cut off: {ended})"
    )
}

/// The server's own limit for it is a minute, and past that an error.
async fn stop(own: &Context) -> Result<Duration, Failure> {
    let asked = Instant::now();
    own.server.stop(StopMode::Fast).await?;
    Ok(asked.elapsed())
}
