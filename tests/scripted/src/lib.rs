//! The stage of the scripted suite: the real engine on one side, a script on the other.
//!
//! A test owns everything around the feed. The network is a [`Network`] of in-memory pipes, the
//! server a [`Backend`] that says what the test tells it to, and the clock is tokio's, paused: it
//! moves only when nothing else can, and then exactly to the next deadline. So a test takes no time,
//! and its durations are exact.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use pgnudge_scripted::{Live, MS, knobs, timed};
//!
//! let mut live = Live::new(knobs()).await;
//! live.backend.commits(&["public.orders"]).await;
//! assert_eq!(timed(live.next()).await, (50 * MS, "public.orders 1".to_owned()));
//! # }
//! ```
//!
//! A step that fails fails its test: the steps here panic rather than return errors.

#![expect(missing_debug_implementations, reason = "only tests hold them")]
#![expect(clippy::expect_used, clippy::panic, reason = "a step that fails fails its test")]

mod backend;
mod failure;
mod live;
mod network;
mod spoken;
mod stage;
mod witness;

use std::time::Duration;

use nudge_engine::policy::Visibility;
use nudge_engine::{Knobs, Plugin, PluginChoice};

pub use backend::{Backend, START, Server, View, XID};
pub use failure::{Failure, failure};
pub use live::{Live, with_a_slot};
pub use network::{Connecting, Network, Reception, target};
pub use spoken::{counts, position, told, wakeup};
pub use stage::Stage;
pub use witness::{eager, is_seen_after, live, relaxed, witness};

/// A millisecond.
pub const MS: Duration = Duration::from_millis(1);
/// A second.
pub const S: Duration = Duration::from_secs(1);

/// The defaults, with some exceptions that keep scripts short: the plugin is test_decoding; silence is
/// no reason to reconnect; items go out unchecked, and what has arrived is confirmed unasked, as a question takes a
/// second session.
pub fn knobs() -> Knobs {
    Knobs {
        plugin: PluginChoice::Only(Plugin::TestDecoding),
        liveness_timeout: None,
        visibility: Visibility::Off,
        partition_root: false,
        synchronous_standby: true,
        ..Knobs::default()
    }
}

/// What comes of it, and how long that took by the paused clock.
pub async fn timed<T>(step: impl Future<Output = T>) -> (Duration, T) {
    let start = tokio::time::Instant::now();
    let outcome = soon("a step", step).await;
    (start.elapsed(), outcome)
}

/// Waits until whatever can happen without the passing of time has happened. (A paused clock moves,
/// by this one millisecond too, only when no task has anything left to do.)
pub async fn settle() {
    tokio::time::sleep(MS).await;
}

/// What comes of it within an hour, which is no time on a paused clock. What has not happened then
/// never will, and a test that waits for it has to fail rather than to spin.
pub async fn soon<T>(what: &str, step: impl Future<Output = T>) -> T {
    let limit = tokio::time::timeout(3600 * S, step).await;
    limit.unwrap_or_else(|_| panic!("the test waits for {what} in vain"))
}
