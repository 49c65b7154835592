//! The tables that are to be watched: do they exist, and do they nudge?

use pgnudge::{Error, Session, TablePattern};

use super::check::Check;

/// The findings about the tables that the patterns name; without patterns about all.
pub(super) async fn look(session: &mut Session, patterns: impl Iterator<Item = &str>) -> Vec<Check> {
    let parsed: Result<Vec<TablePattern>, _> = patterns.map(str::parse).collect();
    let patterns = match parsed {
        Ok(patterns) => patterns,
        Err(error) => return vec![Check::bad("patterns", error.to_string(), error.hint().to_string())],
    };
    let mut checks = Vec::new();
    if !patterns.is_empty() {
        checks.push(
            unmatched(session, &patterns).await.unwrap_or_else(|error| Check::failed("patterns", &error)),
        );
    }
    match kinds(session, &patterns).await {
        Ok(kinds) => checks.extend(kinds.iter().map(Kind::check)),
        Err(error) => checks.push(Check::failed("tables", &error)),
    }
    checks
}

/// A pattern that names nothing is most often a slip of the pen.
async fn unmatched(session: &mut Session, patterns: &[TablePattern]) -> Result<Check, Error> {
    let mut empty = Vec::new();
    for pattern in patterns {
        let question =
            format!("SELECT FROM {TABLES} AND {} LIMIT 1", condition(std::slice::from_ref(pattern)));
        if session.query_catalog(&question).await?.is_empty() {
            empty.push(pattern.to_string());
        }
    }
    if empty.is_empty() {
        return Ok(Check::good("patterns", "each names a table that exists"));
    }
    let fix = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p');  -- check schema, name and case";
    Ok(Check::note("patterns", format!("no table matches {}", empty.join(", ")), fix))
}

async fn kinds(session: &mut Session, patterns: &[TablePattern]) -> Result<Vec<Kind>, Error> {
    let mut found = Vec::new();
    for (kind, which) in KINDS {
        let names = "pg_catalog.format('%I.%I', n.nspname, c.relname)";
        let question = format!(
            "SELECT {names}, pg_catalog.count(*) OVER () FROM {TABLES} AND {} AND {which} ORDER BY 1 LIMIT {EXAMPLES}",
            condition(patterns)
        );
        let rows = session.query_catalog(&question).await?;
        let count = rows.first().and_then(|row| row.get(1)?.as_ref()?.parse().ok()).unwrap_or(0);
        let names = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        found.push(Kind { name: kind, count, names });
    }
    Ok(found)
}

/// Tables of one kind.
struct Kind {
    name: &'static str,
    count: u64,
    names: Vec<String>,
}

impl Kind {
    fn check(&self) -> Check {
        let Self { name, count, names } = self;
        if *count == 0 {
            return Check::good(name, "none");
        }
        let more = if *count > names.len() as u64 { ", ..." } else { "" };
        let which = format!("{count}: {}{more}", names.join(", "));
        let alter: Vec<_> = names.iter().map(|table| format!("ALTER TABLE {table} SET LOGGED;")).collect();
        match *name {
            UNLOGGED => Check::note(name, format!("{which}; they never nudge"), alter),
            FOREIGN => {
                let fix = "watch them with another feed, on the server where they are";
                Check::note(name, format!("{which}; they never nudge"), fix)
            }
            MATERIALIZED => Check::good(
                name,
                format!("{which}; REFRESH MATERIALIZED VIEW CONCURRENTLY nudges, a plain REFRESH never does"),
            ),
            PARTITIONED | INHERITED => {
                Check::good(name, format!("{which}; a change nudges the table itself and each one above it"))
            }
            _ => Check::good(name, format!("{which}; they nudge all the same, with either plugin")),
        }
    }
}

const KEYLESS: &str = "keyless_tables";
const PARTITIONED: &str = "partitioned_tables";
const INHERITED: &str = "inherited_tables";
const MATERIALIZED: &str = "materialized_views";
const UNLOGGED: &str = "unlogged_tables";
const FOREIGN: &str = "foreign_tables";

/// Which tables are of which kind.
const KINDS: [(&str, &str); 6] = [
    (
        KEYLESS,
        "c.relkind = 'r' AND c.relpersistence = 'p' AND c.relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i \
         WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)",
    ),
    (PARTITIONED, "c.relkind = 'p' AND NOT c.relispartition"),
    (
        INHERITED,
        "c.relkind IN ('r', 'f') AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)",
    ),
    (MATERIALIZED, "c.relkind = 'm'"),
    (UNLOGGED, "c.relkind = 'r' AND c.relpersistence = 'u'"),
    (FOREIGN, "c.relkind = 'f'"),
];

/// Everything that a user would call a table.
const TABLES: &str = "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                      WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't' \
                      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";

/// How many are named.
const EXAMPLES: usize = 5;

fn condition(patterns: &[TablePattern]) -> String {
    if patterns.is_empty() {
        return "true".into();
    }
    let one = |pattern: &TablePattern| {
        let part = |column: &str, name: Option<&str>| {
            name.map_or("true".to_owned(), |name| format!("{column} = {}", literal(name)))
        };
        format!("({} AND {})", part("n.nspname", pattern.schema()), part("c.relname", pattern.table()))
    };
    format!("({})", patterns.iter().map(one).collect::<Vec<_>>().join(" OR "))
}

/// It means the same whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_conditions_whatever_they_hold() {
        let patterns = ["public.\"it's\"", "*.\"a\\b\""].map(|pattern| pattern.parse().unwrap());
        let expect = "((n.nspname = E'public' AND c.relname = E'it''s') OR (true AND c.relname = E'a\\\\b'))";
        assert_eq!(condition(&patterns), expect);
        assert_eq!(condition(&[]), "true");
    }

    #[test]
    fn only_tables_that_never_nudge_are_a_failure() {
        let kind = |name, count| Kind { name, count, names: vec!["public.t".into()] };
        assert!(KINDS.iter().all(|(name, _)| kind(name, 0).check().ok));
        assert_eq!(kind(UNLOGGED, 1).check().fix.unwrap().0, ["ALTER TABLE public.t SET LOGGED;"]);
        assert_eq!(kind(FOREIGN, 7).check().detail, "7: public.t, ...; they never nudge");
        for fine in [KEYLESS, PARTITIONED, INHERITED, MATERIALIZED] {
            assert!(kind(fine, 1).check().ok, "{fine}");
        }
    }
}
