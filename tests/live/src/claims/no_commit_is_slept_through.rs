//! A commit that closely follows another one is told as soon as any.
//!
//! Walsenders of PostgreSQL 16 and later lose some of their wakeups: such a commit is sent with
//! whatever comes next, here at the latest with a status of the client's, 10 s later. Nothing else
//! comes: the next commit waits until this one is told.
//!
//! It can fail: without the statuses that follow activity (`SOON` as long as the interval) some of
//! these commits take seconds, but for PostgreSQL 15.

use std::time::{Duration, Instant};

use tokio::task::yield_now;
use tokio::try_join;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "no_commit_is_slept_through",
    title: "close behind another commit",
    claim: "Of 5,000 commits, each up to 1.5 ms behind one in another database, every one is told, and none has to \
            wait for the next status.",
    falsified_by: "a commit that is told more than 2 s later",
    proves: &["R4"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(no_commit_is_slept_through(context)),
};

async fn no_commit_is_slept_through(context: Context) -> Result<Evidence, Failure> {
    let elsewhere = context.server.scratch("elsewhere").await?;
    context.sql("CREATE TABLE t (id int)").await?;
    elsewhere.sql("CREATE TABLE t (id int)").await?;
    let (neighbour, writer) = (elsewhere.connect().await?, context.scratch.connect().await?);
    let mut feed = connected(context.builder().debounce(Duration::ZERO)).await?;
    let mut longest = Duration::ZERO;
    for n in 0..COMMITS {
        let behind = Duration::from_micros(n * 7 % 1500);
        let began = Instant::now();
        let close_behind = async {
            while began.elapsed() < behind {
                yield_now().await;
            }
            writer.batch_execute(INSERT).await
        };
        try_join!(neighbour.batch_execute(INSERT), close_behind)?;
        let committed = Instant::now();
        feed.next_item().await?;
        longest = longest.max(committed.elapsed());
        ensure!(longest < LATE, "commit number {n}, {behind:?} behind another, was told after {longest:.1?}");
    }
    evidence!("{COMMITS} commits close behind others: told after at most {longest:.1?}")
}

const INSERT: &str = "INSERT INTO t VALUES (1)";
/// Without a remedy one in 300 to 1,000 is late.
const COMMITS: u64 = 5000;
/// Far more than a busy machine needs, far less than most late ones take: up to `status_interval`.
const LATE: Duration = Duration::from_secs(2);
