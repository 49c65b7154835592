//! With the payload `pk` rows are told by their primary keys.
//!
//! What really changed is known from a ledger: triggers write down each row that a statement changes, and
//! what is told of it by the rules of `docs/payload.md`. (They are the claim's, in its own database; the
//! product needs none.)
//!
//! Seen to fail: with the new key of an UPDATE left out (`identities.iter().take(1)` in `Intake::accept`).

use std::pin::pin;
use std::time::Duration;

use futures::SinkExt;
use pgnudge::{FeedBuilder, Payload};

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Change, Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "keys_are_told",
    title: "rows by primary key",
    claim: "With the payload pk every changed row is told by its primary key, whatever that holds, and with the \
            exact count; an UPDATE of the key tells the old and the new one; where there is no key to tell it is \
            the table. More rows than max_pending are one Resync(Overflow).",
    falsified_by: "a row that changed and was not told, one that was told and did not change, or another count",
    proves: &["R3", "R5", "R8"],
    plugins: Plugins::Wal2Json,
    needs: &[],
    run: |context| Box::pin(keys_are_told(context)),
};

async fn keys_are_told(context: Context) -> Result<Evidence, Failure> {
    for setup in [LEDGER, TABLES, TRIGGERS] {
        context.sql(setup).await?;
    }
    let mut feed = connected(rows(&context)).await?;
    let mut narrow = connected(rows(&context).max_pending(100)).await?;
    let mut watch = context.watch(&FLAGS).await?;
    context.sql(CHANGES).await?;
    context.sql(UNDONE).await.err().ok_or_else(|| Failure::new("the failing transaction did not fail"))?;
    copy_people(&context).await?;

    let changed = changed(&context).await?;
    let expected: Vec<_> = changed.iter().map(|(payload, count)| (payload.as_str(), *count)).collect();
    let told = context.tally(&mut feed).await?;
    told.ensure_exactly(&expected)?;
    context.tally(&mut watch).await?.ensure_exactly(&expected)?;
    context.arrived().await?;
    narrow.resync("overflow").await?;
    let typed = typed(&context, &mut feed, &mut watch).await?;
    let tables = expected.iter().filter(|(payload, _)| !payload.contains(':')).count();
    evidence!(
        "{} changes of {} rows and {tables} tables without a key to tell, told by the library and by the program \
         as the ledger has them; max_pending 100: one overflow; {typed}",
        told.sum(),
        expected.len() - tables,
    )
}

fn rows(context: &Context) -> FeedBuilder {
    let builder = context.builder().payload(Payload::PrimaryKey).head_limit(HEAD).status_interval(SOON);
    builder.tables(["app.*", "public.mark"])
}

async fn copy_people(context: &Context) -> Result<(), Failure> {
    let client = context.scratch.connect().await?;
    let mut copy = pin!(client.copy_in("COPY app.people FROM STDIN").await?);
    let rows: String = (20_000..21_000).map(|id| format!("{id}\tcopied\n")).collect();
    copy.send(std::io::Cursor::new(rows)).await?;
    copy.finish().await?;
    Ok(())
}

/// What the ledger has: each payload with its count.
async fn changed(context: &Context) -> Result<Vec<(String, u64)>, Failure> {
    let client = context.scratch.connect().await?;
    let rows = client.query("SELECT payload, count(*) FROM ledger GROUP BY payload", &[]).await?;
    rows.iter().map(|row| Ok((row.get(0), u64::try_from(row.get::<_, i64>(1))?))).collect()
}

/// One row of a composite key, typed: by the library, and as JSON.
async fn typed(
    context: &Context,
    feed: &mut impl Consumer,
    watch: &mut impl Consumer,
) -> Result<String, Failure> {
    context.sql("INSERT INTO app.lines VALUES ('x', 9007199254740993, 'a,b')").await?;
    let expected = r#"[{"name":"order_id","value":9007199254740993},{"name":"line, no","value":"a,b"}]"#;
    for told in [next_of(feed, "lines").await?, next_of(watch, "lines").await?] {
        ensure!(told.payload == "app.lines:9007199254740993,a,b", "{told:?}");
        let pk = told.pk.unwrap_or_default().to_string();
        ensure!(pk == expected, "{pk}, not {expected}");
    }
    Ok(format!("typed: {expected}"))
}

