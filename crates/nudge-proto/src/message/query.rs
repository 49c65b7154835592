//! A simple query.

use alloc::vec::Vec;
use core::ffi::CStr;

use super::put_cstr;
use crate::frame::put_frame;

/// Query: `'Q' | length | text: String`. A walsender takes replication commands the same way.
pub(crate) fn put_query(out: &mut Vec<u8>, text: &CStr) {
    put_frame(out, b'Q', |out| put_cstr(out, text));
}
