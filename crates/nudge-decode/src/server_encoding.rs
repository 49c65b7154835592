//! The encoding of a database, in which plugins print whatever `client_encoding` may be (manual,
//! 23.3 "Character Set Support").
//!
//! A name has to come out as the server itself converts it to UTF-8, or not at all. The tables
//! are those of the Encoding Standard, which browsers use; they were compared with PostgreSQL's,
//! character by character, and where they disagree PostgreSQL's word is kept here. Only what the
//! server cannot convert at all is left to the standard.
//!
//! In each of these encodings a byte below 0x80 is the ASCII character, and never a part of
//! another one. So quotes and escapes are found in the bytes as they are.

use crate::Unreadable;
use alloc::{borrow::Cow, string::String};
use encoding_rs::Encoding;

/// What the bytes of a name mean.
///
/// ```
/// use nudge_decode::{Decoder, Plugin, ServerEncoding};
///
/// let latin1 = Decoder::new(Plugin::TestDecoding).with_encoding(ServerEncoding::from_name("LATIN1"));
/// let printed = b"table public.\"K\xe4se\": INSERT: id[integer]:1";
/// assert!(matches!(latin1.decode(printed, false), nudge_decode::Decoded::Change(tables)
///     if tables.as_slice()[0].table.table == "Käse"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerEncoding(
    /// None is needed for UTF-8.
    Option<&'static Table>,
);

#[derive(Debug, PartialEq, Eq)]
struct Table {
    /// PostgreSQL's name of the encoding.
    name: &'static str,
    beyond_ascii: Repertoire,
    /// Characters of the repertoire, and what PostgreSQL has in their place.
    corrections: &'static [(char, char)],
}

#[derive(Debug, PartialEq, Eq)]
enum Repertoire {
    Unknown,
    /// A byte is the Unicode character of the same number.
    Latin1,
    Standard(&'static Encoding),
}

impl ServerEncoding {
    /// Nearly every database's; names are read without a copy.
    pub const UTF8: Self = Self(None);

    /// The encoding with the name that the server tells as its parameter `server_encoding`.
    ///
    /// With SQL_ASCII, whose bytes may mean anything, and with an encoding that is not known
    /// here (EUC_TW, EUC_JIS_2004, MULE_INTERNAL), a name with a byte beyond ASCII is
    /// [`Unreadable::NotText`]; it is so even if the bytes happen to be UTF-8.
    pub fn from_name(name: &str) -> Self {
        if name == "UTF8" {
            return Self::UTF8;
        }
        Self(Some(TABLES.iter().find(|table| table.name == name).unwrap_or(&SQL_ASCII)))
    }

    /// Whether this is UTF-8.
    pub fn is_utf8(self) -> bool {
        self.0.is_none()
    }

    /// What `bytes` mean.
    #[inline]
    pub(crate) fn text(self, bytes: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
        if self.is_utf8() || bytes.is_ascii() {
            return str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Unreadable::NotText);
        }
        self.convert(bytes).map(Cow::Owned).ok_or(Unreadable::NotText)
    }

    #[cold]
    fn convert(self, bytes: &[u8]) -> Option<String> {
        let table = self.0?;
        let corrected = |character| table.corrected(character);
        match table.beyond_ascii {
            Repertoire::Unknown => None,
            Repertoire::Latin1 => Some(bytes.iter().copied().map(char::from).map(corrected).collect()),
            Repertoire::Standard(encoding) => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
                Some(text.chars().map(corrected).collect())
            }
        }
    }
}

impl Default for ServerEncoding {
    fn default() -> Self {
        Self::UTF8
    }
}

impl Table {
    fn corrected(&self, character: char) -> char {
        let correction = self.corrections.iter().find(|(wrong, _)| *wrong == character);
        correction.map_or(character, |(_, right)| *right)
    }
}

/// A table that agrees with PostgreSQL's.
const fn agreed(name: &'static str, encoding: &'static Encoding) -> Table {
    Table { name, beyond_ascii: Repertoire::Standard(encoding), corrections: &[] }
}

static SQL_ASCII: Table = Table { name: "SQL_ASCII", beyond_ascii: Repertoire::Unknown, corrections: &[] };

