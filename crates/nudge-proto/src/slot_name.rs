//! Names of replication slots.

use alloc::string::String;
use core::fmt;

/// A name that PostgreSQL accepts for a replication slot: 1 to 63 lower-case letters, digits and
/// underscores (manual, "Replication Slots").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlotName(String);

impl SlotName {
    /// Checks a name.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSlotName> {
        let name = name.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if (1..=63).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err(InvalidSlotName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no name for a replication slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slot name is 1 to 63 lower-case letters, digits and underscores")]
pub struct InvalidSlotName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_manual_allows() {
        assert!(SlotName::new("pgnudge_1f").is_ok());
        assert!(SlotName::new("a".repeat(63)).is_ok());
        for name in ["", "A", "a-b", "a b", "ä", "a\"b", &"a".repeat(64)] {
            assert_eq!(SlotName::new(name), Err(InvalidSlotName), "{name:?}");
        }
    }
}
