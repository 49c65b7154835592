//! What the server is asked in SQL, apart from the session's settings.

use std::sync::Arc;

use nudge_decode::{TableFilter, TablePattern};
use nudge_proto::quote_literal;

use crate::TableName;

/// The first statement of every session that is ours alone. A role or a database may set a `search_path` in which
/// functions and operators of another schema come before those of PostgreSQL.
pub(crate) const SEARCH_PATH: &str = "SET search_path TO pg_catalog, pg_temp; ";

/// The same for one transaction, where a session may be shared with others: nothing is left in it.
pub(crate) const SEARCH_PATH_LOCAL: &str = "SET LOCAL search_path TO pg_catalog, pg_temp; ";

/// In front of whatever takes a snapshot, in the transaction of one message: on a standby one that is serializable
/// cannot be had, and a database may ask for that.
pub(crate) const READ_COMMITTED: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; ";

/// What [`ServerView`](crate::policy::server_view::ServerView) reads, apart from the lineage: one row per
/// transaction in progress, and one row if there is none.
///
/// What stands behind the snapshot is read after it was taken: so the positions are not before what it sees.
/// `age('3')` is the way to the next transaction id that gives none out.
///
/// The last but one column tells whether a table that `watched` lets through lies above another one. Parents are
/// few, so they are found one by one in their index, and `OFFSET 0` keeps the planner from reading all of `pg_class`
/// for them. Those of indexes are none, and temporary children do not matter, since these are not decoded.
pub(crate) fn view(watched: &TableFilter) -> String {
    let passes = if watched.is_empty() {
        "true".into()
    } else {
        let patterns = patterns(watched, str::is_ascii);
        format!(
            "EXISTS (SELECT FROM {patterns} \
             WHERE (p.s IS NULL OR p.s = ns.nspname) AND (p.t IS NULL OR p.t = c.relname))"
        )
    };
    format!(
        "SELECT pg_catalog.pg_snapshot_xmax(s), pg_catalog.pg_snapshot_xmin(s), pg_catalog.age('3'::pg_catalog.xid), \
         CASE WHEN r THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, \
         CASE WHEN r THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_insert_lsn() END, \
         r, pg_catalog.current_setting('synchronous_standby_names'), EXISTS (WITH RECURSIVE parents (id) AS (\
         SELECT pg_catalog.min(inhparent) FROM pg_catalog.pg_inherits UNION ALL \
         SELECT (SELECT pg_catalog.min(inhparent) FROM pg_catalog.pg_inherits WHERE inhparent > id) \
         FROM parents WHERE id IS NOT NULL) \
         SELECT FROM parents CROSS JOIN LATERAL (SELECT relname, relnamespace FROM pg_catalog.pg_class \
         WHERE oid = id AND relkind IN ('r', 'p', 'f') OFFSET 0) c \
         JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace WHERE {passes} AND EXISTS (\
         SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class k ON k.oid = i.inhrelid \
         WHERE i.inhparent = id AND k.relpersistence <> 't')), x \
         FROM pg_catalog.pg_current_snapshot() AS s CROSS JOIN pg_catalog.pg_is_in_recovery() AS r \
         LEFT JOIN LATERAL pg_catalog.pg_snapshot_xip(s) AS x ON true"
    )
}

