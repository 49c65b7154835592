//! Warnings and notes of the server.

use super::split_cstr;

/// NoticeResponse, and the fields that ErrorResponse shares with it (manual, "Error and Notice
/// Message Fields").
///
/// ```text
/// 'N' | length | fields: (code: u8 | value: String)* | 0
/// ```
///
/// Only the head of a notice is kept, so its last field may be cut: see
/// [`is_cut`](NoticeResponse::is_cut).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoticeResponse<'a> {
    fields: &'a [u8],
    cut: bool,
}

impl<'a> NoticeResponse<'a> {
    pub(crate) fn new(fields: &'a [u8], cut: bool) -> Self {
        Self { fields, cut }
    }

    /// The value of the field with this code, such as `b'M'` for the message. When the notice is cut,
    /// the field that the cut went through ends where the bytes end.
    pub fn field(&self, code: u8) -> Option<&'a [u8]> {
        let mut rest = self.fields;
        while let Some((&this, value)) = rest.split_first().filter(|(code, _)| **code != 0) {
            let (value, after) = match split_cstr(value) {
                Some(split) => split,
                None => (value, &[][..]),
            };
            if this == code {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    /// The primary text (`M`), in the server's language and encoding.
    pub fn message(&self) -> &'a [u8] {
        self.field(b'M').unwrap_or_default()
    }

    /// Whether more followed than was looked at.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_code() {
        let notice = NoticeResponse::new(b"SWARNING\0C01000\0Mhello\0\0", false);
        assert_eq!(notice.message(), b"hello");
        assert_eq!(notice.field(b'C'), Some(&b"01000"[..]));
        assert_eq!(notice.field(b'D'), None);
    }

    #[test]
    fn a_field_that_the_cut_went_through_ends_with_the_bytes() {
        assert_eq!(NoticeResponse::new(b"SWARNING\0Mhel", true).message(), b"hel");
        assert_eq!(NoticeResponse::new(b"SWARNING\0M", true).message(), b"");
        assert_eq!(NoticeResponse::new(b"", true).message(), b"");
    }
}
