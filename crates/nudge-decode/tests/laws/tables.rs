//! Names come back as they are.

use crate::printing::{any_name, any_scalars, test_decoding_change, wal2json_change};
use nudge_decode::{Decoded, Decoder, Plugin, TableRef, Unreadable};
use proptest::prelude::*;

proptest! {
    /// Names come back as they are, and from both plugins the same.
    #[test]
    fn names_survive_printing(
        s in any_name(), t in any_name(), always: bool, scalars in any_scalars()
    ) {
        let expected = Decoded::Change(TableRef::new(&s, &t).into());
        let line = test_decoding_change(&[(&s, &t)], always, "id[integer]:1");
        prop_assert_eq!(&Decoder::new(Plugin::TestDecoding).decode(&line, false), &expected);
        let json = wal2json_change("U", &scalars, &s, &t, ",\"columns\":[");
        prop_assert_eq!(&Decoder::new(Plugin::Wal2Json).decode(&json, false), &expected);
    }

    /// Every table of a TRUNCATE comes back, in order.
    #[test]
    fn tables_survive_a_truncate(names in prop::collection::vec((any_name(), any_name()), 2..5)) {
        let line = test_decoding_change(&names, false, "(no-flags)");
        let Decoded::Change(tables) = Decoder::new(Plugin::TestDecoding).decode(&line, false) else {
            return Err(TestCaseError::fail("no change"));
        };
        let expected: Vec<_> = names.iter().map(|(s, t)| TableRef::new(s, t).into()).collect();
        prop_assert!(tables.is_truncation());
        prop_assert_eq!(tables.as_slice(), expected);
    }

    /// A notice names the right table or says that it cannot; it is never silent about a change.
    #[test]
    fn a_lost_change_is_never_silent(s in any_name(), t in any_name()) {
        let notice = format!(r#"no tuple identifier for DELETE in table "{s}"."{t}""#);
        match Decoder::new(Plugin::Wal2Json).decode_notice(notice.as_bytes(), false) {
            Decoded::Unreadable(Unreadable::Ambiguous) => {
                prop_assert!(s.contains('"') || t.contains('"'));
            }
            decoded => prop_assert_eq!(decoded, Decoded::Change(TableRef::new(&s, &t).into())),
        }
    }
}
