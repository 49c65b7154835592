//! What the suites of pgnudge stand on: real servers to test on, and a server made of a script.
//!
//! [`Server`] finds a PostgreSQL server (or starts a throwaway one), and [`Scratch`] is a
//! database of a test's own on it, with its slots and walsenders in view. [`Walsender`] is the
//! other side of the protocol as a script: a test says, message by message, what the server
//! does. Its words come from [`frames`], which share no code with the product, so that the two
//! cannot agree on the same mistake. [`Program`] runs the `pgnudge` binary.
//!
//! Nothing in here panics: each step returns an [`Error`] with what happened instead, and the
//! test unwraps it.

mod error;
pub mod frames;
mod process;
mod scram;
mod scratch;
mod server;
mod tls_door;
mod wait;
mod walsender;

pub use error::Error;
pub use pgnudge_testserver::{Cluster, ClusterBuilder, Installation, Signal, StopMode};
pub use process::{Finished, Memory, Program, open_files, pgnudge_binary};
pub use scram::{Fault, ScramServer};
pub use scratch::{Scratch, Sender, Slot};
pub use server::Server;
pub use tls_door::TlsDoor;
pub use tokio_postgres;
pub use tokio_postgres::types::PgLsn;
pub use wait::wait_until;
pub use walsender::{BACKEND_KEY, FrontendMessage, Goodbye, Opened, Opening, StandbyStatus, Walsender};
