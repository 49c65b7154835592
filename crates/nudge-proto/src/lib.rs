//! PostgreSQL's walsender protocol without I/O.
//!
//! This crate turns bytes into the events of a logical replication connection and back: SSLRequest,
//! start-up and authentication, simple queries, and the CopyBoth stream. It opens no socket, reads no
//! clock, draws no randomness and starts no thread; whoever owns the socket calls it. It knows nothing
//! of what an output plugin writes.
//!
//! The protocol is one ordered stream with a straight-line life, and so is the API: small machines
//! that read the caller's bytes, and a [`Session`] that moves from one to the next by value.
//!
//! ```text
//! Startup ──Session──▶ Query ──Session──▶ … ──Session──▶ Stream ──▶ (the connection ends)
//! ```
//!
//! The key decision is that **the caller owns the bytes**. A machine returns a [`Step`]: how much of
//! the input it is done with, and at most one event, which borrows from the input. Nothing is queued
//! and nothing is copied. Its price is that the caller writes the loop, which is always this one:
//!
//! ```
//! use std::io::{self, Read, Write};
//! use nudge_proto::*;
//!
//! /// Drives a connection up to its first change.
//! fn first_change(mut socket: impl Read + Write) -> Result<String, Box<dyn std::error::Error>> {
//!     let limits = Limits::default();
//!     let mut inbox = Inbox::new(Inbox::DEFAULT_CAPACITY, &limits);
//!     let mut out = Vec::new();
//!
//!     // 1. Start up. `database` makes it a logical replication connection.
//!     let nonce = ScramNonce::new([42; 18]); // eighteen random bytes
//!     let credentials = Credentials::new(Some(Secret::new("pencil")), nonce);
//!     let parameters = [(c"database", c"app"), (c"replication", c"database")];
//!     let mut startup = Startup::new(c"nudger", &parameters, credentials, limits, &mut out);
//!     let session = loop {
//!         let step = startup.advance(inbox.filled(), &mut out)?;
//!         inbox.consume(step.consumed);
//!         match step.event {
//!             Some(session) => break session,
//!             None => exchange(&mut socket, &mut inbox, &mut out)?,
//!         }
//!     };
//!
//!     // 2. Make a slot that ends with the connection.
//!     let slot = SlotName::new("example")?;
//!     let create = CreateTemporarySlot::new(&slot, "test_decoding")?;
//!     let mut query = session.query(create.as_sql(), &mut out);
//!     let session = loop {
//!         let step = query.advance(inbox.filled())?;
//!         let consumed = step.consumed;
//!         match step.event {
//!             Some(QueryEvent::Done { session, outcome }) => {
//!                 outcome?;
//!                 inbox.consume(consumed);
//!                 break session;
//!             }
//!             Some(QueryEvent::Row(_) | QueryEvent::Notice(_)) => inbox.consume(consumed),
//!             None => {
//!                 inbox.consume(consumed);
//!                 exchange(&mut socket, &mut inbox, &mut out)?;
//!             }
//!         }
//!     };
//!
//!     // 3. Stream. Answer keepalives that ask for it, or the server ends the connection.
//!     let start = StartReplication::logical(&slot, Lsn::ZERO, [("skip-empty-xacts", "1")])?;
//!     let mut stream = session.start_replication(&start, &mut out);
//!     loop {
//!         let step = stream.advance(inbox.filled())?;
//!         let consumed = step.consumed;
//!         match step.event {
//!             Some(StreamEvent::XLogData(data)) if data.head().starts_with(b"table ") => {
//!                 return Ok(String::from_utf8_lossy(data.head()).into_owned());
//!             }
//!             Some(StreamEvent::Keepalive(k)) if k.reply_requested() => {
//!                 let [written, flushed, applied] = [k.end(); 3];
//!                 let status = StandbyStatus { written, flushed, applied, sent_at: 0, reply_requested: false };
//!                 stream.standby_status(&status, &mut out);
//!             }
//!             Some(StreamEvent::Ended) => return Err("the server ended the stream".into()),
//!             Some(_) => {}
//!             None => {
//!                 inbox.consume(consumed);
//!                 exchange(&mut socket, &mut inbox, &mut out)?;
//!                 continue;
//!             }
//!         }
//!         inbox.consume(consumed);
//!     }
//! }
//!
//! /// Sends what is to be sent, then waits for more.
//! fn exchange(socket: &mut (impl Read + Write), inbox: &mut Inbox, out: &mut Vec<u8>) -> io::Result<()> {
//!     socket.write_all(out)?;
//!     out.clear();
//!     match socket.read(inbox.spare_mut())? {
//!         0 => Err(io::ErrorKind::UnexpectedEof.into()),
//!         n => Ok(inbox.commit(n)),
//!     }
//! }
//! #
//! # /// A recorded server that lets everybody in; it sends seven bytes at a time.
//! # struct Recorded(&'static [u8]);
//! # impl Read for Recorded {
//! #     fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
//! #         let n = self.0.len().min(buf.len()).min(7);
//! #         buf[..n].copy_from_slice(&self.0[..n]);
//! #         self.0 = &self.0[n..];
//! #         Ok(n)
//! #     }
//! # }
//! # impl Write for Recorded {
//! #     fn write(&mut self, buf: &[u8]) -> io::Result<usize> { Ok(buf.len()) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let recorded = Recorded(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0015.1\0K\0\0\0\x0c\0\0\0\x01abcd\
//! #     Z\0\0\0\x05IC\0\0\0\x1cCREATE_REPLICATION_SLOT\0Z\0\0\0\x05IW\0\0\0\x07\0\0\0\
//! #     d\0\0\0\x16k\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\x01d\0\0\0\x30w\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\
//! #     table public.t: ...");
//! # assert_eq!(first_change(recorded)?, "table public.t: ...");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Errors latch: after an `Err` a machine returns the same one for ever. Whatever the peer sends,
//! nothing panics and nothing grows: every length meets [`Limits`] before it meets an allocator.
//!
//! `no_std` with `alloc`; the default feature `saslprep` (non-ASCII passwords) needs std.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

extern crate alloc;

mod authentication;
mod command;
mod error;
mod frame;
mod inbox;
mod lsn;
mod message;
mod printable;
mod query;
#[cfg(feature = "saslprep")]
mod saslprep;
mod scram;
mod secret;
mod session;
mod slot_name;
mod startup;
mod stream;

pub use authentication::{AllowedMethods, ChannelBinding, Credentials, Security};
pub use command::{CreateTemporarySlot, StartReplication, ZeroByte, quote_identifier, quote_literal, set};
pub use error::{AuthMethod, Error, Malformed, Phase, Refusal};
pub use frame::Limits;
pub use inbox::Inbox;
pub use lsn::{Lsn, ParseLsnError};
pub use message::{
    BackendKey, Columns, DataRow, ErrorResponse, Keepalive, NoticeResponse, Parameters, SqlState, SslReply,
    StandbyStatus, XLogData, ssl_request,
};
pub use printable::{Printable, is_invisible};
pub use query::{Query, QueryEvent};
pub use scram::ScramNonce;
pub use secret::Secret;
pub use session::Session;
pub use slot_name::{InvalidSlotName, SlotName};
pub use startup::Startup;
pub use stream::{Stream, StreamEvent};

/// What one call of a machine did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<E> {
    /// Bytes of the input that the machine is done with; never more than there were.
    pub consumed: usize,
    /// What they meant. `None`: bring more input.
    pub event: Option<E>,
}