/// The tables of the arrays `schemas` and `names`, and what lies above each, nearest first: the place in the
/// arrays, a name, and whether it has partitions (an inheritance parent has none, and is told like them).
///
/// The last column has the transactions that wrote a part of the catalog on which the answer rests, if they
/// are not older than `oldest`: the name of the table (that of its row type, which little else writes, and of
/// its schema), and its columns (which lose a mark when the table is detached or disinherited). An age is counted
/// from one moment for the whole question, so that of a later transaction is less than 1; a row that was frozen
/// long ago may have the id of one to come, but not of one so near.
fn lineage(schemas: &str, names: &str, oldest: &str) -> String {
    format!(
        "WITH RECURSIVE up (n, depth, id) AS (SELECT a.n, 0, c.oid \
         FROM ROWS FROM (pg_catalog.unnest({schemas}), pg_catalog.unnest({names})) WITH ORDINALITY AS a (s, t, n) \
         JOIN pg_catalog.pg_namespace ns ON ns.nspname = a.s \
         JOIN pg_catalog.pg_class c ON c.relnamespace = ns.oid AND c.relname = a.t \
         UNION SELECT u.n, u.depth + 1, i.inhparent \
         FROM up u JOIN pg_catalog.pg_inherits i ON i.inhrelid = u.id) \
         SELECT u.n, ns.nspname, c.relname, c.relkind = 'p', pg_catalog.array_to_string(ARRAY(SELECT x.xmin FROM (SELECT ns.xmin \
         UNION ALL SELECT t.xmin FROM pg_catalog.pg_type t WHERE t.oid = c.reltype \
         UNION ALL SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) x \
         WHERE pg_catalog.age(x.xmin) BETWEEN -1000000 AND pg_catalog.age({oldest})), ',') \
         FROM up u JOIN pg_catalog.pg_class c ON c.oid = u.id \
         JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace ORDER BY u.n, u.depth"
    )
}

/// What the second session is asked beside the view, as statements without rows for the stream's own session: a role
/// that lacks a right to it is refused there, and not late with each item. The server checks the rights to a statement
/// as it starts to run it, whatever rows there are. `lineage`: whether names are looked up.
pub(crate) fn rights(lineage: bool) -> String {
    let process = "SELECT WHERE pg_catalog.pg_backend_pid() IS NULL";
    if !lineage {
        return process.into();
    }
    let nothing = "'{}'::pg_catalog.name[]";
    format!("{process}; {}", self::lineage(nothing, nothing, "'3'::pg_catalog.xid"))
}

/// Planning costs the server more than running: so both statements are prepared once per session.
pub(crate) fn prepare(view: &str) -> String {
    let lineage = lineage("$1", "$2", "$3");
    format!(
        "PREPARE pgnudge_view AS {view}; PREPARE pgnudge_lineage \
         (pg_catalog.name[], pg_catalog.name[], pg_catalog.xid) AS {lineage}"
    )
}

/// What can be seen, and what lies above the tables. `oldest`: the oldest transaction of interest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) tables: Arc<[TableName]>,
    pub(crate) oldest: u32,
}

impl Question {
    /// In a session where the statements are [prepared](prepare).
    pub(crate) fn prepared(&self) -> String {
        if self.tables.is_empty() {
            return "EXECUTE pgnudge_view".into();
        }
        let [schemas, names, oldest] = self.arguments();
        format!("EXECUTE pgnudge_view; EXECUTE pgnudge_lineage ({schemas}, {names}, {oldest})")
    }

    /// In a session that is shared with others, which must find nothing of ours in it: what is set is set for
    /// this one transaction, and nothing is prepared.
    pub(crate) fn whole(&self, view: &str) -> String {
        if self.tables.is_empty() {
            return format!("{READ_COMMITTED}{SEARCH_PATH_LOCAL}{view}");
        }
        let [schemas, names, oldest] = self.arguments();
        let [schemas, names] = [schemas, names].map(|array| format!("{array}::pg_catalog.name[]"));
        let lineage = lineage(&schemas, &names, &format!("{oldest}::pg_catalog.xid"));
        format!("{READ_COMMITTED}{SEARCH_PATH_LOCAL}{view}; {lineage}")
    }

    fn arguments(&self) -> [String; 3] {
        let array = |name: &dyn Fn(&TableName) -> &str| {
            let elements: Vec<_> = self.tables.iter().map(|table| element(name(table))).collect();
            literal(&format!("{{{}}}", elements.join(",")))
        };
        [array(&TableName::schema), array(&TableName::table), literal(&self.oldest.to_string())]
    }
}

