//! The first message of a session.

use alloc::vec::Vec;
use core::ffi::CStr;

use bytes::BufMut;

use super::put_cstr;
use crate::frame::put_sized;

/// StartupMessage of protocol 3.0, the version that every supported server and pooler speaks.
///
/// ```text
/// length | 196608: Int32 | (name: String | value: String)* | 0
/// ```
pub(crate) fn put_startup(out: &mut Vec<u8>, parameters: &[(&CStr, &CStr)]) {
    put_sized(out, |out| {
        out.put_i32(3 << 16);
        for (name, value) in parameters {
            put_cstr(out, name);
            put_cstr(out, value);
        }
        out.put_u8(0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn parameters_come_in_order_and_a_zero_ends_them() {
        let mut out = vec![];
        put_startup(&mut out, &[(c"user", c"u")]);
        assert_eq!(out, b"\0\0\0\x10\0\x03\0\0user\0u\0\0");
    }
}