/// The next event of that table.
async fn next_of(consumer: &mut impl Consumer, table: &str) -> Result<Change, Failure> {
    loop {
        let item = consumer.next_item().await?;
        if let Some(change) = item.changes().iter().find(|change| change.table == table) {
            return Ok(change.clone());
        }
    }
}

/// Far from the rows below, which are of 10 or of 200 thousand bytes.
const HEAD: usize = 64 * 1024;

/// So that `arrived` need not wait long.
const SOON: Duration = Duration::from_millis(100);

/// The same, for the program.
const FLAGS: [&str; 5] =
    ["--payload=pk", "--head-limit=64KiB", "--status-interval=100ms", "--table=app.*", "--table=public.mark"];

/// The rules. A row is told by its key, before and after. Not so: of an UPDATE or DELETE if the replica
/// identity does not hold the key; of a new row that is longer than the head; of a key too long to be kept;
/// of TRUNCATE. Of a partition's row the tables above are told too.
const LEDGER: &str = r"CREATE SCHEMA app;
    CREATE TABLE ledger (payload text);
    CREATE FUNCTION key_of(relation oid, changed jsonb) RETURNS text LANGUAGE sql AS $$
        SELECT string_agg(changed->>attname, ',' ORDER BY attnum)
        FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND indisprimary AND attnum = ANY (indkey)
        WHERE attrelid = relation
    $$;
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        keys text[];
    BEGIN
        IF TG_OP = 'INSERT' AND length(NEW::text) < 65536 OR TG_OP IN ('UPDATE', 'DELETE')
            AND (SELECT relreplident IN ('d', 'f') FROM pg_class WHERE oid = TG_RELID)
        THEN
            SELECT array_agg(DISTINCT key) INTO keys
            FROM unnest(ARRAY[key_of(TG_RELID, to_jsonb(OLD)), key_of(TG_RELID, to_jsonb(NEW))]) AS key
            WHERE length(key) < 8000;
        END IF;
        INSERT INTO public.ledger
        SELECT 'app.' || relname || coalesce(':' || key, '')
        FROM pg_class, unnest(coalesce(keys, ARRAY[NULL])) AS key
        WHERE oid = TG_RELID OR oid IN (SELECT pg_partition_ancestors(TG_RELID));
        RETURN NULL;
    END $$;";

