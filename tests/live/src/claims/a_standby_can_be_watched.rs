//! A feed on a standby, which decodes what it has replayed (PostgreSQL 16 or later).
//!
//! It can fail: with `pg_current_wal_lsn()` asked for on the way it does, because a standby refuses that.

use pgnudge::Feed;
use pgnudge_testkit::Cluster;

use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::standby::{Standby, connected_to_standby};
use crate::tally::Tally;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_standby_can_be_watched",
    title: "decoding on a standby",
    claim: "With target_session_attrs=standby or prefer-standby a feed passes over the primary, streams from the \
            standby, and tells what is committed on the primary: when it does, the standby shows it (PostgreSQL 16 \
            or later).",
    falsified_by: "a feed on the primary, a commit that is not told, or one that is told before it can be read",
    proves: &["R3", "R13"],
    plugins: Plugins::Auto,
    needs: &[Need::Standby, Need::Major(16)],
    run: |context| Box::pin(a_standby_can_be_watched(context)),
};

async fn a_standby_can_be_watched(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    own.sql("CREATE TABLE t (id int)").await?;
    let standby = Standby::of(&own).await?;
    let ports = format!("{},{}", own.server.cluster()?.port(), standby.port());
    let hosts = format!("host=localhost,localhost hostaddr=127.0.0.1,127.0.0.1 port={ports}");
    for attributes in ["standby", "prefer-standby"] {
        let text = own.text(&format!("{hosts} target_session_attrs={attributes}"))?;
        let mut feed = connected_to_standby(&own, Feed::builder(text)).await?;
        let pid = streaming(&feed)?.1;
        let there = format!("SELECT count(*) FROM pg_stat_replication WHERE pid = {pid}");
        ensure!(standby.sql(&there).await? == "1", "{attributes}: the feed is not on the standby");
        for round in 1..=ROUNDS {
            own.sql(&format!("INSERT INTO t SELECT FROM generate_series(1, {round})")).await?;
            let mut tally = Tally::default();
            tally.until(&mut feed, "public.t").await?;
            tally.ensure_exactly(&[("public.t", round)])?;
            let seen = standby.sql("SELECT count(*) FROM t").await?;
            let committed = own.scratch.query_one_text("SELECT count(*) FROM t").await?;
            ensure!(seen == committed, "told, and the standby shows {seen} of {committed} rows");
        }
    }
    evidence!("on the standby: {ROUNDS} commits each told, counted and visible there")
}

const ROUNDS: u64 = 20;
