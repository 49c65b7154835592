//! Nudges that a program or a migration sends itself, as transactional logical messages:
//! ```sql
//! SELECT pg_logical_emit_message(true, 'pgnudge', 'public.orders')
//! ```

use crate::{Decoded, TablePattern, Unreadable};
use alloc::borrow::Cow;

/// The nudge that the `content` of a message with our prefix speaks of.
///
/// Names are written as in a pattern. So a bare upper-case letter is refused here too: it might
/// be meant as SQL means it, in lower case, or as it is.
pub(crate) fn application_nudge(content: Result<Cow<'_, str>, Unreadable>) -> Decoded<'static> {
    let table = |content: Cow<'_, str>| content.parse().ok().and_then(TablePattern::into_table);
    match content.map(table) {
        Ok(Some(table)) => Decoded::Nudge(table),
        Ok(None) => Decoded::Unreadable(Unreadable::Nudge),
        Err(why) => Decoded::Unreadable(why),
    }
}
