//! Behind a real PgBouncer, whose only server process everybody shares.
//!
//! Seen to fail: with a NOTIFY session that sets what it needs for the whole session, and with a lock that does not
//! ask whose process it has.

use pgnudge::Feed;
use pgnudge_testkit::Program;
use pgnudge_testkit::tokio_postgres::{self, NoTls, SimpleQueryMessage};
use tokio::time::timeout;

use crate::consumer::{Consumer, PATIENCE};
use crate::context::connected;
use crate::doctor::Report;
use crate::evidence::{ensure, evidence};
use crate::pooler::{self, PoolMode, Pooler};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, listener, watch};

pub(super) const CLAIM: Claim = Claim {
    name: "a_pooler_is_left_clean",
    title: "behind PgBouncer",
    claim: "Behind PgBouncer, in both pool modes, a feed works where it passes replication on (1.23 or later) and is \
            refused for good with the remedy where it does not; the bridge notifies through it; nothing that it sets \
            or prepares is found by the pooler's next client; and --ha is refused, with the pooler named.",
    falsified_by: "a setting or statement of ours in a session of others, a resync in place of a batch, or a lock that \
                   is taken through a pooler",
    proves: &["law 3", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster, Need::Pooler],
    run: |context| Box::pin(a_pooler_is_left_clean(context)),
};

async fn a_pooler_is_left_clean(context: Context) -> Result<Evidence, Failure> {
    context
        .sql(
            "CREATE TABLE t (id int); CREATE TABLE root (id int) PARTITION BY LIST (id);
        CREATE TABLE leaf PARTITION OF root DEFAULT",
        )
        .await?;
    let (passes, version) = pooler::knows_replication()?;
    for mode in [PoolMode::Transaction, PoolMode::Session] {
        behind(&context, mode, passes).await.map_err(|failure| failure.within(format!("{mode:?}")))?;
    }
    let feed = if passes { "feeds work" } else { "feeds are refused with the remedy" };
    evidence!("PgBouncer {version}, pool_mode transaction and session: {feed}; nothing is left in the pool")
}

async fn behind(context: &Context, mode: PoolMode, passes: bool) -> Result<(), Failure> {
    // A stream occupies a server process of the pool, and leaves one to everybody else.
    let pooler = Pooler::start(context, mode, if mode == PoolMode::Session { 20 } else { 2 }).await?;
    feeds(context, &pooler, passes).await?;
    refuses_the_lock(&pooler).await?;
    examined(&pooler, passes).await?;
    let pooler = Pooler::start(context, mode, if mode == PoolMode::Session { 20 } else { 1 }).await?;
    notifies(context, &pooler).await
}

/// What the pooler's next client finds in its session.
async fn state(pooler: &Pooler) -> Result<String, Failure> {
    // A pooler passes on what each client says at its login, and has nothing to say for one that is silent.
    let dsn = format!("{}&application_name=other", pooler.dsn("postgres"));
    let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await?;
    let driver = tokio::spawn(connection);
    // A simple query: the driver's prepared statements are its own.
    let rows = client.simple_query(STATE).await?;
    drop(client);
    let _ = driver.await;
    let found = rows.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(found.unwrap_or_default())
}

/// One after another, each by the same server process as the one before.
async fn feeds(context: &Context, pooler: &Pooler, passes: bool) -> Result<(), Failure> {
    let dsn = pooler.dsn("postgres");
    if !passes {
        let mut command = watch::command()?;
        let ended = timeout(PATIENCE, command.args(["watch", &dsn]).kill_on_drop(true).output()).await;
        let ended = ended.map_err(|_| Failure::new("watch goes on trying"))??;
        let words = String::from_utf8(ended.stderr)?;
        ensure!(ended.status.code() == Some(1) && words.contains("pooler"), "{words:?}");
        return Ok(());
    }
    let before = state(pooler).await?;
    for _ in 0..3 {
        let mut feed = connected(Feed::builder(&dsn)).await?;
        for table in ["t", "root"] {
            context.sql(&format!("INSERT INTO {table} VALUES (1)")).await?;
            let item = feed.next_item().await?;
            ensure!(item.resync_reason().is_none(), "{item:?} in place of a batch");
        }
        unchanged(pooler, &before).await?;
    }
    Ok(())
}

async fn notifies(context: &Context, pooler: &Pooler) -> Result<(), Failure> {
    let (before, through) = (state(pooler).await?, pooler.dsn("postgres"));
    let bridge = context.bridge(&["--notify=nudge", &format!("--notify-dsn={through}")]).await?;
    bridge.ready().await?;
    let (_client, mut notifications) = listener::subscribe(&context.scratch.dsn(), "nudge").await?;
    context.sql("INSERT INTO t VALUES (1)").await?;
    let late = |_| Failure::new(format!("no notification: {}", bridge.stderr()));
    loop {
        let told = timeout(PATIENCE, notifications.recv()).await.map_err(late)?;
        let (payload, _) = told.ok_or_else(|| Failure::new("the session has ended"))?;
        if payload == "public.t" {
            return unchanged(pooler, &before).await;
        }
    }
}

async fn unchanged(pooler: &Pooler, before: &str) -> Result<(), Failure> {
    let after = state(pooler).await?;
    ensure!(after == before, "the next client finds {after}, not {before}");
    Ok(())
}

async fn refuses_the_lock(pooler: &Pooler) -> Result<(), Failure> {
    let mut command = watch::command()?;
    command.args(["bridge", "--http=127.0.0.1:0", "--ha", &pooler.dsn("postgres")]);
    let finished = Program::start(&mut command)?.wait(PATIENCE).await?;
    let words = &finished.stderr;
    ensure!(
        finished.status.code() == Some(1) && words.contains("error: --ha needs a session of its own"),
        "{finished:?}"
    );
    ensure!(words.contains("PgBouncer"), "{words}");
    Ok(())
}

async fn examined(pooler: &Pooler, passes: bool) -> Result<(), Failure> {
    let report = Report::of(&[&pooler.dsn("postgres")]).await?;
    let detail = &report.check("pooler")?.detail;
    ensure!(detail.contains("something in between answers"), "{detail}");
    ensure!(report.recommended.is_some() == passes, "{report:?}");
    Ok(())
}

const STATE: &str =
    "SELECT current_setting('synchronous_commit') || ', ' || current_setting('search_path') || ', '
    || current_setting('idle_session_timeout') || ', ' || current_setting('application_name') || ', '
    || current_setting('default_transaction_isolation') || ', ' || current_setting('lock_timeout') || ', '
    || (SELECT count(*) FROM pg_prepared_statements) || ' statements, '
    || (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') || ' locks'";
