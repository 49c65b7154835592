//! Settings of a database or a role, which reach the product's session too.
//!
//! It can fail: with a table filter whose names are printed with `quote_all_identifiers` on, and with
//! the warnings of wal2json hidden by `client_min_messages`, as the session's own SET undoes.

use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "settings_change_nothing",
    title: "odd settings of role and database",
    claim: "quote_all_identifiers, search_path, DateStyle, client_encoding, timeouts and a dozen more, set on the \
            database and on the role, change nothing in what is told.",
    falsified_by: "another name, another count, a Resync, or a feed that does not connect",
    proves: &["R3", "R8"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("it sets the role up in another way")],
    run: |context| Box::pin(settings_change_nothing(context)),
};

async fn settings_change_nothing(context: Context) -> Result<Evidence, Failure> {
    context.sql(TABLES).await?;
    let database = context.scratch.name();
    for setting in SETTINGS {
        context.sql(&format!("ALTER DATABASE {database} SET {setting}")).await?;
        context.sql(&format!("ALTER ROLE nudger IN DATABASE {database} SET {setting}")).await?;
    }
    let mut feed = context.feed().await?;
    context.sql(CHANGES).await?;
    let told = context.tally(&mut feed).await?;
    told.ensure_exactly(&[(r#"Odd "Schema".We.ird"#, 5), ("public.select", 3), ("public.keyless", 4)])?;
    evidence!("{} settings on database and role: {told}", SETTINGS.len())
}

const TABLES: &str = r#"CREATE SCHEMA "Odd ""Schema""";
    CREATE TABLE "Odd ""Schema"""."We.ird" (id int PRIMARY KEY, at timestamptz DEFAULT now(), b bytea, f float8);
    CREATE TABLE "select" (id int PRIMARY KEY, i interval);
    CREATE TABLE keyless (id int)"#;
const CHANGES: &str = r#"
    INSERT INTO "Odd ""Schema"""."We.ird" SELECT n, now(), '\x00ff', n / 3.0 FROM generate_series(1, 4) n;
    UPDATE "Odd ""Schema"""."We.ird" SET f = 'NaN' WHERE id = 1;
    INSERT INTO public."select" SELECT n, '1 day 2 hours' FROM generate_series(1, 3) n;
    INSERT INTO public.keyless VALUES (1), (2); UPDATE public.keyless SET id = -id"#;
const SETTINGS: [&str; 16] = [
    "quote_all_identifiers = on",
    r#"search_path = '"Odd ""Schema""", "$user", nowhere'"#,
    "DateStyle = 'German, DMY'",
    "IntervalStyle = 'iso_8601'",
    "TimeZone = 'Asia/Kathmandu'",
    "bytea_output = 'escape'",
    "extra_float_digits = -5",
    "client_encoding = 'LATIN1'",
    "client_min_messages = 'error'",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "statement_timeout = '2s'",
    "lock_timeout = '1s'",
    "idle_session_timeout = '1s'",
    "idle_in_transaction_session_timeout = '1s'",
    "row_security = off",
];
