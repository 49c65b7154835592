//! What test_decoding prints, or could.

use nudge_decode::{Decoded, Decoder, Plugin, TableRef};
use nudge_proto::quote_identifier;

use crate::cut_heads::{a_cut_head_is_never_wrong, names};

/// Law: a cut head is never wrong; the tables of a change, printed again, are read again; and names
/// that a user could have given come back as they are.
pub fn test_decoding(message: &[u8]) {
    a_cut_head_is_never_wrong(Plugin::TestDecoding, message);
    let decoder = Decoder::new(Plugin::TestDecoding);
    let decoded = decoder.decode(message, false);
    if let Decoded::Change(identities) = &decoded {
        let action =
            if identities.is_truncation() { "TRUNCATE: (no-flags)" } else { "INSERT: id[integer]:1" };
        let tables: Vec<_> = decoded.identities().iter().map(|identity| print(&identity.table)).collect();
        let printed = format!("table {}: {action}", tables.join(", "));
        assert_eq!(decoder.decode(printed.as_bytes(), false), decoded, "{printed}");
    }
    if let Some((schema, table)) = names(message) {
        let table = TableRef::new(schema, table);
        let printed = format!("table {}: DELETE: (no-tuple-data)", print(&table));
        let expected = Decoded::Change(table.into());
        assert_eq!(decoder.decode(printed.as_bytes(), false), expected, "{printed}");
    }
}

fn print(table: &TableRef<'_>) -> String {
    format!("{}.{}", quote_identifier(&table.schema), quote_identifier(&table.table))
}
