//! `pgnudge doctor` finds the faults that are planted, and no others.
//!
//! Seen to fail: with the refusal of a plugin taken for one of the slot, and with a trial that leaves out what the
//! options say of the feed.

use pgnudge_testkit::{Cluster, wait_until};

use crate::consumer::PATIENCE;
use crate::doctor::Report;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "the_doctor_finds_what_is_wrong",
    title: "pgnudge doctor",
    claim: "`pgnudge doctor` passes a sound server with status 0 after a live round trip, names each planted fault \
            (password, privilege, plugin, a transaction in the way, slots, tables that never nudge, options, synchronous \
            standbys) with the remedy for it, judges the feed that its options describe, fails with status 1 where no feed would work, and leaves nothing behind.",
    falsified_by: "a fault that is not named, a remedy that is not for it, a fault that is none, another status, or a \
                   slot that is still there",
    proves: &["law 3", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(the_doctor_finds_what_is_wrong(context)),
};

async fn the_doctor_finds_what_is_wrong(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder().line("max_replication_slots = 3")).await?;
    let dsn = own.scratch.dsn();
    let sound = Report::of(&[&dsn]).await?;
    let wal2json = sound.check("wal2json")?.fix.is_none();
    // Where it is not installed that is the one thing to be said.
    sound.ensure_failed(if wal2json { &[] } else { &["wal2json"] })?;
    let (checks, round_trip) = (sound.len()?, sound.check("round_trip")?.detail.clone());
    ensure!(sound.recommended.as_deref() == Some("logical"), "{sound:?}");
    own.nothing_left().await?;

    let mut faults = login(&own, &dsn).await?;
    faults += plugins(&own, &dsn, wal2json).await?;
    faults += tables(&own, &dsn, wal2json).await?;
    faults += slots(&own, &dsn).await?;
    faults += transactions(&own, &dsn).await?;
    faults += options(&own, &dsn, wal2json).await?;
    faults += standbys(&own, &dsn).await?;
    faults += rights(&own, &dsn).await?;
    own.nothing_left().await?;
    evidence!("{checks} checks passed ({round_trip}); {faults} faults found, each with its remedy")
}

async fn login(own: &Context, dsn: &str) -> Result<usize, Failure> {
    let report = Report::of(&[&dsn.replacen("nudger:nudger@", "nudger:wrong@", 1)]).await?;
    report.ensure_failed(&["login"])?;
    ensure!(report.len()? == 2 && report.recommended.is_none(), "{report:?}");

    let report = Report::of(&["host=127.0.0.1 port=1 user=x dbname=x"]).await?;
    report.ensure_failed(&["reachable"])?;

    let unprivileged = own.scratch.login("secret", "NOREPLICATION").await?;
    let role = own
        .scratch
        .query_one_text(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE '%role%' AND NOT rolreplication AND rolcanlogin",
        )
        .await?;
    let report = Report::of(&[&unprivileged]).await?;
    report.ensure_failed(&["replication", "physical", "slot"])?;
    report.ensure_fix("replication", &format!("ALTER ROLE {role} REPLICATION;"))?;
    Ok(3)
}

/// Settings of a database hold for its walsenders.
async fn plugins(own: &Context, dsn: &str, wal2json: bool) -> Result<usize, Failure> {
    let database = own.scratch.name();
    let listed = "SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'";
    if own.scratch.query_one_text(listed).await? == "0" || !wal2json {
        return Ok(0);
    }
    own.sql(&format!("ALTER DATABASE {database} SET output_plugin_libraries = pgoutput, test_decoding"))
        .await?;
    let report = Report::of(&[dsn]).await?;
    report.ensure_failed(&["wal2json"])?;
    let fix = "ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, wal2json;\nSELECT pg_catalog.pg_reload_conf();";
    report.ensure_fix("wal2json", fix)?;
    ensure!(report.recommended.is_some(), "the other plugin is enough: {report:?}");

    own.sql(&format!("ALTER DATABASE {database} SET output_plugin_libraries = pgoutput")).await?;
    let report = Report::of(&[dsn]).await?;
    report.ensure_failed(&["test_decoding", "wal2json"])?;
    ensure!(report.recommended.is_none(), "no plugin is left: {report:?}");
    own.sql(&format!("ALTER DATABASE {database} RESET output_plugin_libraries")).await?;
    Ok(2)
}

async fn tables(own: &Context, dsn: &str, wal2json: bool) -> Result<usize, Failure> {
    own.sql(
        "CREATE UNLOGGED TABLE \"Scratch\" (); CREATE TABLE keyless (id int); \
         CREATE TABLE heir () INHERITS (keyless); CREATE MATERIALIZED VIEW view AS SELECT; \
         CREATE TABLE part (id int PRIMARY KEY) PARTITION BY LIST (id)",
    )
    .await?;
    let report = Report::of(&["--table=public.*,nowhere.t", dsn]).await?;
    let failed = ["patterns", "unlogged_tables", "wal2json"];
    report.ensure_failed(if wal2json { &failed[..2] } else { &failed })?;
    report.ensure_fix("unlogged_tables", "ALTER TABLE public.\"Scratch\" SET LOGGED;")?;
    ensure!(report.check("patterns")?.detail == "no table matches nowhere.t", "{report:?}");
    let named = |name: &str, table: &str| Ok::<_, Failure>(report.check(name)?.detail.contains(table));
    ensure!(
        named("keyless_tables", "public.keyless")?
            && named("partitioned_tables", "public.part")?
            && named("inherited_tables", "1: public.keyless;")?
            && named("materialized_views", "1: public.view;")?,
        "{report:?}"
    );
    ensure!(!named("keyless_tables", "Scratch")?, "it never nudges: {report:?}");
    own.sql("DROP TABLE \"Scratch\"").await?;
    Ok(2)
}

