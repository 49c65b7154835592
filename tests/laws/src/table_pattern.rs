//! The tables that a user wants.

use nudge_decode::{Decoder, Plugin, TableFilter, TablePattern, TableRef};
use nudge_proto::quote_identifier;

use crate::cut_heads::names;

/// Law: a pattern reads back as it is written, or is an error with a hint; quoted names mean these
/// names; and the filter that the server gets chooses what the pattern chooses.
pub fn table_pattern(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    for text in text.split(';') {
        match text.parse::<TablePattern>() {
            Ok(pattern) => means_the_same_everywhere(&pattern),
            Err(error) => assert!(!error.hint().is_empty(), "no hint for {text:?}"),
        }
    }
    if let Some((schema, table)) = names(text.as_bytes()) {
        let quoted = format!("{}.{}", quote_identifier(&schema), quote_identifier(&table));
        let pattern: TablePattern = quoted.parse().unwrap();
        assert_eq!((pattern.schema(), pattern.table()), (Some(&*schema), Some(&*table)));
        means_the_same_everywhere(&pattern);
    }
}

fn means_the_same_everywhere(pattern: &TablePattern) {
    assert_eq!(pattern.to_string().parse().as_ref(), Ok(pattern));
    // What it leaves open may be anything, an asterisk too.
    let named = |name: Option<&str>| name.unwrap_or("*").to_owned();
    let table = TableRef::new(named(pattern.schema()), named(pattern.table()));
    assert!(pattern.matches(&table));
    let another = TableRef::new(format!("{}x", table.schema), table.table.clone());
    assert_eq!(pattern.matches(&another), pattern.schema().is_none());

    let filter: TableFilter = [pattern.clone(), pattern.clone()].into_iter().collect();
    let options = Decoder::new(Plugin::Wal2Json).options(&filter);
    let pushed = options.iter().find(|(name, _)| *name == "add-tables");
    if let Some((_, list)) = pushed {
        let expected = (pattern.schema().map(Vec::from), pattern.table().map(Vec::from));
        assert_eq!(as_wal2json_reads(list.as_bytes()), [expected.clone(), expected], "{list:?}");
    }
}

type Part = Option<Vec<u8>>;

/// How wal2json reads its option: names between commas, white space ends the list, a backslash takes
/// the next byte as it is, a lone asterisk is any.
fn as_wal2json_reads(list: &[u8]) -> Vec<(Part, Part)> {
    let (mut tables, mut parts, mut raw, mut name) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bytes = list.iter().copied().chain([b',']);
    while let Some(byte) = bytes.next() {
        assert!(!byte.is_ascii_whitespace() && !matches!(byte, 0x0b | 0x85 | 0xa0), "it ends here: {list:?}");
        match byte {
            b'.' | b',' => {
                let raw = std::mem::take(&mut raw);
                parts.push((raw != b"*").then(|| std::mem::take(&mut name)));
                name.clear();
                if byte == b',' {
                    let [schema, table] = std::mem::take(&mut parts).try_into().expect("two names");
                    tables.push((schema, table));
                }
            }
            b'\\' => {
                raw.push(byte);
                let byte = bytes.next().unwrap();
                raw.push(byte);
                name.push(byte);
            }
            byte => {
                raw.push(byte);
                name.push(byte);
            }
        }
    }
    tables
}
