//! A consumer that stands still does not make the server keep its log.
//!
//! Beside `pgnudge watch`, whose output nobody reads, `pg_recvlogical` is given a slot and an output that
//! nobody reads either: what a client costs that confirms only what it could write.
//!
//! It can fail: for `pg_recvlogical` it does, each time, or the claim is not upheld.

use std::time::{Duration, Instant};

use pgnudge_testkit::{Cluster, PgLsn, Program, Slot};
use tokio::process::Command;
use tokio::time::sleep;

use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Figure, Need, Plugins, Shape};

pub(super) const CLAIM: Claim = Claim {
    name: "a_stalled_consumer_retains_no_wal",
    title: "no log is retained for who stands still",
    claim: "While nobody reads what `pgnudge watch` prints and the server is written to, its slot confirms within \
            16 MB of the write position, and a checkpoint later the server keeps no more than 48 MB for it.",
    falsified_by: "a confirmed_flush_lsn or a restart_lsn that falls further behind",
    proves: &["R5", "R9", "law 3"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_stalled_consumer_retains_no_wal(context)),
};

async fn a_stalled_consumer_retains_no_wal(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder().line("max_wal_size = 4GB")).await?;
    own.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, filler text)").await?;
    own.sql(&format!("SELECT pg_create_logical_replication_slot('{THEIRS}', 'test_decoding')")).await?;
    // Each commit is a line: the pipes are soon full.
    let _watch = own.watch(&["--debounce=0", "--max-batch-wait=0"]).await?;
    let _theirs = pg_recvlogical(&own)?;
    let began = own.scratch.current_wal_lsn().await?;
    let load = Load::start(&own.scratch, HUNDRED_ROWS).await?;
    let seen = look_on(&own, began).await?;
    load.stop().await?;
    let written = megabytes(own.scratch.current_wal_lsn().await?, Some(began));

    let unconfirmed = seen.unconfirmed;
    ensure!(unconfirmed <= 16.0, "up to {unconfirmed:.1} MB were not confirmed");
    let (ours, theirs) = (last(&seen.ours), last(&seen.theirs));
    ensure!(ours <= 48.0, "the server keeps {ours:.1} MB for a feed that stands still");
    ensure!(
        theirs > 48.0,
        "for a client that confirms nothing the server keeps {theirs:.1} MB: that shows nothing"
    );
    let figure = Figure::new(
        "Log kept for a consumer that stands still",
        Shape::Lines,
        ["seconds under load", "MB of log behind the slot"],
        "Write position minus restart_lsn, with a checkpoint each second. Nobody reads the output of either.",
    );
    let figure = figure.with("pgnudge watch", seen.ours).with("pg_recvlogical", seen.theirs);
    let evidence = evidence!(
        "{written:.0} MB written: {ours:.1} MB kept at the end, at most {unconfirmed:.1} MB unconfirmed; \
         for pg_recvlogical {theirs:.1} MB kept"
    );
    evidence.map(|evidence: Evidence| evidence.drawn(figure))
}

/// What was seen while the server was written to: seconds, and MB that it kept.
struct Seen {
    ours: Vec<(f64, f64)>,
    theirs: Vec<(f64, f64)>,
    /// The most that we had not confirmed.
    unconfirmed: f64,
}

/// For as long as is asked for, and until there was something to keep.
async fn look_on(own: &Context, first: PgLsn) -> Result<Seen, Failure> {
    let (began, mut written) = (Instant::now(), 0.0);
    let mut seen = Seen { ours: Vec::new(), theirs: Vec::new(), unconfirmed: 0.0 };
    while written < ENOUGH || began.elapsed() < own.effort.lasting(STANDS_STILL) {
        for _ in 0..5 {
            sleep(Duration::from_millis(200)).await;
            let slots = own.slots(2).await?;
            let end = own.scratch.current_wal_lsn().await?;
            written = megabytes(end, Some(first));
            for Slot { name, restart_lsn, confirmed_flush_lsn, .. } in slots {
                let point = (began.elapsed().as_secs_f64(), megabytes(end, restart_lsn));
                if name == THEIRS {
                    seen.theirs.push(point);
                } else {
                    seen.ours.push(point);
                    seen.unconfirmed = seen.unconfirmed.max(megabytes(end, confirmed_flush_lsn));
                }
            }
        }
        own.sql("CHECKPOINT").await?;
    }
    Ok(seen)
}

/// Streams from its slot into a pipe that nobody reads.
fn pg_recvlogical(own: &Context) -> Result<Program, Failure> {
    let program = own.server.cluster()?.installation().program("pg_recvlogical");
    let uri = own.scratch.superuser_dsn();
    let mut command = Command::new(program);
    command.args(["--start", "--file=-", "--slot", THEIRS, "--dbname", &uri]);
    Ok(Program::start(&mut command)?)
}

fn last(points: &[(f64, f64)]) -> f64 {
    points.last().map_or(0.0, |&(_, megabytes)| megabytes)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show")]
fn megabytes(end: PgLsn, begin: Option<PgLsn>) -> f64 {
    let begin = begin.map_or(0, u64::from);
    u64::from(end).saturating_sub(begin) as f64 / f64::from(1 << 20)
}

const THEIRS: &str = "stands_still";
const STANDS_STILL: Duration = Duration::from_secs(10);
/// MB; more than may be kept.
const ENOUGH: f64 = 64.0;
/// Enough log per second to show what is retained.
const HUNDRED_ROWS: &str = "INSERT INTO t (filler)
    SELECT repeat(md5(n::text), 40) FROM generate_series(1, 100) n, pg_sleep(0.005)";