static TABLES: [Table; 30] = [
    Table {
        name: "EUC_CN",
        beyond_ascii: Repertoire::Standard(&encoding_rs::GBK_INIT),
        corrections: &[('·', '・'), ('—', '―')],
    },
    Table {
        name: "EUC_JP",
        beyond_ascii: Repertoire::Standard(&encoding_rs::EUC_JP_INIT),
        corrections: &[('¦', '￤')],
    },
    agreed("EUC_KR", &encoding_rs::EUC_KR_INIT),
    agreed("ISO_8859_5", &encoding_rs::ISO_8859_5_INIT),
    agreed("ISO_8859_6", &encoding_rs::ISO_8859_6_INIT),
    agreed("ISO_8859_7", &encoding_rs::ISO_8859_7_INIT),
    agreed("ISO_8859_8", &encoding_rs::ISO_8859_8_INIT),
    agreed("KOI8R", &encoding_rs::KOI8_R_INIT),
    Table {
        name: "KOI8U",
        // KOI8-RU really, which has a Belarusian letter there.
        beyond_ascii: Repertoire::Standard(&encoding_rs::KOI8_U_INIT),
        corrections: &[('ў', '╝'), ('Ў', '╬')],
    },
    // The standard takes Windows-1252 and 1254 for LATIN1 and LATIN5.
    Table { name: "LATIN1", beyond_ascii: Repertoire::Latin1, corrections: &[] },
    agreed("LATIN2", &encoding_rs::ISO_8859_2_INIT),
    agreed("LATIN3", &encoding_rs::ISO_8859_3_INIT),
    agreed("LATIN4", &encoding_rs::ISO_8859_4_INIT),
    Table {
        name: "LATIN5",
        beyond_ascii: Repertoire::Latin1,
        corrections: &[('Ð', 'Ğ'), ('Ý', 'İ'), ('Þ', 'Ş'), ('ð', 'ğ'), ('ý', 'ı'), ('þ', 'ş')],
    },
    agreed("LATIN6", &encoding_rs::ISO_8859_10_INIT),
    agreed("LATIN7", &encoding_rs::ISO_8859_13_INIT),
    agreed("LATIN8", &encoding_rs::ISO_8859_14_INIT),
    agreed("LATIN9", &encoding_rs::ISO_8859_15_INIT),
    agreed("LATIN10", &encoding_rs::ISO_8859_16_INIT),
    agreed("WIN866", &encoding_rs::IBM866_INIT),
    agreed("WIN874", &encoding_rs::WINDOWS_874_INIT),
    agreed("WIN1250", &encoding_rs::WINDOWS_1250_INIT),
    agreed("WIN1251", &encoding_rs::WINDOWS_1251_INIT),
    agreed("WIN1252", &encoding_rs::WINDOWS_1252_INIT),
    agreed("WIN1253", &encoding_rs::WINDOWS_1253_INIT),
    agreed("WIN1254", &encoding_rs::WINDOWS_1254_INIT),
    agreed("WIN1255", &encoding_rs::WINDOWS_1255_INIT),
    agreed("WIN1256", &encoding_rs::WINDOWS_1256_INIT),
    agreed("WIN1257", &encoding_rs::WINDOWS_1257_INIT),
    agreed("WIN1258", &encoding_rs::WINDOWS_1258_INIT),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: &str, bytes: &[u8], expected: Result<&str, Unreadable>) {
        let text = ServerEncoding::from_name(encoding).text(bytes);
        assert_eq!(text.as_deref(), expected.as_ref().map(|text| *text), "{encoding}");
    }

    #[test]
    fn names_mean_what_the_server_says() {
        check("UTF8", "Käse".as_bytes(), Ok("Käse"));
        check("LATIN1", b"K\xe4se\x80", Ok("Käse\u{80}"));
        check("LATIN5", b"\xddstanbul", Ok("İstanbul"));
        check("WIN1251", b"\xe7\xe0\xea\xe0\xe7\xfb", Ok("заказы"));
        check("EUC_JP", b"\xc6\xfc\x8f\xa2\xc3", Ok("日￤"));
    }

    #[test]
    fn bytes_that_are_no_text_are_not_guessed() {
        let not_text = Err(Unreadable::NotText);
        check("UTF8", b"K\xe4se", not_text);
        check("EUC_JP", b"\xc6", not_text);
        check("EUC_JP", b"\xc6\"", not_text);
        for unknown in ["SQL_ASCII", "MULE_INTERNAL", "EUC_TW", "utf8", ""] {
            check(unknown, "Käse".as_bytes(), not_text);
            check(unknown, b"orders", Ok("orders"));
        }
    }

    #[test]
    fn only_what_is_converted_is_copied() {
        let latin1 = ServerEncoding::from_name("LATIN1");
        assert!(matches!(latin1.text(b"orders"), Ok(Cow::Borrowed("orders"))));
        assert!(matches!(ServerEncoding::UTF8.text("Käse".as_bytes()), Ok(Cow::Borrowed("Käse"))));
    }
}
