//! The engine of pgnudge: from a walsender's bytes to the two items that a consumer gets.
//!
//! Two rooms. [`policy`] decides: when a window closes, how much it holds, when to give up. It is pure.
//! [`runtime`] awaits: sockets, TLS, timers, tasks. It decides nothing. The protocol is `nudge-proto`'s,
//! the plugins' output `nudge-decode`'s.
//!
//! Programs depend on the facade `pgnudge`; this crate is its inside, and changes with it.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod error;
mod identity;
mod item;
#[cfg(feature = "serde")]
mod json;
mod key;
mod knobs;
mod named;
pub mod policy;
pub mod runtime;
mod table_name;
mod target;

pub use error::{Error, ErrorKind};
pub use item::{Event, FeedItem, Reason};
pub use key::Key;
pub use knobs::{Knobs, Payload, PluginChoice};
pub use named::UnknownName;
pub use table_name::TableName;
pub use target::{
    Host, PasswordCallback, PasswordError, Pem, Place, SessionAttributes, Target, Tcp, TcpKeepalive, Tls,
    TlsIdentity, TlsUsage, TlsVerify, TlsVersion,
};

pub use nudge_decode::{KeyColumn, KeyValue, PatternError, Plugin, TableFilter, TablePattern};
pub use nudge_proto::{
    AllowedMethods, ChannelBinding, InvalidSlotName, Lsn, ParseLsnError, Printable, Secret, SlotName,
    SqlState, is_invisible,
};

/// The target of all log lines: who filters by the name of the crate that they use finds them.
pub(crate) const LOG: &str = "pgnudge::feed";
