//! What the server is asked in SQL, apart from the session's settings.

use std::fmt::Write as _;

use nudge_decode::{TableFilter, TablePattern};
use nudge_proto::quote_literal;

use crate::TableName;

/// What can be seen, and what lies above the tables.
///
/// First what can be seen: one row per transaction in progress, and one row if there is none, so that
/// they are small however many there are. The position is read after the snapshot was taken, so it is
/// not before what that sees. Then what lies above the tables, nearest first.
///
/// The first part is asked per item, and planning it costs the server more than running it. So it is
/// prepared with the first question of a session.
pub(crate) fn testimony(tables: &[TableName], prepared: bool) -> String {
    const PREPARE: &str = "PREPARE testimony AS SELECT pg_catalog.pg_snapshot_xmax(s), \
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
         ELSE pg_catalog.pg_current_wal_lsn() END, \
         EXISTS (SELECT FROM pg_catalog.pg_partitioned_table), x \
         FROM pg_catalog.pg_current_snapshot() AS s LEFT JOIN LATERAL pg_catalog.pg_snapshot_xip(s) AS x ON true; ";
    let mut sql = String::from(if prepared { "" } else { PREPARE });
    sql.push_str("EXECUTE testimony");
    if tables.is_empty() {
        return sql;
    }
    sql.push_str(
        "; SELECT a.depth, n.nspname, c.relname, an.nspname, ac.relname FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (id, depth) \
         JOIN pg_catalog.pg_class ac ON ac.oid = a.id \
         JOIN pg_catalog.pg_namespace an ON an.oid = ac.relnamespace \
         WHERE c.relispartition AND a.id <> c.oid AND (n.nspname, c.relname) IN (",
    );
    for (n, table) in tables.iter().enumerate() {
        let (comma, schema, name) = (separator(n), literal(table.schema()), literal(table.table()));
        // Writing to a String cannot fail.
        let _ = write!(sql, "{comma}({schema}, {name})");
    }
    sql.push_str(") ORDER BY c.oid, a.depth");
    sql
}

/// Which patterns of a filter name no table: one row with the index of each. `None`: there is nothing
/// to ask.
pub(crate) fn empty_patterns(filter: &TableFilter) -> Option<String> {
    if filter.is_empty() {
        return None;
    }
    let mut sql = String::from("SELECT p.i FROM (VALUES ");
    for (n, pattern) in filter.patterns().iter().enumerate() {
        let part = |name: Option<&str>| name.map_or("NULL".into(), literal);
        let (comma, schema, table) = (separator(n), part(pattern.schema()), part(pattern.table()));
        let _ = write!(sql, "{comma}({n}, {schema}::pg_catalog.name, {table}::pg_catalog.name)");
    }
    sql.push_str(
        ") AS p (i, s, t) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm') \
         AND (p.s IS NULL OR n.nspname = p.s) AND (p.t IS NULL OR c.relname = p.t))",
    );
    Some(sql)
}

/// The pattern that a row of [`empty_patterns`] is about.
pub(crate) fn pattern_of<'a>(filter: &'a TableFilter, index: &str) -> Option<&'a TablePattern> {
    filter.patterns().get(index.parse::<usize>().ok()?)
}

fn separator(n: usize) -> &'static str {
    if n > 0 { ", " } else { "" }
}

/// With a backslash inside, a plain literal means what `standard_conforming_strings` says; this one
/// does not.
fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E{}", quote_literal(&text.replace('\\', "\\\\")))
    } else {
        quote_literal(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        let tables = [TableName::new("it's", "a\\b"), TableName::new("s", "t")];
        assert!(
            testimony(&tables, true).contains("IN (('it''s', E'a\\\\b'), ('s', 't'))"),
            "{}",
            testimony(&tables, true)
        );
        assert_eq!(testimony(&[], true), "EXECUTE testimony");
    }

    #[test]
    fn each_pattern_is_asked_for_once() {
        let filter: TableFilter =
            ["s.t", "*.\"T'\""].iter().map(|p| p.parse::<TablePattern>().unwrap()).collect();
        let sql = empty_patterns(&filter).unwrap();
        assert!(
            sql.contains("(0, 's'::pg_catalog.name, 't'::pg_catalog.name), (1, NULL::pg_catalog.name, 'T'''"),
            "{sql}"
        );
        assert_eq!(empty_patterns(&TableFilter::default()), None);
        assert_eq!(pattern_of(&filter, "1").unwrap().table(), Some("T'"));
        assert!(pattern_of(&filter, "2").is_none() && pattern_of(&filter, "x").is_none());
    }
}
