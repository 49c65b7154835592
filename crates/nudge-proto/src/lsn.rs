//! Positions in the write-ahead log.

use core::fmt;
use core::str::FromStr;

/// A log sequence number: a byte position in PostgreSQL's write-ahead log.
///
/// Its text is two hexadecimal halves, `16/B374D848` ([manual][pg_lsn]). Some servers pad the second
/// half with zeros (`0/01B90B00`), so positions are compared as numbers and never as text.
///
/// ```
/// use nudge_proto::Lsn;
/// let lsn: Lsn = "0/01B90B00".parse()?;
/// assert_eq!(lsn.to_string(), "0/1B90B00");
/// assert!(lsn > Lsn::ZERO);
/// # Ok::<(), nudge_proto::ParseLsnError>(())
/// ```
///
/// [pg_lsn]: https://www.postgresql.org/docs/current/datatype-pg-lsn.html
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(u64);

impl Lsn {
    /// `0/0`, which PostgreSQL reads as "no position".
    pub const ZERO: Self = Self(0);

    /// The position `bytes` bytes into the log.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The position as a number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Lsn {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<Lsn> for u64 {
    fn from(lsn: Lsn) -> Self {
        lsn.0
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, ParseLsnError> {
        let (high, low) = text.split_once('/').ok_or(ParseLsnError)?;
        Ok(Self(u64::from(half(high)?) << 32 | u64::from(half(low)?)))
    }
}

/// As its text, `16/B374D848`.
#[cfg(feature = "serde")]
impl serde::Serialize for Lsn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Lsn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::string::String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One to eight hexadecimal digits; `from_str_radix` alone would take a sign.
fn half(digits: &str) -> Result<u32, ParseLsnError> {
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ParseLsnError);
    }
    u32::from_str_radix(digits, 16).map_err(|_| ParseLsnError)
}

/// The text is not two hexadecimal halves around a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a log position: expected hexadecimal like 16/B374D848")]
pub struct ParseLsnError;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn text_outside_the_grammar_is_refused() {
        for text in ["", "/", "0", "0/", "/0", "+1/0", "0/-1", "0/123456789", "0/0/0", "g/0", " 0/0"] {
            assert_eq!(text.parse::<Lsn>(), Err(ParseLsnError), "{text:?}");
        }
    }

    #[test]
    fn padded_text_is_the_same_position() {
        assert_eq!("0/01B90B00".parse(), Ok(Lsn::new(0x1B9_0B00)));
    }

    proptest! {
        #[test]
        fn text_round_trips(n: u64) {
            prop_assert_eq!(Lsn::new(n).to_string().parse(), Ok(Lsn::new(n)));
        }
    }
}
