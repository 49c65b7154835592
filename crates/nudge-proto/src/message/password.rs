//! The client's side of authentication: three messages that share one tag.

use alloc::vec::Vec;
use core::ffi::CStr;

use bytes::BufMut;

use super::put_cstr;
use crate::frame::put_frame;

/// PasswordMessage: `'p' | length | password: String`. The password has no zero byte inside.
pub(crate) fn put_password(out: &mut Vec<u8>, password: &[u8]) {
    put_frame(out, PASSWORD, |out| {
        out.put_slice(password);
        out.put_u8(0);
    });
}

/// SASLInitialResponse: `'p' | length | mechanism: String | length: Int32 | client-first-message`.
pub(crate) fn put_sasl_initial_response(out: &mut Vec<u8>, mechanism: &CStr, first: &str) {
    put_frame(out, PASSWORD, |out| {
        put_cstr(out, mechanism);
        // A client-first-message is some 80 bytes.
        out.put_i32(i32::try_from(first.len()).unwrap_or(i32::MAX));
        out.put_slice(first.as_bytes());
    });
}

/// SASLResponse: `'p' | length | client-final-message`.
pub(crate) fn put_sasl_response(out: &mut Vec<u8>, message: &str) {
    put_frame(out, PASSWORD, |out| out.put_slice(message.as_bytes()));
}

const PASSWORD: u8 = b'p';
