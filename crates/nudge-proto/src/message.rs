//! One file per message: its layout, and nothing about when it may come.
//!
//! Layouts follow the manual's [Message Formats] and, inside CopyData, its [Streaming Replication
//! Protocol]. Integers are big-endian; a `String` ends with a zero byte.
//!
//! [Message Formats]: https://www.postgresql.org/docs/current/protocol-message-formats.html
//! [Streaming Replication Protocol]: https://www.postgresql.org/docs/current/protocol-replication.html

mod authentication;
mod backend_key_data;
mod data_row;
mod error_response;
mod keepalive;
mod notice_response;
mod parameter_status;
mod password;
mod query;
mod sqlstate;
mod ssl_request;
mod standby_status;
mod startup;
mod x_log_data;

pub(crate) use authentication::{Authentication, SaslOffer};
pub use backend_key_data::BackendKey;
pub use data_row::{Columns, DataRow};
pub use error_response::ErrorResponse;
pub use keepalive::Keepalive;
pub use notice_response::NoticeResponse;
pub use parameter_status::Parameters;
pub(crate) use password::{put_password, put_sasl_initial_response, put_sasl_response};
pub(crate) use query::put_query;
pub use sqlstate::SqlState;
pub use ssl_request::{SslReply, ssl_request};
pub use standby_status::StandbyStatus;
pub(crate) use startup::put_startup;
pub use x_log_data::XLogData;

use alloc::vec::Vec;
use core::ffi::CStr;

use bytes::BufMut;

/// Backend tags (manual, "Message Formats"). Here because the phases match on them.
pub(crate) mod tag {
    pub(crate) const AUTHENTICATION: u8 = b'R';
    pub(crate) const BACKEND_KEY_DATA: u8 = b'K';
    pub(crate) const COMMAND_COMPLETE: u8 = b'C';
    pub(crate) const COPY_BOTH_RESPONSE: u8 = b'W';
    pub(crate) const COPY_DATA: u8 = b'd';
    pub(crate) const COPY_DONE: u8 = b'c';
    pub(crate) const DATA_ROW: u8 = b'D';
    pub(crate) const EMPTY_QUERY_RESPONSE: u8 = b'I';
    pub(crate) const ERROR_RESPONSE: u8 = b'E';
    pub(crate) const NOTICE_RESPONSE: u8 = b'N';
    pub(crate) const NOTIFICATION_RESPONSE: u8 = b'A';
    pub(crate) const PARAMETER_STATUS: u8 = b'S';
    pub(crate) const READY_FOR_QUERY: u8 = b'Z';
    pub(crate) const ROW_DESCRIPTION: u8 = b'T';
}

/// A zero-terminated string and what follows it.
fn split_cstr(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&b| b == 0)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((text, rest.get(1..)?))
}

fn put_cstr(out: &mut Vec<u8>, text: &CStr) {
    out.put_slice(text.to_bytes_with_nul());
}
