//! Which tables a subscriber copies, and by which patterns it asks for them.

use crate::consistency::tables;

/// What a subscriber's filter looks like. A filter always lets the mark through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// None: every table nudges.
    None,
    /// `public.*`
    Schema,
    /// `public.table`, for each table of the scope.
    Tables,
    /// `*.table`, for each.
    AnySchema,
}

/// The tables of which a copy is held and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) filter: Filter,
    /// Names in the schema `public`, without quotes. `None`: every table that the filter lets through.
    pub(crate) names: Option<&'static [&'static str]>,
}

impl Scope {
    /// The patterns of the filter; empty: all tables.
    pub(crate) fn patterns(&self) -> Vec<String> {
        let names = self.names.unwrap_or(tables::FILTERED);
        match self.filter {
            Filter::None => Vec::new(),
            Filter::Schema => vec!["public.*".to_owned()],
            Filter::Tables => names.iter().map(|name| format!("public.{name}")).collect(),
            Filter::AnySchema => names.iter().map(|name| format!("*.{name}")).collect(),
        }
    }

    /// Whether a table is in it.
    pub(crate) fn contains(&self, schema: &str, table: &str) -> bool {
        let named = |names: &[&str]| schema == "public" && names.contains(&table);
        match (self.filter, self.names) {
            (_, Some(names)) => named(names),
            (Filter::None, None) => true,
            (Filter::Schema, None) => schema == "public",
            (Filter::Tables | Filter::AnySchema, None) => named(tables::FILTERED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_what_the_patterns_let_through() {
        let check = |filter, patterns: &[&str], inside: &[(&str, &str)], outside: &[(&str, &str)]| {
            let scope = Scope { filter, names: Some(&["mark", "root"]) };
            assert_eq!(scope.patterns(), patterns);
            assert!(inside.iter().all(|(schema, table)| scope.contains(schema, table)), "{filter:?}");
            assert!(!outside.iter().any(|(schema, table)| scope.contains(schema, table)), "{filter:?}");
        };
        let (mark, root, leaf) = (("public", "mark"), ("public", "root"), ("side", "leaf"));
        check(Filter::None, &[], &[mark, root], &[leaf]);
        check(Filter::Schema, &["public.*"], &[mark, root], &[leaf]);
        check(Filter::Tables, &["public.mark", "public.root"], &[mark, root], &[("public", "leaf")]);
        check(Filter::AnySchema, &["*.mark", "*.root"], &[mark, root], &[("side", "root")]);
    }
}
