//! What an application says comes back as it is.

use crate::printing::{any_name, nudges, quote_identifier};
use nudge_decode::{Decoded, Decoder, Plugin, TableRef, Unreadable};
use proptest::prelude::*;

const PLUGINS: [Plugin; 2] = [Plugin::TestDecoding, Plugin::Wal2Json];

proptest! {
    #[test]
    fn nudges_survive_printing(s in any_name(), t in any_name(), always: bool) {
        let content = [quote_identifier(&s, always), quote_identifier(&t, always)].join(&b'.');
        for (plugin, message) in PLUGINS.into_iter().zip(nudges(content)) {
            let expected = Decoded::Nudge(TableRef::new(&s, &t));
            prop_assert_eq!(Decoder::new(plugin).with_messages().decode(&message, false), expected);
            prop_assert_eq!(Decoder::new(plugin).decode(&message, false), Decoded::Silent);
        }
    }

    /// A content is a table, and the same one for both plugins, or unreadable; never silent.
    #[test]
    fn any_content_of_ours_is_a_nudge_or_unreadable(content in "[a-zA-Z0-9\".* ä$-]{0,8}") {
        let [line, json] = nudges(&content);
        let decoded = Decoder::new(Plugin::TestDecoding).with_messages().decode(&line, false);
        prop_assert!(matches!(decoded, Decoded::Nudge(_) | Decoded::Unreadable(Unreadable::Nudge)));
        prop_assert_eq!(&decoded, &Decoder::new(Plugin::Wal2Json).with_messages().decode(&json, false));
    }

    /// test_decoding prints prefixes as they are. Whatever they hold, none is taken for ours.
    #[test]
    fn other_prefixes_are_never_taken_for_ours(
        prefix in "(pgnudge)?(, sz: [0-9]{1,2} content:)?[a-z\".]{0,3}",
        content in "[a-z\".]{0,5}(, sz: [0-9] content:[a-z\".]{0,9})?"
    ) {
        prop_assume!(prefix != "pgnudge");
        let size = content.len();
        let message = format!("message: transactional: 1 prefix: {prefix}, sz: {size} content:{content}");
        let decoded = Decoder::new(Plugin::TestDecoding).with_messages().decode(message.as_bytes(), false);
        let ambiguous = decoded == Decoded::Unreadable(Unreadable::Ambiguous);
        prop_assert!(decoded == Decoded::Silent || ambiguous, "{message}: {decoded:?}");
    }
}
