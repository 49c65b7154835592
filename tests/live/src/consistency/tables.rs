//! The tables of a round. All have the columns `id` and `v`; what differs is what decides how a change
//! of theirs is decoded.

/// A table that statements pick.
#[derive(Debug)]
pub(crate) struct Table {
    /// As SQL wants it.
    pub(crate) name: &'static str,
    /// The ids that it may have.
    pub(crate) ids: (u64, u64),
    /// How many times 32 bytes a body has; 0: it has no body.
    pub(crate) body: u64,
}

const fn table(name: &'static str) -> Table {
    Table { name, ids: (0, 32), body: 0 }
}

/// Those that statements pick. Partitions are changed under their own names too.
pub(crate) const TABLES: [Table; 18] = [
    table("plain"),
    table("keyless"),
    table(r#""Odd.Schema"."with.dot, ""quotes"" and \""#),
    table("\"naïve 数据 🐘\""),
    Table { name: "large", ids: (0, 6), body: 6_000 },
    Table { name: "toasted", ids: (0, 16), body: 400 },
    table("full_identity"),
    table("index_identity"),
    table("no_identity"),
    table("generated"),
    table("parent"),
    table("child"),
    table("parted"),
    Table { name: "parted_0", ids: (0, 16), body: 0 },
    table("loose"),
    Table { name: "loose_0", ids: (0, 16), body: 0 },
    Table { name: "\"Loose.1\"", ids: (16, 32), body: 0 },
    Table { name: "guest", ids: (48, 64), body: 0 },
];

/// Those that filters by name let through.
pub(crate) const FILTERED: &[&str] = &["mark", "plain", "keyless", "toasted", "parent", "parted", "loose"];

/// How many tables there are for transactions that change hundreds.
pub(crate) const MANY: u64 = 200;

/// Makes all of them, and the table for marks. `guest` is a partition of `loose`, now and then.
pub(crate) const CREATE: &str = r#"
CREATE TABLE mark (id bigint PRIMARY KEY);
CREATE TABLE plain (id int PRIMARY KEY, v int);
CREATE TABLE keyless (id int, v int);
CREATE SCHEMA "Odd.Schema";
CREATE TABLE "Odd.Schema"."with.dot, ""quotes"" and \" (id int PRIMARY KEY, v int);
CREATE TABLE "naïve 数据 🐘" (id int, v int);
CREATE TABLE large (id int PRIMARY KEY, v int, body text);
ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
CREATE TABLE toasted (id int PRIMARY KEY, v int, body text);
ALTER TABLE toasted ALTER body SET STORAGE EXTERNAL;
CREATE TABLE full_identity (id int, v int);
ALTER TABLE full_identity REPLICA IDENTITY FULL;
CREATE TABLE index_identity (id int NOT NULL UNIQUE, v int);
ALTER TABLE index_identity REPLICA IDENTITY USING INDEX index_identity_id_key;
CREATE TABLE no_identity (id int PRIMARY KEY, v int);
ALTER TABLE no_identity REPLICA IDENTITY NOTHING;
CREATE TABLE generated (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED);
CREATE TABLE parent (id int PRIMARY KEY, v int);
CREATE TABLE child (id int PRIMARY KEY, v int, parent int REFERENCES parent ON DELETE CASCADE);
CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES FROM (0) TO (16);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (16) TO (32);
CREATE TABLE loose (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE loose_0 PARTITION OF loose FOR VALUES FROM (0) TO (16);
CREATE TABLE "Loose.1" PARTITION OF loose FOR VALUES FROM (16) TO (32);
CREATE TABLE guest (id int, v int);
CREATE SCHEMA many;
CREATE SCHEMA made;
DO $$ BEGIN
    FOR n IN 0..199 LOOP EXECUTE format('CREATE TABLE many.t%s (id int, v int)', n); END LOOP;
END $$;
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_are_picked_are_made() {
        for table in &TABLES {
            assert!(CREATE.contains(&format!("CREATE TABLE {} ", table.name)), "{}", table.name);
        }
        assert!(FILTERED.iter().all(|table| CREATE.contains(&format!("CREATE TABLE {table} "))));
        assert!(CREATE.contains(&format!("0..{}", MANY - 1)));
    }
}
