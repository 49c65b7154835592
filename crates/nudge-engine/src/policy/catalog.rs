//! Which tables are known to be no partitions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexSet;
use nudge_decode::TableRef;

use crate::TableName;
use crate::table_name::Borrowed;

/// Tables that were looked up while the database had no partitioned tables. A name that is not among
/// them may be a new partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plain(Arc<IndexSet<TableName>>);

impl Plain {
    /// Whether the table is one of them.
    pub fn contains(&self, table: &TableName) -> bool {
        self.0.contains(table)
    }

    /// The same, without a name of its own.
    pub fn contains_ref(&self, table: &TableRef<'_>) -> bool {
        self.0.contains(&Borrowed(table))
    }

    fn extend(&mut self, tables: &[TableName]) {
        let known = Arc::make_mut(&mut self.0);
        if known.len() + tables.len() > Self::MAX {
            known.clear();
        }
        known.extend(tables.iter().cloned());
    }

    /// More tables than that are looked up again now and then.
    const MAX: usize = 64 * 1024;
}

/// What is known of the catalog. DDL is not decoded; so after every transaction that may have been
/// some, what was known is open again. In a stream without the markers of transactions it is always open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// `None`: there may be partitioned tables, and every table may be a partition.
    plain: Option<Plain>,
    /// How often it may have changed: an answer from before a change is none.
    version: u64,
    /// Whether a table filter works on the server, which would keep the rows of new partitions there:
    /// then a change of the catalog is looked at even when no item is due.
    watchful: bool,
    /// Whether transactions show in the stream that may have been DDL.
    noticed: bool,
    look_due: Option<Instant>,
    looked: Option<Instant>,
}

impl Catalog {
    /// A stream starts. `noticed`: it tells of transactions that may have been DDL.
    pub fn restart(&mut self, partitioned: bool, watchful: bool, noticed: bool) {
        let (plain, version) = ((!partitioned && noticed).then(Plain::default), self.version + 1);
        *self = Self { plain, version, watchful, noticed, look_due: None, looked: None };
    }

    /// DDL may have run.
    pub fn changed(&mut self, now: Instant) {
        self.plain = None;
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

    /// The server has told about these tables, when asked at this version. Returns whether the stream has
    /// to be made anew, with another filter on the server.
    pub fn learn(&mut self, partitioned: bool, tables: &[TableName], version: u64) -> bool {
        if version == self.version {
            self.look_due = None;
            if partitioned || !self.noticed {
                self.plain = None;
            } else {
                self.plain.get_or_insert_default().extend(tables);
            }
        }
        partitioned && self.watchful
    }

    /// Nobody has told. A watchful one looks again: what the server keeps to itself brings no item that
    /// would ask.
    pub fn unanswered(&mut self, now: Instant) {
        if self.watchful && self.plain.is_none() {
            self.look_due.get_or_insert(now + Self::REST);
        }
    }

    /// The tables that are no partitions; `None`: any may be one.
    pub fn plain(&self) -> Option<&Plain> {
        self.plain.as_ref()
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
        catalog.restart(true, false, true);
        catalog.changed(now);
        let asked = catalog.version();
        catalog.changed(now);
        let tables = [TableName::new("s", "t")];
        catalog.learn(false, &tables, asked);
        assert_eq!(catalog.plain(), None);
        catalog.learn(false, &tables, catalog.version());
        assert!(catalog.plain().unwrap().contains(&tables[0]));
    }

    #[test]
    fn a_name_that_was_not_looked_up_may_be_a_new_partition() {
        let mut catalog = Catalog::default();
        catalog.restart(false, false, true);
        assert!(!catalog.plain().unwrap().contains_ref(&TableRef::new("s", "t")));
        catalog.learn(false, &[TableName::new("s", "t")], catalog.version());
        assert!(catalog.plain().unwrap().contains_ref(&TableRef::new("s", "t")));
        catalog.restart(true, false, true);
        assert_eq!(catalog.plain(), None);
    }

    #[test]
    fn where_ddl_does_not_show_every_table_may_have_become_a_partition() {
        let mut catalog = Catalog::default();
        catalog.restart(false, false, false);
        assert_eq!(catalog.plain(), None);
        catalog.learn(false, &[TableName::new("s", "t")], catalog.version());
        assert_eq!(catalog.plain(), None);
    }

    #[test]
    fn with_a_filter_on_the_server_changes_are_looked_at_once_per_second() {
        let (mut catalog, now) = (Catalog::default(), Instant::now());
        catalog.changed(now);
        assert_eq!(catalog.look_due(), None);
        catalog.restart(false, true, true);
        catalog.changed(now);
        assert!(catalog.take_look(now));
        catalog.changed(now);
        assert_eq!(catalog.look_due(), Some(now + S));
        assert!(!catalog.take_look(now) && catalog.take_look(now + S));
        assert!(
            catalog.learn(true, &[], catalog.version()),
            "the filter on the server does not fit any more"
        );
    }
}
