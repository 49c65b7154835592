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
mod key;
mod knobs;
pub mod policy;
pub mod runtime;
mod table_name;
mod target;

pub use error::{Error, ErrorKind};
pub use item::{Event, FeedItem, Reason};
pub use key::Key;
pub use knobs::{Knobs, Payload, PluginChoice};
pub use table_name::TableName;
pub use target::{
    Host, PasswordCallback, PasswordError, Place, SessionAttributes, Target, Tcp, TcpKeepalive, Tls,
    TlsIdentity, TlsUsage, TlsVerify, TlsVersion,
};

pub use nudge_decode::{KeyColumn, KeyValue, PatternError, Plugin, TableFilter, TablePattern};
pub use nudge_proto::{AllowedMethods, ChannelBinding, Lsn, Printable, Secret, SlotName, is_invisible};
