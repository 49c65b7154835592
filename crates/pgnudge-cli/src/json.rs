//! JSON as it goes out: on standard output, to commands, over HTTP, in notifications.
//!
//! A JSON string may hold any character but the controls below U+0020 (RFC 8259, section 7), and a terminal obeys
//! some of the others. Those that a reader cannot see are written as escapes, which mean the same to a parser.

use std::fmt::Write as _;

use pgnudge::is_invisible;
use serde::Serialize;

/// One line.
///
/// # Errors
/// A value that has no JSON form.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escaped)
}

/// JSON with `\\u009b` in the place of the character. Outside of strings JSON has none of them, and within a string
/// the serializer has escaped quotes and backslashes already.
pub(crate) fn escaped(json: String) -> String {
    if !json.contains(is_invisible) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgnudge::{Event, FeedItem, Key, KeyColumn, KeyValue, Lsn, Reason, TableName};
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_cannot_be_seen_is_an_escape_and_means_the_same() {
        let text = "a\n\x1b[2J\u{7f}\u{9b}31m\u{202e}\u{200b}\u{e0041}\\\"ü表";
        let json = line(&text).unwrap();
        let expect = r#""a\n\u001b[2J\u007f\u009b31m\u202e\u200b\udb40\udc41\\\"ü表""#;
        assert_eq!(json, expect);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    /// A line of `pgnudge watch --output json` is an item for programs that read it.
    #[test]
    fn a_line_is_the_item_that_was_told() {
        let seen = SystemTime::UNIX_EPOCH + Duration::from_micros(1);
        let value = KeyValue::Number("1.50".into());
        let key = Key::new(vec![KeyColumn { name: "a\u{202e}b".into(), value }]).unwrap();
        let lsn = Lsn::new(0x16_B374_D848);
        for (item, expect) in [
            (
                FeedItem::Resync { reason: Reason::Reconnected, lsn },
                r#"{"type":"resync","reason":"reconnected","lsn":"16/B374D848"}"#,
            ),
            (
                FeedItem::Batch {
                    events: vec![Event::new(TableName::new("s", "t\u{9b}\n\"x"), seen, 3).with_key(key)],
                    lsn,
                },
                r#"{"type":"batch","lsn":"16/B374D848","events":[{"payload":"s.t\u009b\n\"x:1.50","schema":"s","table":"t\u009b\n\"x","count":3,"first_seen":"1970-01-01T00:00:00.000001Z","pk":[{"name":"a\u202eb","value":1.50}]}]}"#,
            ),
        ] {
            assert_eq!(line(&item).unwrap(), expect);
            assert_eq!(serde_json::from_str::<FeedItem>(expect).unwrap(), item);
        }
    }
}
