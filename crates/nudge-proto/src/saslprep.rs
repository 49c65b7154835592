//! SASLprep as PostgreSQL does it: the form of a password that goes into SCRAM.
//!
//! RFC 4013 maps, normalises and then checks the result. PostgreSQL maps, checks the mapped text, and
//! normalises last, and takes a password as it is where that fails. Both sides must agree to the byte, so
//! this follows the server and libpq, not the RFC. (A `℡` that is fine in itself and a `🉐` that Unicode 3.2
//! does not know come out differently.) The tables of RFC 3454 are those of the crate `stringprep`.

use alloc::string::String;
use alloc::vec::Vec;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// The prepared form of a password; `None` where PostgreSQL uses the bytes that were given: they are not
/// UTF-8, or hold what is prohibited or not in Unicode 3.2, or nothing is left of them.
pub(crate) fn prepared(password: &[u8]) -> Option<Vec<u8>> {
    if password.is_ascii() {
        return None;
    }
    let mapped: String = core::str::from_utf8(password).ok()?.chars().filter_map(mapped).collect();
    let stays = mapped.is_empty() || mapped.contains(is_prohibited) || !is_bidi_consistent(&mapped);
    (!stays).then(|| mapped.nfkc().collect::<String>().into_bytes())
}

/// RFC 4013 section 2.1: spaces become the ASCII one, and what is invisible disappears.
fn mapped(c: char) -> Option<char> {
    if tables::non_ascii_space_character(c) {
        return Some(' ');
    }
    (!tables::commonly_mapped_to_nothing(c)).then_some(c)
}

/// RFC 4013 sections 2.3 and 2.5: prohibited, or not assigned in Unicode 3.2.
fn is_prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::surrogate_code(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

/// RFC 3454 section 6: text from right to left begins and ends so, and has nothing from left to right.
fn is_bidi_consistent(text: &str) -> bool {
    let right_to_left = tables::bidi_r_or_al;
    !text.contains(right_to_left)
        || (text.starts_with(right_to_left)
            && text.ends_with(right_to_left)
            && !text.contains(is_left_to_right))
}

/// RFC 3454 table D.2, which is of Unicode 3.2. `stringprep` asks the Unicode of today, where these few
/// characters have another direction.
fn is_left_to_right(c: char) -> bool {
    match c {
        '\u{17B4}'..='\u{17B5}' | '\u{1885}'..='\u{1886}' => true,
        '\u{1D6C1}' | '\u{1D6DB}' | '\u{1D6FB}' | '\u{1D715}' | '\u{1D735}' => true,
        '\u{1D74F}' | '\u{1D76F}' | '\u{1D789}' | '\u{1D7A9}' | '\u{1D7C3}' => true,
        '\u{0CBF}' | '\u{0CC6}' | '\u{1734}' | '\u{2132}' => false,
        '\u{2800}'..='\u{28FF}' | '\u{302E}'..='\u{302F}' => false,
        _ => tables::bidi_l(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server stored for each of these (the claim `passwords_are_prepared_as_the_server_does` asks
    /// one about thousands). `None`: the password as it is.
    #[test]
    fn passwords_are_prepared_as_postgresql_does() {
        let check = |password: &str, expect: Option<&str>| {
            let prepared = prepared(password.as_bytes());
            assert_eq!(prepared.as_deref(), expect.map(str::as_bytes), "{}", password.escape_unicode());
        };
        check("I\u{AD}X", Some("IX"));
        check("\u{2168}", Some("IX"));
        check("a\u{A0}b", Some("a b"));
        check("a\u{200B}b", Some("a b")); // a space and invisible: the space wins
        check("\u{7}", None); // ASCII
        check("\u{7}\u{E9}", None); // prohibited
        check("geheim\u{1F250}", None); // not in Unicode 3.2, though its NFKC form is
        check("ab\u{2090}", None);
        check("\u{AD}", None); // nothing left
        check("\u{5D0}\u{AD}1\u{5D0}", Some("\u{5D0}1\u{5D0}"));
        check("\u{5D0}\u{AD}1", None); // does not end from right to left
        check("\u{5D0}\u{AD}a\u{5D0}", None);
        check("\u{5D0}\u{AD}\u{2132}\u{5D0}", Some("\u{5D0}\u{2132}\u{5D0}")); // Unicode 3.2: no direction
        check("\u{5D0}\u{AD}\u{1D6C1}\u{5D0}", None); // Unicode 3.2: from left to right
        check(
            "\u{FDFA}\u{AD}",
            Some(
                "\u{635}\u{644}\u{649} \u{627}\u{644}\u{644}\u{647} \u{639}\u{644}\u{64A}\u{647} \u{648}\u{633}\u{644}\u{645}",
            ),
        );
        assert_eq!(prepared(b"\xff\xfe"), None);
    }
}