const TABLES: &str = r#"
    CREATE TABLE app.people (id bigint PRIMARY KEY, name text);
    CREATE TABLE app.words (word text PRIMARY KEY, n int);
    CREATE TABLE app.things (id uuid PRIMARY KEY, on_sale bool);
    CREATE TABLE app.prices (amount numeric, on_sale bool, PRIMARY KEY (on_sale, amount));
    CREATE TABLE app.lines (note text, order_id bigint, "line, no" text, PRIMARY KEY ("line, no", order_id));
    CREATE TABLE app.keyless (id int);
    CREATE TABLE app.keyless_full (id int);
    ALTER TABLE app.keyless_full REPLICA IDENTITY FULL;
    CREATE TABLE app.identity_full (id int PRIMARY KEY, v int);
    ALTER TABLE app.identity_full REPLICA IDENTITY FULL;
    CREATE TABLE app.identity_nothing (id int PRIMARY KEY, v int);
    ALTER TABLE app.identity_nothing REPLICA IDENTITY NOTHING;
    CREATE TABLE app.identity_index (id int PRIMARY KEY, other int NOT NULL UNIQUE);
    ALTER TABLE app.identity_index REPLICA IDENTITY USING INDEX identity_index_other_key;
    CREATE TABLE app.wide (filler text, id int PRIMARY KEY);
    CREATE TABLE app.long_keys (word text PRIMARY KEY);
    CREATE TABLE app.parted (region text, id int, v int, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
    CREATE TABLE app.parted_eu PARTITION OF app.parted FOR VALUES IN ('eu');
    CREATE TABLE app.parted_us (v int, id int NOT NULL, region text NOT NULL);
    ALTER TABLE app.parted ATTACH PARTITION app.parted_us FOR VALUES IN ('us');"#;

const TRIGGERS: &str = r"DO $$
    DECLARE name regclass;
    BEGIN
        FOR name IN SELECT oid FROM pg_class
            WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        LOOP
            EXECUTE format('CREATE TRIGGER rows AFTER INSERT OR UPDATE OR DELETE ON %s
                FOR EACH ROW EXECUTE FUNCTION write_down()', name);
            EXECUTE format('CREATE TRIGGER truncated AFTER TRUNCATE ON %s
                FOR EACH STATEMENT EXECUTE FUNCTION write_down()', name);
        END LOOP;
    END $$";

/// Every kind of change, of every kind of key.
const CHANGES: &str = r#"
    INSERT INTO app.people VALUES (9223372036854775807, 'max'), (-9223372036854775808, 'min'), (42, 'x');
    UPDATE app.people SET name = 'y' WHERE id = 42;
    UPDATE app.people SET id = 43 WHERE id = 42;
    DELETE FROM app.people WHERE id < 0;
    BEGIN;
    INSERT INTO app.people SELECT n, 'bulk' FROM generate_series(1, 500) n ON CONFLICT DO NOTHING;
    SAVEPOINT s;
    UPDATE app.people SET id = -id WHERE id <= 500;
    ROLLBACK TO s;
    UPDATE app.people SET id = id + 10000 WHERE id BETWEEN 201 AND 300;
    COMMIT;
    INSERT INTO app.words VALUES ('a,b'), ('k:v'), ('say "hi"'), (E'tab\t\n\x01 '), ('käse 🧀'), (''), ('7'),
        ('null'), ('back\slash'), (''''), ('"}],"pk":[{"name":"n"}]}'), (repeat('k', 2000));
    UPDATE app.words SET n = length(word);
    UPDATE app.words SET word = word || ',' || word WHERE length(word) < 100;
    DELETE FROM app.words WHERE n % 2 = 1;
    TRUNCATE app.words;
    INSERT INTO app.things SELECT md5(n::text)::uuid, n % 2 = 0 FROM generate_series(1, 20) n;
    DELETE FROM app.things WHERE on_sale;
    INSERT INTO app.prices VALUES (1.50, true), (123456789012345678901234567890.123450, false), (0, true), (-7, false);
    UPDATE app.prices SET on_sale = NOT on_sale;
    INSERT INTO app.lines VALUES ('x', 1, 'first'), ('y', 1, 'second,'), ('z', 2, 'first');
    UPDATE app.lines SET "line, no" = 'third' WHERE note = 'x';
    DELETE FROM app.lines WHERE order_id = 1;
    INSERT INTO app.keyless VALUES (1), (2);
    UPDATE app.keyless SET id = 3;
    DELETE FROM app.keyless;
    INSERT INTO app.keyless_full VALUES (1), (2);
    UPDATE app.keyless_full SET id = id + 5;
    DELETE FROM app.keyless_full;
    INSERT INTO app.identity_full VALUES (1, 1), (2, 2);
    UPDATE app.identity_full SET v = 3;
    UPDATE app.identity_full SET id = 3 WHERE id = 2;
    DELETE FROM app.identity_full;
    INSERT INTO app.identity_nothing VALUES (1, 1), (2, 2);
    UPDATE app.identity_nothing SET id = id + 2;
    DELETE FROM app.identity_nothing;
    INSERT INTO app.identity_index VALUES (1, 1), (2, 2);
    UPDATE app.identity_index SET id = id + 2;
    DELETE FROM app.identity_index;
    INSERT INTO app.wide VALUES (repeat('x', 10000), 1), (repeat('x', 200000), 2);
    DELETE FROM app.wide;
    INSERT INTO app.long_keys VALUES (repeat('k', 10000)), (repeat('l', 200000)), ('short');
    DELETE FROM app.long_keys;
    INSERT INTO app.parted VALUES ('eu', 1, 0), ('us', 1, 0), ('us', 2, 0);
    UPDATE app.parted SET v = 1;
    UPDATE app.parted SET region = 'eu' WHERE id = 2;
    DELETE FROM app.parted;"#;

/// One transaction, whose last statement fails.
const UNDONE: &str = "UPDATE app.people SET name = 'never'; INSERT INTO app.people VALUES (NULL)";