/// An element of an array in text form (manual, "Array Input and Output Syntax").
fn element(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Which patterns of a filter name no table: one row with the index of each. `None`: there is nothing
/// to ask.
pub(crate) fn empty_patterns(filter: &TableFilter) -> Option<String> {
    if filter.is_empty() {
        return None;
    }
    let patterns = patterns(filter, |_| true);
    Some(format!(
        "SELECT p.i FROM {patterns} WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm') \
         AND (p.s IS NULL OR n.nspname = p.s) AND (p.t IS NULL OR c.relname = p.t))"
    ))
}

/// The patterns as a table of their index, schema and table; NULL stands for any name, also for one that
/// is not to be kept: not every database can be told every name.
fn patterns(filter: &TableFilter, keep: impl Fn(&str) -> bool) -> String {
    let part = |name: Option<&str>| name.filter(|name| keep(name)).map_or("NULL".into(), literal);
    let row = |(n, pattern): (usize, &TablePattern)| {
        let (schema, table) = (part(pattern.schema()), part(pattern.table()));
        format!("({n}, {schema}::pg_catalog.name, {table}::pg_catalog.name)")
    };
    let rows: Vec<_> = filter.patterns().iter().enumerate().map(row).collect();
    format!("(VALUES {}) AS p (i, s, t)", rows.join(", "))
}

/// The pattern that a row of [`empty_patterns`] is about.
pub(crate) fn pattern_of<'a>(filter: &'a TableFilter, index: &str) -> Option<&'a TablePattern> {
    filter.patterns().get(index.parse::<usize>().ok()?)
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

    fn question(tables: &[TableName]) -> Question {
        Question { tables: tables.into(), oldest: 700 }
    }

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        let tables = [TableName::new("it's", "a\\b"), TableName::new("$3", "\"{$2},")];
        let arguments = r#"('{"it''s","$3"}', E'{"a\\\\b","\\"{$2},"}', '700')"#;
        assert_eq!(
            question(&tables).prepared(),
            format!("EXECUTE pgnudge_view; EXECUTE pgnudge_lineage {arguments}")
        );
        let whole = question(&tables).whole("SELECT 1");
        assert!(whole.contains(r#"unnest('{"it''s","$3"}'::pg_catalog.name[])"#), "{whole}");
        assert!(whole.contains(r#"unnest(E'{"a\\\\b","\\"{$2},"}'::pg_catalog.name[])"#), "{whole}");
        assert!(whole.contains("pg_catalog.age('700'::pg_catalog.xid)"), "{whole}");
    }

    /// A list of pairs is a tree to the server's parser, which has a limit of depth (54001 at some 6,000 pairs).
    #[test]
    fn thousands_of_tables_are_two_constants() {
        let tables: Vec<_> = (0..10_000).map(|n| TableName::new("s", &format!("t{n}"))).collect();
        let sql = question(&tables).prepared();
        assert_eq!((sql.matches('(').count(), sql.matches("'{").count()), (1, 2));
    }

    #[test]
    fn a_shared_session_keeps_nothing() {
        for sql in [question(&[]).whole("SELECT 1"), question(&[TableName::new("s", "t")]).whole("SELECT 1")]
        {
            assert!(
                sql.starts_with(&format!(
                    "{READ_COMMITTED}SET LOCAL search_path TO pg_catalog, pg_temp; SELECT"
                )),
                "{sql}"
            );
            assert!(!sql.contains("PREPARE") && !sql.contains("EXECUTE"), "{sql}");
        }
        assert_eq!(question(&[]).prepared(), "EXECUTE pgnudge_view");
    }

    /// What a database's encoding cannot say would be an error there, and no feed.
    #[test]
    fn parents_are_those_that_the_filter_lets_through_or_more() {
        let filter: TableFilter =
            ["s.t", "*.\"größe\""].iter().map(|p| p.parse::<TablePattern>().unwrap()).collect();
        let sql = view(&filter);
        assert!(
            sql.contains(
                "(0, 's'::pg_catalog.name, 't'::pg_catalog.name), (1, NULL::pg_catalog.name, NULL::"
            ),
            "{sql}"
        );
        assert!(sql.is_ascii() && !view(&TableFilter::default()).contains("VALUES"));
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
