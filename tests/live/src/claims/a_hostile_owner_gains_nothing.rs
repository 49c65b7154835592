//! The owner of a database sets a `search_path` on which everything of PostgreSQL's has a namesake that does harm.
//!
//! Seen to fail: with sessions that begin without a `search_path` of their own (the doctor's, the bridge's and the one
//! that asks for whom a slot waits).

use pgnudge_testkit::Program;

use crate::consumer::PATIENCE;
use crate::doctor::Report;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Item, Need, Plugins, watch};

use super::a_blocked_slot_is_withdrawn::blocked;

pub(super) const CLAIM: Claim = Claim {
    name: "a_hostile_owner_gains_nothing",
    title: "a hostile owner of the database",
    claim: "Where the search_path of the database puts a namesake of every operator, function, type and catalog first, \
            a superuser's doctor, watch (behind a transaction, with partitions) and bridge (NOTIFY and --ha) run none \
            of them.",
    falsified_by: "a namesake that was called",
    proves: &["law 2"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_hostile_owner_gains_nothing(context)),
};

async fn a_hostile_owner_gains_nothing(context: Context) -> Result<Evidence, Failure> {
    let before = context.scratch.connect().await?;
    before.batch_execute(TABLES).await?;
    before.batch_execute(NAMESAKES).await?;
    let namesakes: i64 = before.query_one(COUNT, &[]).await?.get(0);
    let database = context.scratch.name();
    before
        .batch_execute(&format!("ALTER DATABASE {database} SET search_path = evil, pg_catalog, public"))
        .await?;
    ensure!(namesakes > 1_000, "only {namesakes} namesakes could be made");
    // Whoever does not take care is caught.
    context.scratch.connect().await?.batch_execute("SELECT 1 = 1").await?;
    ensure!(calls(&before).await? > 0, "the trap does not work");
    before.batch_execute("SELECT pg_catalog.setval('evil.calls', 1, false)").await?;

    let dsn = context.scratch.superuser_dsn();
    Report::of(&[&dsn, "-t", "public.*"]).await?;
    unharmed(&before, "doctor").await?;
    watched(&context, &dsn, &before).await?;
    unharmed(&before, "watch").await?;
    let plugin = format!("--plugin={}", context.variant.flag());
    let bridge = crate::Bridge::start(&dsn, &[&plugin, "--notify=nudge", "--ha"]).await?;
    bridge.ready().await?;
    before.batch_execute("INSERT INTO public.plain VALUES (1)").await?;
    unharmed(&before, "bridge").await?;
    evidence!("{namesakes} namesakes, none of which was called by doctor, watch and bridge")
}

/// Behind a transaction that delays its slot, so that it asks for whom it waits; then rows of a partition.
async fn watched(
    context: &Context,
    dsn: &str,
    before: &pgnudge_testkit::tokio_postgres::Client,
) -> Result<(), Failure> {
    let writer = context.scratch.connect().await?;
    writer.batch_execute("BEGIN; INSERT INTO public.plain VALUES (1)").await?;
    let plugin = format!("--plugin={}", context.variant.flag());
    let mut command = watch::command()?;
    command.args(["watch", "--output=json", &plugin, "-t", "public.*", dsn]);
    let mut program = Program::start(&mut command)?;
    blocked(context).await?;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    writer.batch_execute("ROLLBACK").await?;
    Item::from_json(&program.next_line(PATIENCE).await?)?;
    before.batch_execute("INSERT INTO public.root VALUES (1)").await?;
    let told = program.next_line(PATIENCE).await?;
    ensure!(told.contains("public.root"), "{told}");
    Ok(())
}

async fn unharmed(before: &pgnudge_testkit::tokio_postgres::Client, whom: &str) -> Result<(), Failure> {
    let calls = calls(before).await?;
    ensure!(calls == 0, "{whom} has called {calls} namesakes");
    Ok(())
}

/// A sequence counts what is rolled back, too.
async fn calls(before: &pgnudge_testkit::tokio_postgres::Client) -> Result<i64, Failure> {
    let calls = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM evil.calls";
    Ok(before.query_one(calls, &[]).await?.get(0))
}

const TABLES: &str = "CREATE TABLE public.plain (id int);
    CREATE TABLE public.root (id int) PARTITION BY LIST (id);
    CREATE TABLE public.leaf PARTITION OF public.root DEFAULT;";

const COUNT: &str = "SELECT (SELECT count(*) FROM pg_operator o JOIN pg_namespace n ON n.oid = oprnamespace WHERE nspname = 'evil')
    + (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'evil' AND proname NOT LIKE 'op\\_%')
    + (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'evil' AND relkind = 'v')";

/// What cannot have a namesake (a pseudo-type, a catalog of which no view can be made) is left out.
const NAMESAKES: &str = r#"
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE evil.calls;
GRANT ALL ON SEQUENCE evil.calls TO PUBLIC;
CREATE FUNCTION evil.op_called(anyelement) RETURNS bool LANGUAGE sql AS
    'SELECT pg_catalog.nextval(''evil.calls'') IS NOT NULL';
DO $do$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT oprname, oprleft, oprright, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r,
            format_type(oprresult, NULL) AS result, o.oid
        FROM pg_operator o WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprright <> 0
    LOOP
        BEGIN
            EXECUTE format($f$CREATE FUNCTION evil.%I(%s%s) RETURNS %s LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_catalog.nextval(''evil.calls''); RETURN NULL; END'$f$,
                'op_' || one.oid, CASE WHEN one.oprleft = 0 THEN '' ELSE one.l || ', ' END, one.r, one.result);
            EXECUTE format('CREATE OPERATOR evil.%s (%sRIGHTARG = %s, FUNCTION = evil.%I)', one.oprname,
                CASE WHEN one.oprleft = 0 THEN '' ELSE 'LEFTARG = ' || one.l || ', ' END, one.r, 'op_' || one.oid);
        EXCEPTION WHEN others THEN NULL;
        END;
    END LOOP;
    FOR one IN SELECT proname, pg_get_function_identity_arguments(p.oid) AS arguments, format_type(prorettype, NULL) AS result
        FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset
            AND provariadic = 0
    LOOP
        BEGIN
            EXECUTE format($f$CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_catalog.nextval(''evil.calls''); RETURN NULL; END'$f$,
                one.proname, one.arguments, one.result);
        EXCEPTION WHEN others THEN NULL;
        END;
    END LOOP;
    FOR one IN SELECT relname FROM pg_class
        WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
    LOOP
        BEGIN
            EXECUTE format('CREATE VIEW evil.%I AS SELECT t.* FROM pg_catalog.%I AS t WHERE evil.op_called(1)',
                one.relname, one.relname);
            EXECUTE format('GRANT SELECT ON evil.%I TO PUBLIC', one.relname);
        EXCEPTION WHEN others THEN NULL;
        END;
    END LOOP;
    FOR one IN SELECT typname, format_type(t.oid, NULL) AS base FROM pg_type t
        WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typelem = 0
    LOOP
        BEGIN
            EXECUTE format('CREATE DOMAIN evil.%I AS pg_catalog.%I CHECK (evil.op_called(1))', one.typname, one.typname);
        EXCEPTION WHEN others THEN NULL;
        END;
    END LOOP;
END $do$;
"#;