async fn slots(own: &Context, dsn: &str) -> Result<usize, Failure> {
    // The server may still be about to end the last report's.
    own.nothing_left().await?;
    for slot in ["a", "b", "c"] {
        own.sql(&format!("SELECT pg_create_physical_replication_slot('{slot}')")).await?;
    }
    let report = Report::of(&[dsn]).await?;
    report.ensure_failed(&["slots", "slot"])?;
    let fix = report.check("slots")?.fix.clone().unwrap_or_default();
    ensure!(fix.starts_with("SELECT pg_catalog.pg_drop_replication_slot('a');"), "{report:?}");
    own.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots").await?;
    Ok(1)
}

/// The transaction has been open for long when the first report is there, which has waited for it.
async fn transactions(own: &Context, dsn: &str) -> Result<usize, Failure> {
    let writer = own.scratch.connect().await?;
    writer.batch_execute("BEGIN; INSERT INTO keyless VALUES (1)").await?;
    let pid: i32 = writer.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    let end = format!("SELECT pg_catalog.pg_terminate_backend({pid});");
    let report = Report::of(&[dsn]).await?;
    report.ensure_failed(&["slot"])?;
    report.ensure_fix("slot", &end)?;
    own.nothing_left().await?;
    // Who may read statistics is told its age, before the wait.
    let report = Report::of(&[&own.scratch.superuser_dsn()]).await?;
    report.ensure_failed(&["long_transactions", "slot"])?;
    report.ensure_fix("long_transactions", &end)?;
    writer.batch_execute("ROLLBACK").await?;
    Ok(2)
}

/// What `watch` would refuse with the same options.
async fn options(own: &Context, dsn: &str, wal2json: bool) -> Result<usize, Failure> {
    let report = Report::of(&["--plugin=test_decoding", "--table=public.keyless", dsn]).await?;
    report.ensure_failed(&[])?;
    ensure!(report.check("wal2json").is_err(), "not asked for: {report:?}");
    let report = Report::of(&["--payload=pk", dsn]).await?;
    report.ensure_failed(if wal2json { &[] } else { &["wal2json"] })?;
    ensure!(report.check("test_decoding").is_err(), "it has no keys: {report:?}");
    for wrong in [&["--payload=pk", "--plugin=test_decoding"][..], &["--max-pending=0"], &["--table=a.b.c"]] {
        let report = Report::of(&[wrong, &[dsn]].concat()).await?;
        ensure!(report.recommended.is_none() && report.check("feed")?.fix.is_some(), "{wrong:?}: {report:?}");
    }
    own.nothing_left().await?;
    Ok(3)
}

/// A feed that would count as one.
async fn standbys(own: &Context, dsn: &str) -> Result<usize, Failure> {
    let set = async |names: &str| {
        let admin = own.scratch.connect().await?;
        admin.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'")).await?;
        admin.batch_execute("SELECT pg_reload_conf()").await?;
        let look = async || own.scratch.query_one_text("SHOW synchronous_standby_names").await;
        wait_until("the setting counts", PATIENCE, look, |now| now == names).await?;
        Ok::<_, Failure>(())
    };
    set("FIRST 1 (*)").await?;
    let report = Report::of(&[dsn]).await?;
    report.ensure_failed(&["feed"])?;
    ensure!(report.check("synchronous_standbys")?.detail.starts_with("FIRST 1 (*): "), "{report:?}");
    let fix = report.check("feed")?.fix.clone().unwrap_or_default();
    ensure!(fix.starts_with("name the real standbys in synchronous_standby_names"), "{report:?}");
    set("").await?;
    Ok(1)
}

/// What a feed asks, and a hardened server may not answer.
async fn rights(own: &Context, dsn: &str) -> Result<usize, Failure> {
    let lacking = [
        ("EXECUTE ON FUNCTION pg_current_snapshot()", "pg_current_snapshot"),
        // What partitions need, though there may be none yet.
        ("SELECT ON pg_type", "pg_type"),
        ("EXECUTE ON FUNCTION array_to_string(anyarray, text)", "array_to_string"),
    ];
    for (right, named) in lacking {
        own.sql(&format!("REVOKE {right} FROM PUBLIC")).await?;
        let report = Report::of(&[dsn]).await?;
        own.sql(&format!("GRANT {right} TO PUBLIC")).await?;
        report.ensure_failed(&["slot"])?;
        let check = report.check("slot")?;
        let fix = check.fix.clone().unwrap_or_default();
        ensure!(check.detail.contains(named) && !fix.contains("REPLICATION"), "{report:?}");
    }
    Ok(lacking.len())
}
