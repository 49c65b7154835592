//! What holds for both plugins, and for the notices of their servers.

use nudge_decode::{Decoded, Decoder, Plugin, ServerEncoding, Unreadable};

/// Asserts that a cut head is equal to the whole, or to the tables of the whole, or unreadable; that
/// keys and messages, when asked for, change nothing about the tables; and that nothing is named that
/// has no name.
pub(crate) fn a_cut_head_is_never_wrong(plugin: Plugin, message: &[u8]) {
    let plain = Decoder::new(plugin);
    let all = plain.with_keys().with_messages();
    let foreign = all.with_encoding(ServerEncoding::from_name("EUC_JP"));
    for decoder in [plain, all, foreign] {
        for decode in [Decoder::decode, Decoder::decode_notice] {
            let whole = decode(&decoder, message, false);
            everything_has_a_name(&whole);
            for end in cuts(message.len()) {
                let head = decode(&decoder, &message[..end], true);
                let fits = head == whole
                    || head == tables_of(&whole)
                    || head == Decoded::Unreadable(Unreadable::Cut);
                assert!(fits, "{decoder:?}, cut at {end}: {head:?} instead of {whole:?}");
            }
        }
    }
    match plain.decode(message, false) {
        Decoded::Silent => {} // An application's nudge, perhaps.
        decoded => assert_eq!(tables_of(&all.decode(message, false)), decoded),
    }
}

/// Every cut of a short message, and some of a long one: looking at all of them takes the square of
/// its length.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length.min(256)).chain((256..length).step_by(31))
}

/// The same change without keys.
fn tables_of<'a>(decoded: &Decoded<'a>) -> Decoded<'a> {
    match decoded {
        Decoded::Change(rows) if rows.as_slice()[0].key.is_some() => {
            Decoded::Change(rows.as_slice()[0].table.clone().into())
        }
        decoded => decoded.clone(),
    }
}

fn everything_has_a_name(decoded: &Decoded<'_>) {
    let changes = matches!(decoded, Decoded::Change(_));
    assert_eq!(changes, !decoded.identities().is_empty());
    for identity in decoded.identities() {
        assert!(!identity.table.schema.is_empty() && !identity.table.table.is_empty());
        assert!(identity.key.as_ref().is_none_or(|key| !key.columns().is_empty()));
    }
}

/// Two names out of any bytes: what a user could have called a schema and a table.
pub(crate) fn names(bytes: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(bytes).replace('\0', "");
    let (schema, table) = text.split_once('\n')?;
    (!schema.is_empty() && !table.is_empty()).then(|| (schema.to_owned(), table.to_owned()))
}
