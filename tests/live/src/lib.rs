//! The claims of pgnudge, proven on real servers.
//!
//! A [`Claim`] is data: one sentence, what would falsify it, which rules it proves, and how to
//! look. There is one file per claim under `claims`, named as the claim is. A [`Case`] is a claim
//! with a plugin. Two front ends run the same cases: the test target `live`, for `cargo test`,
//! and the program `proof`, which shows the evidence and leaves a [`report`].
//!
//! A claim talks to the product as users do: through the facade, or through the program
//! `pgnudge watch` and its JSON lines ([`Watch`]). It looks at the server through a driver.

mod abilities;
mod authority;
mod bridge;
mod browser;
mod case;
mod catalogs;
mod claim;
mod claims;
pub mod consistency;
mod consumer;
mod context;
mod doctor;
mod effort;
mod evidence;
pub mod example;
mod figure;
mod gate;
pub mod http;
mod item;
pub mod listener;
mod load;
mod names;
mod passwords;
mod pooler;
pub mod product;
mod promtool;
mod psql;
pub mod report;
mod security;
mod standby;
mod tally;
mod watch;

pub use abilities::Abilities;
pub use bridge::Bridge;
pub use case::{Case, Variant};
pub use claim::{Claim, Need, Plugins, Proof};
pub use claims::ALL;
pub use consumer::Consumer;
pub use context::Context;
pub use effort::Effort;
pub use evidence::{Evidence, Failure};
pub use figure::{Figure, Series, Shape};
pub use item::{Change, Item};
pub use security::Security;
pub use watch::Watch;
