//! The consistency checker: it tries to falsify "handle Resync, and nothing can make your view wrong".
//!
//! A `round` has a database of its own, a feed that connects through a proxy, and a
//! subscriber that holds a copy of every table: it refetches what an item names, everything on a Resync,
//! and nothing else. Sessions run a random workload while random faults break the connection, its server
//! process, or the whole server. When they rest, a mark is committed; once the copy holds the mark,
//! everything before it has been told, and the copy has to equal the database, at once.
//!
//! What is pure: the `plan` of a round, which is a function of its seed alone (`--seed N` plays it
//! again), the `copy` and its comparison, the `timeline`. What acts: the `workload`, the
//! `injector` with its `proxy`, the `subscriber`.
//!
//! **It can fail.** A [`Leak`] in the subscriber loses one wakeup in so many between the feed and the
//! copy, as if the product had never told it. It sits here, so that the product carries no hook.
//!
//! What logical decoding does not see is left out of the workload, or done together with a change that
//! is seen: ALTER TABLE … ATTACH and DETACH PARTITION always come with a row.

mod copy;
pub(crate) mod dice;
mod fault;
mod injector;
mod leak;
mod link;
mod plan;
mod proxy;
mod reader;
mod report;
mod round;
mod run;
mod statement;
mod subscriber;
mod tables;
mod timeline;
mod transaction;
mod workload;

pub use leak::Leak;
pub use report::{Report, Stale};
pub use run::{Assignment, cluster, fresh_seed, run};
pub use timeline::{Entry, Kind, Timeline};
