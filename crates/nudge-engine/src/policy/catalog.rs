//! Whether there are partitioned tables.

use std::time::{Duration, Instant};

/// What is known of the catalog. DDL is not decoded; so after every transaction that may have been
/// some, what was known is open again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Catalog {
    may_be_partitioned: bool,
    /// How often it may have changed: an answer from before a change is none.
    version: u64,
    /// Whether a table filter works on the server, which would keep the rows of new partitions there:
    /// then a change of the catalog is looked at even when no item is due.
    watchful: bool,
    look_due: Option<Instant>,
    looked: Option<Instant>,
}

impl Catalog {
    /// A stream starts.
    pub fn restart(&mut self, partitioned: bool, watchful: bool) {
        let version = self.version + 1;
        *self = Self { may_be_partitioned: partitioned, version, watchful, look_due: None, looked: None };
    }

    /// DDL may have run.
    pub fn changed(&mut self, now: Instant) {
        self.may_be_partitioned = true;
        self.version += 1;
        if self.watchful {
            let due = self.looked.map_or(now, |looked| now.max(looked + Self::REST));
            self.look_due.get_or_insert(due);
        }
    }

    /// When somebody has to look although no item is due.
    pub fn look_due(&self) -> Option<Instant> {
        self.look_due
    }

    /// Whether that is at `now`.
    pub fn take_look(&mut self, now: Instant) -> bool {
        let due = self.look_due.is_some_and(|due| due <= now);
        if due {
            self.look_due = None;
            self.looked = Some(now);
        }
        due
    }

    /// Which answer the next question is for.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The server has told, when asked at this version. Returns whether the stream has to be made anew,
    /// with another filter on the server.
    pub fn learn(&mut self, partitioned: bool, version: u64) -> bool {
        if version == self.version {
            self.may_be_partitioned = partitioned;
            self.look_due = None;
        }
        partitioned && self.watchful
    }

    /// Whether there may be partitioned tables.
    pub fn may_be_partitioned(&self) -> bool {
        self.may_be_partitioned
    }

    /// Other tables' transactions look like DDL when the server filters: one look per second is enough.
    const REST: Duration = Duration::from_secs(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn an_answer_from_before_a_change_is_none() {
        let (mut catalog, now) = (Catalog::default(), Instant::now());
        catalog.changed(now);
        let asked = catalog.version();
        catalog.changed(now);
        catalog.learn(false, asked);
        assert!(catalog.may_be_partitioned());
        catalog.learn(false, catalog.version());
        assert!(!catalog.may_be_partitioned());
    }

    #[test]
    fn with_a_filter_on_the_server_changes_are_looked_at_once_per_second() {
        let (mut catalog, now) = (Catalog::default(), Instant::now());
        catalog.changed(now);
        assert_eq!(catalog.look_due(), None);
        catalog.restart(false, true);
        catalog.changed(now);
        assert!(catalog.take_look(now));
        catalog.changed(now);
        assert_eq!(catalog.look_due(), Some(now + S));
        assert!(!catalog.take_look(now) && catalog.take_look(now + S));
        assert!(catalog.learn(true, catalog.version()), "the filter on the server does not fit any more");
    }
}
