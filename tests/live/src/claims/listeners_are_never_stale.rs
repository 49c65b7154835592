//! The bridge loses its sessions again and again, and nobody who listens notices.
//!
//! Seen to fail: with resyncs that are not notified of. What breaks with a notification under way is
//! another claim, `a_lost_notification_is_made_good`: here it happens too rarely.

use std::collections::BTreeMap;
use std::time::Duration;

use pgnudge_testkit::wait_until;

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::listener::Listener;
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "listeners_are_never_stale",
    title: "LISTEN: never stale, whatever is killed",
    claim: "Programs that LISTEN through a driver and refetch what the bridge names hold what the database holds, \
            though its feed and its NOTIFY session are killed again and again under load.",
    falsified_by: "a copy that still differs from the database after everything has come to rest",
    proves: &["R2", "R7", "R13"],
    plugins: Plugins::Auto,
    needs: &[Need::ForTests("it writes all the time, and ends sessions")],
    run: |context| Box::pin(listeners_are_never_stale(context)),
};

async fn listeners_are_never_stale(context: Context) -> Result<Evidence, Failure> {
    let tables: Vec<_> = (0..TABLES).map(|n| format!("public.t{n}")).collect();
    for table in &tables {
        context.sql(&format!("CREATE TABLE {table} (v bigint); INSERT INTO {table} VALUES (0)")).await?;
    }
    let bridge = context.bridge(&["--notify=nudge", "--debounce=0", "--backoff=1ms..20ms"]).await?;
    bridge.ready().await?;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        listeners.push(Listener::start(&context.scratch.superuser_dsn(), "nudge", &tables).await?);
    }
    let mut written = 0;
    for round in 0..ROUNDS {
        let mut writers = Vec::new();
        for table in tables.iter().skip(round % 2) {
            writers.push(Load::start(&context.scratch, &format!("UPDATE {table} SET v = v + 1")).await?);
        }
        for n in 0..KILLS {
            kill(&context, if n % 2 == 0 { NOTIFYING } else { STREAMING }).await?;
        }
        // The last writes meet a bridge that is on its way back.
        for writer in writers {
            written += writer.stop().await?;
        }
        at_rest(&context, &tables, &listeners).await?;
    }
    let copy = listeners.first().map(Listener::copy).transpose()?.unwrap_or_default();
    ensure!(copy.nudges > 0 && copy.resyncs >= ROUNDS as u64, "nothing was proven: {copy:?}");
    let kills = ROUNDS * KILLS;
    evidence!(
        "{written} updates, {kills} sessions killed; each of {LISTENERS} listeners had {} nudges and {} resyncs, \
         and was right at the end of {ROUNDS} rounds",
        copy.nudges,
        copy.resyncs
    )
}

/// Ends sessions of the bridge at whatever they are doing. One that is between two sessions has none.
async fn kill(context: &Context, which: &str) -> Result<(), Failure> {
    let database = context.scratch.name();
    let sessions = format!("FROM pg_stat_activity WHERE datname = '{database}' AND {which}");
    let look = async || context.scratch.query_one_text(&format!("SELECT count(*) {sessions}")).await;
    wait_until("there is a session to kill", PATIENCE, look, |count| count != "0").await?;
    // Long enough that it has something to say, short enough that it is saying it.
    tokio::time::sleep(Duration::from_millis(20)).await;
    context.scratch.query_one_text(&format!("SELECT count(pg_terminate_backend(pid)) {sessions}")).await?;
    Ok(())
}

/// Waits until every copy is what the database holds.
async fn at_rest(context: &Context, tables: &[String], listeners: &[Listener]) -> Result<(), Failure> {
    let mut expected = BTreeMap::new();
    for table in tables {
        let value = context.scratch.query_one_text(&format!("SELECT v FROM {table}")).await?;
        expected.insert(table.clone(), value.parse::<i64>()?);
    }
    for listener in listeners {
        listener.copy()?;
        let look = async || Ok(listener.copy().unwrap_or_default().values);
        wait_until("the copy is fresh", PATIENCE, look, |values| *values == expected).await?;
    }
    Ok(())
}

const STREAMING: &str = "backend_type = 'walsender'";
const NOTIFYING: &str = "application_name = 'pgnudge bridge'";
const TABLES: usize = 5;
const LISTENERS: usize = 3;
const ROUNDS: usize = 6;
const KILLS: usize = 8;
