//! Know *now* that PostgreSQL data changed.
//!
//! pgnudge tells a program **that** committed data changed and **which tables**, pushed, within
//! milliseconds, and leaves nothing behind on the server: no triggers, no publication, no persistent
//! slot. It carries no row data; the program refetches.
//!
//! ```no_run
//! use pgnudge::{Feed, FeedItem};
//!
//! # async fn run() -> Result<(), pgnudge::Error> {
//! let mut feed = Feed::builder("postgres://nudger@localhost/app").tables(["public.*"]).connect().await?;
//! loop {
//!     match feed.next().await {
//!         FeedItem::Resync { reason, .. } => println!("reload everything ({reason})"),
//!         FeedItem::Batch { events, .. } => {
//!             for event in events {
//!                 println!("reload {} ({} rows changed)", event.table, event.count);
//!             }
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! There are two items. [`FeedItem::Resync`] says "reload everything"; it comes first, and brackets
//! every gap: a lost connection, a window with too many tables, a message that could not be
//! understood. [`FeedItem::Batch`] says "reload these". Who handles both has a view that is never
//! wrong for longer than a window.
//!
//! The key decision is that **the consumer is the pump**. Nothing is queued: while nobody asks, the
//! window absorbs, and a program that comes back late finds one merged item. The price is that
//! single changes cannot be told apart.
//!
//! The server needs `wal_level = logical`, and the role the REPLICATION attribute.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod builder;
mod feed;
mod hub;
mod passwords;
mod session;
pub mod settings;
mod target;

pub use builder::Builder;
pub use feed::Feed;
pub use hub::{Hub, Subscribe, Subscription};
pub use session::Session;

pub use nudge_engine::policy::{Edge, Platform, Visibility};
pub use nudge_engine::runtime::{Blocker, SessionKind, Status};
pub use nudge_engine::{
    Error, ErrorKind, Event, FeedItem, Key, KeyColumn, KeyValue, Lsn, PasswordError, Payload, Plugin,
    PluginChoice, Printable, Reason, SlotName, TableName, TablePattern, is_invisible,
};
