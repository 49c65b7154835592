//! A connection that is idle: the token that the phases hand on.

use alloc::vec::Vec;
use core::ffi::CStr;

use crate::frame::Deframer;
use crate::message::{BackendKey, Parameters, put_query};
use crate::{Query, StartReplication, Stream};

/// An authenticated connection between commands. Each phase takes it by value and gives it back when
/// the connection is idle again, so that a command cannot be sent into the middle of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub(crate) deframer: Deframer,
    pub(crate) parameters: Parameters,
    backend_key: BackendKey,
}

impl Session {
    pub(crate) fn new(deframer: Deframer, parameters: Parameters, backend_key: BackendKey) -> Self {
        Self { deframer, parameters, backend_key }
    }

    /// Appends a simple query, which may be a replication command, and becomes its [`Query`].
    pub fn query(self, sql: &CStr, out: &mut Vec<u8>) -> Query {
        put_query(out, sql);
        Query::new(self)
    }

    /// Appends START_REPLICATION and becomes a [`Stream`]. There is no way back: the stream ends with
    /// the connection.
    pub fn start_replication(self, command: &StartReplication, out: &mut Vec<u8>) -> Stream {
        put_query(out, command.as_sql());
        Stream::new(self.deframer)
    }

    /// What the server has told about itself.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The server process, and the key to cancel what it does.
    pub fn backend_key(&self) -> &BackendKey {
        &self.backend_key
    }
}
