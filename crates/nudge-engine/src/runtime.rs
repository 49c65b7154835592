//! What awaits: sockets, TLS, timers, tasks. It carries out what `policy` decides.
//!
//! One task, the supervisor, connects and reads for as long as the [`Feed`] lives; one caller, the
//! consumer, takes items from it. Between them is one lock around one [`Window`](crate::policy::Window).

mod arrival;
mod blockers;
mod cancellation;
mod clock;
#[cfg(unix)]
mod detachable;
mod dialer;
mod feed;
mod gate;
mod handover;
mod hub;
mod inspection;
mod intake;
mod link;
mod listening;
mod login;
mod meter;
mod random;
mod replicate;
mod route;
mod sealed;
mod session;
mod settling;
mod slot;
mod socket;
mod status;
mod supervisor;
mod tls;
mod witness;

pub use dialer::TargetDialer;
pub use feed::{Feed, connect};
pub use hub::{Hub, Subscription};
pub use link::{Io, Socket};
pub use route::{Connected, Dial, Route};
pub use session::{Session, SessionKind};
pub use status::{Blocker, Status};
