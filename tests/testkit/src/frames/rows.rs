//! What answers a simple query: columns, rows, and the end of the command.

use super::{count, frame, text};

/// RowDescription: columns of type text (25), in text format, of no table.
/// ```text
/// 'T' | length | count i16
///     | (name text | table u32 | column i16 | type u32 | size i16 | modifier i32 | format i16) ...
/// ```
#[must_use]
pub fn row_description(columns: &[&str]) -> Vec<u8> {
    let mut body = count(columns.len()).to_vec();
    for name in columns {
        body.extend(text(name));
        body.extend([0; 6]);
        body.extend(25_u32.to_be_bytes());
        body.extend((-1_i16).to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend([0; 2]);
    }
    frame(b'T', &body)
}

/// DataRow; the length of a NULL is -1.
/// ```text
/// 'D' | length | count i16 | (length i32 | value) ...
/// ```
#[must_use]
pub fn data_row(values: &[Option<&str>]) -> Vec<u8> {
    let mut body = count(values.len()).to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(i32::MAX));
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default().bytes());
    }
    frame(b'D', &body)
}

/// CommandComplete: the command and how many rows it touched, such as `SELECT 1`.
/// ```text
/// 'C' | length | tag text
/// ```
#[must_use]
pub fn command_complete(tag: &str) -> Vec<u8> {
    frame(b'C', &text(tag).collect::<Vec<u8>>())
}

/// EmptyQueryResponse: there was no command in the query.
/// ```text
/// 'I' | length
/// ```
#[must_use]
pub fn empty_query_response() -> Vec<u8> {
    frame(b'I', &[])
}
