#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

/// The code of a page that users read, held to compile.
#[cfg(doctest)]
#[doc = include_str!("../pages/caches.md")]
pub struct CachesPage;

#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod connection;
mod epochs;
mod feed;
mod hub;
mod live;
mod passwords;
mod patience;
mod session;
// For the comparison with libpq. Programs set a feed's connection with its builder.
#[doc(hidden)]
pub mod settings;
mod tables;
mod target;
#[cfg(feature = "testing")]
pub mod testing;

pub use builder::FeedBuilder;
pub use epochs::{Epoch, Epochs};
pub use feed::Feed;
pub use hub::{Hub, Subscription, SubscriptionBuilder};
pub use live::{Live, LiveBuilder};
pub use session::Session;

pub use nudge_engine::policy::{Edge, Platform, Visibility};
pub use nudge_engine::runtime::{Blocker, LiveError, LiveState, SessionKind, Status};
pub use nudge_engine::{
    Error, ErrorKind, Event, FeedItem, InvalidSlotName, Key, KeyColumn, KeyValue, Lsn, ParseLsnError,
    PasswordError, PatternError, Payload, Plugin, PluginChoice, Printable, Reason, SlotName, SqlState,
    TableName, TablePattern, UnknownName, is_invisible,
};
