//! What a live value is worth.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nudge_proto::Lsn;

use crate::Error;

/// Whether a value holds what the feed has told. There are exactly two variants, and no other is added.
#[derive(Clone, Debug)]
pub enum LiveState {
    /// It holds every change that the feed has told of so far.
    Fresh {
        /// Its position: the value is at least as new.
        lsn: Lsn,
    },
    /// It may lack changes: another one is being fetched, or fetching fails, or the feed is away.
    Stale {
        /// Since when, by the clock of [`Instant`].
        since: Instant,
        /// Why it has not been made fresh, if anything has gone wrong.
        error: Option<LiveError>,
    },
}

impl LiveState {
    /// Whether it is [`Fresh`](Self::Fresh).
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh { .. })
    }
}

/// Why a live value is not fresh, or why there is none.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The feed has no connection.
    #[error("the feed is away: {0}")]
    Feed(#[source] Error),
    /// A pattern or a duration of the builder is wrong.
    #[error("a live value cannot be had this way: {0}")]
    Config(#[source] Error),
    /// The program's own fetch failed.
    #[error("the fetch failed: {0}")]
    Fetch(#[source] Arc<dyn StdError + Send + Sync>),
    /// The program's own fetch took longer than it may.
    #[error("the fetch did not end within {0:?}")]
    Timeout(Duration),
    /// The program's own fetch panicked.
    #[error("the fetch panicked: {0}")]
    Panic(String),
    /// The hub is closed: no further change is reported.
    #[error("the hub is closed")]
    Closed,
}

impl LiveError {
    /// The remedy, one sentence, if it is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Feed(error) | Self::Config(error) => error.hint(),
            Self::Fetch(_) | Self::Timeout(_) | Self::Panic(_) | Self::Closed => None,
        }
    }
}
