//! Finds PostgreSQL's programs and runs throwaway clusters, with std alone.
//!
//! [`Installation`] is a directory of server programs that was found and looked into;
//! [`Cluster`] is a server made from it in a fresh temporary directory, with the roles and
//! settings that the suites expect. A cluster leaves nothing behind: not when it is dropped,
//! and not when the process that made it is killed (see the `guardian` module).
//!
//! `xtask` uses this crate, so it has no dependency and compiles in seconds. Whatever needs
//! an SQL client or a runtime lives in `pgnudge-testkit`.

mod account;
mod certificate;
mod cluster;
mod cluster_builder;
mod configuration;
mod error;
#[cfg(test)]
mod fake_root;
mod guardian;
mod installation;
mod libraries;
mod port;
mod program;
mod psql;
mod search;
mod signal;
mod version;

pub use cluster::{Cluster, StopMode};
pub use cluster_builder::ClusterBuilder;
pub use error::Error;
pub use installation::Installation;
pub use signal::Signal;
pub use version::Version;
