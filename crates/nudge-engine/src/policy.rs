//! What the feed decides: when a window closes, how much it holds, whether to give up.
//!
//! Everything here is pure. The time and random numbers are arguments, nothing waits, and no name of
//! the runtime occurs; so every rule is tested by calling it.

mod backoff;
mod catalog;
mod coalescer;
pub(crate) mod confirmation;
mod debouncer;
pub mod diagnosis;
mod familiar;
mod feedback;
pub(crate) mod foresight;
mod harvest;
mod held;
mod history;
pub mod lineage;
mod nap;
pub(crate) mod outbox;
mod parent_of;
mod pending;
mod platform;
mod postmark;
pub(crate) mod question;
mod reading;
mod round;
pub(crate) mod server_name;
pub(crate) mod server_view;
pub(crate) mod session;
mod snapshot;
pub(crate) mod synchronous;
pub(crate) mod truncations;
mod unreadable;
pub mod visibility;
mod window;

pub use backoff::{Backoff, Retries};
pub(crate) use catalog::Catalog;
pub use coalescer::{Coalescer, Seen};
pub use debouncer::{Debouncer, Edge, Spell};
pub use familiar::{Familiar, Look, Standing};
pub use feedback::Feedback;
pub use harvest::Harvest;
pub use held::Held;
pub use history::History;
pub use lineage::{Ancestor, Ancestors, Lineage};
pub use nap::Nap;
pub use parent_of::{Above, ParentOf};
pub use pending::Pending;
pub use platform::Platform;
pub use postmark::Postmark;
pub(crate) use reading::Reading;
pub(crate) use round::{Progress, Round, Try};
pub use snapshot::Snapshot;
pub use unreadable::Unreadable;
pub use visibility::{Unseen, Visibility};
pub use window::Window;
