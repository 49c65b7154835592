//! A claim: what the project says of itself, with the means to find out whether it is true.

use std::fmt;

use futures::future::LocalBoxFuture;

use crate::{Context, Evidence, Failure};

/// One claim. Its file, its constant and its function tell the same name.
#[derive(Clone, Copy)]
pub struct Claim {
    /// What it is called on the command line.
    pub name: &'static str,
    /// A few words for a heading.
    pub title: &'static str,
    /// The claim itself, one sentence.
    pub claim: &'static str,
    /// What would have to be seen for it to be false.
    pub falsified_by: &'static str,
    /// The rules of delivery (R1 to R13) and the laws that it proves.
    pub proves: &'static [&'static str],
    /// With which plugins it is tried.
    pub plugins: Plugins,
    /// What has to be there.
    pub needs: &'static [Need],
    /// Tries it.
    pub run: fn(Context) -> Proof,
}

/// An attempt to prove a claim.
pub type Proof = LocalBoxFuture<'static, Result<Evidence, Failure>>;

/// The plugins that a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugins {
    /// Each of them, one by one.
    Each,
    /// Both at once, side by side.
    Compared,
    /// wal2json alone: the claim is about something that the other cannot do.
    Wal2Json,
    /// Whichever the product takes by itself: the claim is about something else.
    Auto,
}

/// What a claim needs beyond a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A server on which nobody else works: why the claim would disturb them.
    ForTests(&'static str),
    /// The same, and no other claim at the same time: why it would disturb that one.
    Alone(&'static str),
    /// Throwaway clusters of its own, to stop, to set up in another way, or to keep files beside.
    OwnCluster,
    /// The same, with a certificate.
    Certificate,
    /// Processes that tell their memory (`/proc`).
    ProcessMemory,
    /// `max_prepared_transactions` above 0.
    PreparedTransactions,
    /// Own clusters, and `pg_basebackup` to make standbys of them.
    Standby,
    /// Chromium with its driver, as Debian has them.
    Browser,
    /// PgBouncer.
    Pooler,
    /// promtool.
    Promtool,
    /// At least this major version.
    Major(u32),
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({})", self.name)
    }
}
