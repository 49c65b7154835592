//! A server that is not set up for logical decoding is told apart from one that is away.
//!
//! Seen to fail: with 55000 diagnosed as transient.

use std::time::Duration;

use pgnudge_testkit::Cluster;

use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

use super::mistakes_are_errors_with_hints::Mistakes;

pub(super) const CLAIM: Claim = Claim {
    name: "wal_level_too_low_is_an_error",
    title: "wal_level = replica",
    claim: "On a server with wal_level = replica `pgnudge watch` ends within 5 s with an error and a hint that name \
            wal_level; from PostgreSQL 19 on, where such a server can decode, it streams.",
    falsified_by: "a program that goes on trying, or words that do not name wal_level",
    proves: &["law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(wal_level_too_low_is_an_error(context)),
};

async fn wal_level_too_low_is_an_error(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder().wal_level("replica")).await?;
    if own.server.major() >= 19 {
        let before = own.scratch.query_one_text("SHOW effective_wal_level").await?;
        let mut feed = own.feed().await?;
        let during = own.scratch.query_one_text("SHOW effective_wal_level").await?;
        ensure!((&*before, &*during) == ("replica", "logical"), "the level was {before}, then {during}");
        own.sql("CREATE TABLE t AS SELECT 1").await?;
        own.tally(&mut feed).await?.ensure_exactly(&[("public.t", 1)])?;
        return evidence!(
            "PostgreSQL {} raises effective_wal_level from {before} to {during}, and it streams",
            own.server.version()
        );
    }
    let mut mistakes = Mistakes { slowest: Duration::ZERO, made: Vec::new() };
    mistakes.make("wal_level", &[&own.scratch.dsn()], "wal_level").await?;
    evidence!("refused in {:.1?}", mistakes.slowest)
}
