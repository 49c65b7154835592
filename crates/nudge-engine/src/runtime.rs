//! What awaits: sockets, TLS, timers, tasks. It carries out what `policy` decides.
//!
//! One task, the supervisor, connects and reads for as long as the [`Feed`] lives, and one beside it asks the server;
//! one caller, the consumer, takes items. Between them is one lock around one [`Window`](crate::policy::Window).

mod arrival;
mod blockers;
mod cancellation;
mod clock;
mod confirmer;
mod delivery_check;
#[cfg(unix)]
mod detachable;
mod dialer;
mod feed;
mod gate;
mod hub;
mod intake;
mod link;
mod listening;
mod live;
mod login;
mod meter;
mod random;
mod replicate;
mod route;
mod session;
mod side_session;
mod slot;
mod socket;
mod source;
mod status;
mod supervisor;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod wait_for_running;

pub use dialer::TargetDialer;
pub use feed::{Feed, connect};
pub use hub::{Hub, Subscription};
pub use link::{Io, Socket};
pub use live::{Live, LiveError, LiveState};
pub use route::{Connected, Dial, Route};
pub use session::{Session, SessionKind};
pub use status::{Blocker, Status};
