//! `pgnudge watch | head -1` ends like any other program in a pipe.
//!
//! Seen to fail: with EPIPE reported as an error.

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_closed_stdout_ends_it",
    title: "a closed stdout",
    claim: "When nobody reads its stdout any more, `pgnudge watch` ends at its next item with status 0 and without \
            a word.",
    falsified_by: "another status, words on stderr, or a program that goes on",
    proves: &["law 3"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(a_closed_stdout_ends_it(context)),
};

async fn a_closed_stdout_ends_it(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int PRIMARY KEY)").await?;
    let mut watch = context.watch(&[]).await?;
    context.sql("INSERT INTO t VALUES (1)").await?;
    watch.next_item().await?;
    watch.close_stdout();
    context.sql("INSERT INTO t VALUES (2)").await?;
    let finished = watch.wait(PATIENCE).await?;
    ensure!(finished.status.code() == Some(0), "it ended with {}: {}", finished.status, finished.stderr);
    ensure!(finished.stderr.is_empty(), "it says {:?}", finished.stderr);
    context.nothing_left().await?;
    evidence!("status 0, no words, nothing left on the server")
}
