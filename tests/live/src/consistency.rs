//! The consistency checker: it tries to falsify "handle Resync, and nothing can make your view wrong".
//!
//! A `round` has a fresh database, a feed that connects through a proxy, and a subscriber that holds a copy
//! of the tables in its scope: it refetches what an item names, everything on a Resync, and nothing else. Sessions
//! run a random workload while random faults break the connection, its server process, the writers, the server, or
//! its standby. When they rest, a mark is committed; once the copy holds the mark, everything before it has been
//! told, and the copy must equal the database.
//!
//! A seed means a [`Scenario`]: what the round is about, and what may be demanded of the copy. The scenarios that
//! need standbys have them in the [`Topology`], which serves many rounds.
//!
//! What is pure: the `plan` of a round, which is a function of its seed alone (`--seed N` plays it again), with the
//! scenarios that draft it; the `copy` and its comparison, the `scope`, the `timeline`. What acts: the `workload`,
//! the `injector` with its `proxy`, `processes` and `standby`, the `probe`, the `subscriber` with its `source`.
//!
//! The copy can also be a live value or a guarded cache of the facade ([`Consumer`]).
//!
//! **It can fail.** A [`Leak`] in the subscriber loses one wakeup in so many between the feed and the
//! copy, as if the product had never told it. It sits here, so that the product carries no hook.
//! A cache without its guard has the race that the guard is for.

mod absent_standby;
mod consumer;
mod copy;
mod database;
pub(crate) mod dice;
mod everything;
mod fault;
mod first_partitions;
mod frozen_writers;
mod injector;
mod lagging_replica;
mod leak;
mod link;
mod manner;
mod plan;
mod probe;
mod processes;
mod proxy;
mod reader;
mod report;
mod round;
mod run;
mod scenario;
mod schema_changes;
mod scope;
mod source;
mod standby;
mod statement;
mod subscriber;
mod tables;
mod takeover;
mod timeline;
mod topology;
mod transaction;
mod workload;

pub use consumer::Consumer;
pub use leak::Leak;
pub use report::{Report, Stale};
pub use run::{Assignment, fresh_seed, run, these};
pub use scenario::Scenario;
pub use timeline::{Entry, Kind, Timeline};
pub use topology::Topology;
