//! Patterns mean what they say.

use crate::printing::{any_name, quote_identifier};
use nudge_decode::{PatternError, TablePattern, TableRef};
use proptest::prelude::*;

proptest! {
    /// A pattern of quoted names means these names, and what it writes reads back the same.
    #[test]
    fn patterns_survive_writing(s in any_name(), t in any_name(), always: bool) {
        let text = [quote_identifier(&s, always), quote_identifier(&t, always)].join(&b'.');
        let pattern: TablePattern = str::from_utf8(&text)?.parse()?;
        prop_assert_eq!((pattern.schema(), pattern.table()), (Some(s.as_str()), Some(t.as_str())));
        prop_assert_eq!(pattern.to_string().parse(), Ok::<_, PatternError>(pattern.clone()));
        prop_assert!(pattern.matches(TableRef::new(&s, &t)));
        prop_assert_eq!(TablePattern::from((s.as_str(), t.as_str())), pattern);
    }

    /// Any text is a pattern that survives writing, or an error with a hint; never a panic.
    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "[a-zA-Z0-9\".*\0 ä$-]{0,8}") {
        match text.parse::<TablePattern>() {
            Ok(pattern) => {
                let read_back = pattern.to_string().parse();
                prop_assert_eq!(read_back, Ok::<_, PatternError>(pattern));
            }
            Err(error) => prop_assert!(!error.hint().is_empty()),
        }
    }
}
