//! What the feed decides: when a window closes, how much it holds, whether to give up.
//!
//! Everything here is pure. The time and random numbers are arguments, nothing waits, and no name of
//! the runtime occurs; so every rule is tested by calling it.

mod backoff;
mod catalog;
mod coalescer;
mod debouncer;
pub mod diagnosis;
mod familiar;
mod feedback;
mod harvest;
pub mod lineage;
mod nap;
mod parent_of;
mod pending;
mod platform;
mod postmark;
pub(crate) mod question;
mod reading;
pub(crate) mod session;
pub(crate) mod truncations;
pub mod visibility;
mod window;

pub use backoff::{Backoff, Retries};
pub use catalog::{Catalog, Plain};
pub use coalescer::Coalescer;
pub use debouncer::{Debouncer, Edge, Spell};
pub use familiar::{Familiar, Look, Standing};
pub use feedback::Feedback;
pub use harvest::Harvest;
pub use lineage::Lineage;
pub use nap::Nap;
pub use parent_of::{Above, ParentOf};
pub use pending::Pending;
pub use platform::Platform;
pub use postmark::Postmark;
pub(crate) use reading::Reading;
pub use visibility::{Snapshot, Unseen, Visibility};
pub use window::{Taken, Window};
