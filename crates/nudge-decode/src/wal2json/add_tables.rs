//! A filter as the value of wal2json's option `add-tables`: the server then leaves the other
//! tables out, warnings included.
//!
//! The value is a list of `schema.table` with commas between; `*` stands for every schema or
//! every table; a backslash takes the next character literally.

use crate::TableFilter;
use alloc::string::String;

/// The value for `filter`, unless wal2json might choose other tables by it.
pub(super) fn add_tables(filter: &TableFilter) -> Option<String> {
    let mut list = String::new();
    for pattern in filter.patterns() {
        if !list.is_empty() {
            list.push(',');
        }
        push_part(&mut list, pattern.schema())?;
        list.push('.');
        push_part(&mut list, pattern.table())?;
    }
    (!list.is_empty()).then_some(list)
}

/// Appends one name, or `*` for any.
fn push_part(list: &mut String, name: Option<&str>) -> Option<()> {
    let Some(name) = name else {
        list.push('*');
        return Some(());
    };
    if name.bytes().any(may_be_space) {
        return None;
    }
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() && character != '_' {
            list.push('\\');
        }
        list.push(character);
    }
    Some(())
}

/// wal2json splits the list at what the C library takes for white space, byte by byte, and its
/// backslash protects one byte. Some C libraries count these two bytes as white space even
/// within a character of UTF-8 (`à`, `…`), where no backslash can reach them.
fn may_be_space(byte: u8) -> bool {
    matches!(byte, 0x85 | 0xa0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TablePattern;

    /// The expected values were tried on PostgreSQL 15, 17 and 18.
    fn check(patterns: &[&str], expected: Option<&str>) {
        let patterns = patterns.iter().map(|text| text.parse::<TablePattern>().unwrap());
        assert_eq!(add_tables(&patterns.collect()).as_deref(), expected);
    }

    #[test]
    fn lists_names_and_wildcards() {
        check(&["public.orders", "app.*"], Some("public.orders,app.*"));
        check(&["*.my_orders"], Some("*.my_orders"));
        check(&["*.*"], Some("*.*"));
    }

    #[test]
    fn escapes_what_means_something() {
        check(&[r#"public."a, b""#], Some(r"public.a\,\ b"));
        check(&[r#""*"."*""#], Some(r"\*.\*"));
        check(&[r#""We.ird ""S"."back\slash""#], Some(r#"We\.ird\ \"S.back\\slash"#));
        check(&["public.käse"], Some(r"public.k\äse"));
    }

    #[test]
    fn no_filter_and_no_exact_filter_are_not_pushed() {
        check(&[], None);
        check(&["public.orders", "public.à"], None);
    }
}
