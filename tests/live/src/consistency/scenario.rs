//! What a round is about. A seed means one scenario, so that it plays the same round wherever it is played.
//!
//! Each scenario has its tables, work, faults and manners, chosen so that its laps are short: a fault of
//! the product shows when it hits the last change of a table before a comparison, so many short laps see more
//! than one long lap. What the checker may demand of the copy:
//!
//! - A table is compared if the catalog has its name when the lap ends. DDL is not decoded: the copy of a name that
//!   is gone is not looked at.
//! - A statement that alone changes what a reader of a name sees (DETACH, DROP, NO INHERIT, ATTACH of rows) is in
//!   one transaction with a row that goes through that name: then a nudge or a Resync must come. Names that
//!   such statements change without a row are in no scope: those of the partitions that are renamed.
//! - A statement that does not (RENAME or SET SCHEMA of a partition, of its schema, swaps) may come alone.
//! - A reader of a table with children reads their rows too (manual, "Inheritance"), as one of a partitioned table.
//! - Whatever the sessions did can be seen before the mark is committed: the standby that they wait for has
//!   returned, the processes go on. Until then nothing is demanded but the liveness of a `probe`.
//! - A consumer that waits for a replica to replay a position (docs/replicas.md) does not read meanwhile. So it is
//!   given no change that the replica never replays; positions of its items must be ones that the replica reaches.

/// What a round is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Tables of every kind, and every fault of the connection and the server.
    Everything,
    /// Partitions and children that are renamed, moved, swapped, dropped and detached while rows are written.
    SchemaChanges,
    /// A database that gets its first partitioned table while a filter may work on the server.
    FirstPartitions,
    /// Sessions that are stopped at any moment, between the flush of a commit and its end too.
    FrozenWriters,
    /// A synchronous standby that is absent for a while, so that commits are decoded and not visible.
    AbsentStandby,
    /// A consumer that refetches from a replica that lags, once the replica has replayed the item's position.
    LaggingReplica,
    /// A primary that fails, and its standby that takes over, with a consumer that reads there.
    Failover,
    /// A feed on a standby, which is promoted under it.
    Promotion,
}

impl Scenario {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Everything,
        Self::SchemaChanges,
        Self::FirstPartitions,
        Self::FrozenWriters,
        Self::AbsentStandby,
        Self::LaggingReplica,
        Self::Failover,
        Self::Promotion,
    ];

    /// Which one a seed means. Those that take long come up less often.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        match seed % 16 {
            0 | 8 => Self::Everything,
            1 | 5 | 9 | 13 => Self::SchemaChanges,
            2 | 10 => Self::FirstPartitions,
            3 | 11 => Self::FrozenWriters,
            4 | 12 => Self::AbsentStandby,
            6 | 14 => Self::LaggingReplica,
            7 => Self::Failover,
            _ => Self::Promotion,
        }
    }

    /// What it is called on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::SchemaChanges => "schema-changes",
            Self::FirstPartitions => "first-partitions",
            Self::FrozenWriters => "frozen-writers",
            Self::AbsentStandby => "absent-standby",
            Self::LaggingReplica => "lagging-replica",
            Self::Failover => "failover",
            Self::Promotion => "promotion",
        }
    }

    /// Whether it needs a streaming standby of the server.
    pub(crate) fn needs_standby(self) -> bool {
        matches!(self, Self::LaggingReplica | Self::Failover | Self::Promotion)
    }

    /// Whether the standby takes over in it.
    pub(crate) fn uses_up_its_servers(self) -> bool {
        matches!(self, Self::Failover | Self::Promotion)
    }

    /// The first major version that can play it: only later ones decode on a standby.
    pub(crate) fn least_major(self) -> u32 {
        if self == Self::Promotion { 16 } else { 15 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_seeds_mean_every_scenario() {
        for scenario in Scenario::ALL {
            assert!((100..116).any(|seed| Scenario::of(seed) == *scenario), "{scenario:?}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        let names: std::collections::BTreeSet<_> = Scenario::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Scenario::ALL.len());
    }
}
