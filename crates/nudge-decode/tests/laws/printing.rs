//! Prints as the server and its plugins do; bytes, since names need not be UTF-8.

use proptest::prelude::*;

/// A name, often of the characters that mean something in one of the notations.
pub(crate) fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,9}", r#"[a-z".,:*\\ \n\t{}\[\]äß🧀]{1,12}"#, "[^\0]{1,20}",]
}

/// As PostgreSQL's `quote_identifier` does, `always` with quote_all_identifiers.
pub(crate) fn quote_identifier(name: impl AsRef<[u8]>, always: bool) -> Vec<u8> {
    let name = name.as_ref();
    let bare = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if !always && name.iter().all(bare) && !name[0].is_ascii_digit() {
        return name.to_owned();
    }
    let mut quoted = vec![b'"'];
    for byte in name {
        quoted.extend((*byte == b'"').then_some(b'"').into_iter().chain([*byte]));
    }
    quoted.push(b'"');
    quoted
}

/// As PostgreSQL's `escape_json` does.
pub(crate) fn escape_json(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut json = vec![b'"'];
    for byte in text.as_ref() {
        match byte {
            8 => json.extend(b"\\b"),
            12 => json.extend(b"\\f"),
            b'\n' => json.extend(b"\\n"),
            b'\r' => json.extend(b"\\r"),
            b'\t' => json.extend(b"\\t"),
            b'"' | b'\\' => json.extend([b'\\', *byte]),
            b' '.. => json.push(*byte),
            _ => json.extend(format!("\\u{byte:04x}").bytes()),
        }
    }
    json.push(b'"');
    json
}

/// What test_decoding prints about one table, or about the several of a TRUNCATE.
pub(crate) fn test_decoding_change<N: AsRef<[u8]>>(tables: &[(N, N)], always: bool, tail: &str) -> Vec<u8> {
    let quote = |name: &N| quote_identifier(name, always);
    let names: Vec<_> = tables.iter().map(|(s, t)| [quote(s), quote(t)].join(&b"."[..])).collect();
    let action = if tables.len() == 1 { "UPDATE" } else { "TRUNCATE" };
    [b"table ", &*names.join(&b", "[..]), format!(": {action}: {tail}").as_bytes()].concat()
}

/// What wal2json prints about one table.
pub(crate) fn wal2json_change(
    action: &str,
    scalars: &str,
    schema: impl AsRef<[u8]>,
    table: impl AsRef<[u8]>,
    tail: impl AsRef<[u8]>,
) -> Vec<u8> {
    let (schema, table) = (escape_json(schema), escape_json(table));
    let head = format!("{{\"action\":\"{action}\"{scalars},\"schema\":");
    [head.as_bytes(), &schema, b",\"table\":", &table, tail.as_ref()].concat()
}

/// The members that wal2json's options can put before the schema.
pub(crate) fn any_scalars() -> impl Strategy<Value = String> {
    let time = Just(r#","timestamp":"2026-11-22 14:43:05.05+00","origin":0"#.to_owned());
    let lsn = Just(r#","xid":9,"lsn":"0/1DA3048","nextlsn":"0/1DA3270""#.to_owned());
    prop_oneof![Just(String::new()), any::<u32>().prop_map(|xid| format!(",\"xid\":{xid}")), time, lsn]
}

/// A transactional message with our prefix, as test_decoding and wal2json print it.
pub(crate) fn nudges(content: impl AsRef<[u8]>) -> [Vec<u8>; 2] {
    let content = content.as_ref();
    let head = format!("message: transactional: 1 prefix: pgnudge, sz: {} content:", content.len());
    let json = br#"{"action":"M","xid":7,"transactional":true,"prefix":"pgnudge","content":"#;
    [[head.as_bytes(), content].concat(), [&json[..], &escape_json(content), b"}"].concat()]
}

/// A list of columns as wal2json prints it: `,"columns":[{"name":"id","value":1}]`.
pub(crate) fn columns(member: &str, columns: &[(String, Option<String>)]) -> Vec<u8> {
    let column = |(name, value): &(String, Option<String>)| {
        let value = value.iter().map(|value| format!(",\"value\":{value}")).collect::<String>();
        [b"{\"name\":", &*escape_json(name), value.as_bytes(), b"}"].concat()
    };
    let columns: Vec<_> = columns.iter().map(column).collect();
    [format!(",\"{member}\":[").as_bytes(), &columns.join(&b","[..]), b"]"].concat()
}
