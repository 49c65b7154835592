//! The replication commands that a temporary logical slot needs, correctly quoted (manual,
//! "Streaming Replication Protocol").

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use core::ffi::CStr;
use core::fmt::Write as _;

use crate::{Lsn, SlotName};

/// A text that is sent to the server contains a zero byte, which would end it early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a zero byte cannot be part of a command")]
pub struct ZeroByte;

/// `CREATE_REPLICATION_SLOT … TEMPORARY LOGICAL`: a slot that ends with the connection.
///
/// It asks for no snapshot: nobody reads one, and exporting it would hold a transaction open.
/// Answers with one row: name, consistent point, snapshot (NULL), plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTemporarySlot(CString);

impl CreateTemporarySlot {
    /// For PostgreSQL 15 and later; `plugin` is the output plugin's name.
    pub fn new(slot: &SlotName, plugin: &str) -> Result<Self, ZeroByte> {
        let (slot, plugin) = (quote_identifier(slot.as_str()), quote_identifier(plugin));
        command(format!("CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL {plugin} (SNAPSHOT 'nothing')"))
            .map(Self)
    }

    /// The command's text, for [`Session::query`](crate::Session::query).
    pub fn as_sql(&self) -> &CStr {
        &self.0
    }
}

/// `START_REPLICATION SLOT … LOGICAL`: from here on the connection is a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReplication(CString);

impl StartReplication {
    /// Starts at the slot's own position (`0/0`) or at a later one. `options` go to the output
    /// plugin, name and value.
    pub fn logical<N: AsRef<str>, V: AsRef<str>>(
        slot: &SlotName,
        from: Lsn,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ZeroByte> {
        let mut sql = format!("START_REPLICATION SLOT {} LOGICAL {from}", quote_identifier(slot.as_str()));
        let mut separator = " (";
        for (name, value) in options {
            let (name, value) = (quote_identifier(name.as_ref()), quote_literal(value.as_ref()));
            // Writing to a String cannot fail.
            let _ = write!(sql, "{separator}{name} {value}");
            separator = ", ";
        }
        if separator == ", " {
            sql.push(')');
        }
        command(sql).map(Self)
    }

    /// The command's text.
    pub fn as_sql(&self) -> &CStr {
        &self.0
    }
}

/// `SET name = 'value'`: a setting for the session, sent as a query. Poolers refuse settings that
/// they do not know in the startup message, and pass these on.
pub fn set(name: &str, value: &str) -> Result<CString, ZeroByte> {
    command(format!("SET {} = {}", quote_identifier(name), quote_literal(value)))
}

/// `"name"`, with quotes inside doubled. Always quoted, so that no word is a keyword.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `'text'`, with quotes inside doubled. The replication grammar has no backslash escapes, nor has
/// SQL under `standard_conforming_strings`, the default since PostgreSQL 9.1.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn command(sql: String) -> Result<CString, ZeroByte> {
    CString::new(sql).map_err(|_| ZeroByte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> SlotName {
        SlotName::new("s").unwrap()
    }

    #[test]
    fn commands_are_as_the_manual_writes_them() {
        let create = CreateTemporarySlot::new(&slot(), "test_decoding").unwrap();
        let expect =
            c"CREATE_REPLICATION_SLOT \"s\" TEMPORARY LOGICAL \"test_decoding\" (SNAPSHOT 'nothing')";
        assert_eq!(create.as_sql(), expect);
        let start = |options: &[(&str, &str)]| {
            StartReplication::logical(&slot(), Lsn::ZERO, options.iter().copied()).unwrap()
        };
        assert_eq!(start(&[]).as_sql(), c"START_REPLICATION SLOT \"s\" LOGICAL 0/0");
        let expect = c"START_REPLICATION SLOT \"s\" LOGICAL 0/0 (\"a-b\" '1', \"q\"\"\" 'it''s \\')";
        assert_eq!(start(&[("a-b", "1"), ("q\"", "it's \\")]).as_sql(), expect);
        assert_eq!(set("lock_timeout", "5s").unwrap().as_c_str(), c"SET \"lock_timeout\" = '5s'");
    }

    #[test]
    fn a_zero_byte_is_refused_and_does_not_cut_the_command() {
        assert_eq!(set("a", "b\0c"), Err(ZeroByte));
        assert_eq!(CreateTemporarySlot::new(&slot(), "x\0"), Err(ZeroByte));
        assert_eq!(StartReplication::logical(&slot(), Lsn::ZERO, [("a", "\0")]), Err(ZeroByte));
    }
}
