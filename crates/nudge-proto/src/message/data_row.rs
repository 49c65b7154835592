//! One row of a simple query's answer.

use bytes::Buf;

use super::tag;
use crate::Malformed;

/// DataRow. Its values are text, as a simple query always gets them.
///
/// ```text
/// 'D' | length | columns: Int16 | per column: length: Int32 (-1: NULL) | bytes
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataRow<'a> {
    columns: &'a [u8],
}

impl<'a> DataRow<'a> {
    /// Checks the whole row, so that iterating cannot fail half way.
    pub(crate) fn parse(mut body: &'a [u8]) -> Result<Self, Malformed> {
        let malformed = Malformed::Body { tag: tag::DATA_ROW };
        let Ok(count) = body.try_get_u16() else {
            return Err(malformed);
        };
        let row = Self { columns: body };
        for _ in 0..count {
            body = column(body).ok_or(malformed.clone())?.1;
        }
        if body.is_empty() { Ok(row) } else { Err(malformed) }
    }

    /// The values in the order of the query's columns.
    pub fn columns(&self) -> Columns<'a> {
        Columns { rest: self.columns }
    }
}

/// The values of a [`DataRow`]; `None` is SQL's NULL.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Columns<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (value, rest) = column(self.rest)?;
        self.rest = rest;
        Some(value)
    }
}

/// One value and what follows it; `None` when the bytes do not hold one.
fn column(mut bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    match bytes.try_get_i32().ok()? {
        -1 => Some((None, bytes)),
        length => {
            let (value, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Some(value), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn values_and_nulls_come_in_order() {
        let row = DataRow::parse(b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0").unwrap();
        assert_eq!(row.columns().collect::<Vec<_>>(), [Some(&b"ab"[..]), None, Some(b"")]);
    }

    #[test]
    fn a_row_that_is_shorter_or_longer_than_it_says_is_malformed() {
        for body in
            [&b""[..], b"\0\x01", b"\0\x01\0\0\0\x02a", b"\0\x01\xff\xff\xff\xfe", b"\0\0x", b"\xff\xff"]
        {
            assert!(DataRow::parse(body).is_err(), "{body:?}");
        }
    }
}
