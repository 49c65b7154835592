//! How the messages about one table begin.
//!
//! Most changes are of a table that has just changed. Its next message begins with the same bytes, up
//! to the end of the table's name; comparing those costs a tenth of reading them again. It is exact:
//! the grammars never look further than they read, so that the same beginning has the same meaning.

use alloc::vec::Vec;

/// The beginning of the messages about one table, and so about its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPrefix {
    before: Vec<u8>,
    /// What follows the transaction's id, where that is printed in the midst of it.
    after: Option<Vec<u8>>,
}

impl RowPrefix {
    /// All of `prefix` is the same in each message.
    pub(crate) fn whole(prefix: &[u8]) -> Self {
        Self { before: prefix.into(), after: None }
    }

    /// All of `prefix` is the same in each message, except for the number that follows its first `at`
    /// bytes, if one does.
    pub(crate) fn around_number(prefix: &[u8], at: usize) -> Self {
        let split =
            prefix.split_at_checked(at).and_then(|(before, rest)| Some((before, behind_number(rest)?)));
        let Some((before, after)) = split else { return Self::whole(prefix) };
        Self { before: before.into(), after: Some(after.into()) }
    }

    /// Whether a message begins so: then [`Decoder::decode`](crate::Decoder::decode) would find in it
    /// what it found in the message that this was taken from.
    #[inline]
    pub fn begins(&self, head: &[u8]) -> bool {
        let Some(rest) = head.strip_prefix(self.before.as_slice()) else { return false };
        let Some(after) = &self.after else { return true };
        behind_number(rest).is_some_and(|rest| rest.starts_with(after))
    }
}

/// What follows the digits at the beginning.
fn behind_number(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(digits..).filter(|_| digits > 0)
}
