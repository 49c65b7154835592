//! What has not been delivered yet: the whole contract of delivery in one type.

use std::collections::BTreeMap;

use nudge_proto::Lsn;

use crate::policy::Coalescer;
use crate::{Reason, TableName};

/// Nothing, some tables, or everything. Joins only move up:
///
/// ```text
/// Empty ── a table ──▶ Tables ── more than max_pending, or a gap ──▶ Resync
/// ```
///
/// A Resync absorbs whatever comes until it is delivered, and keeps its first reason (rule R6). There
/// is no queue: at most one of these exists, so a consumer that does not poll costs the memory of
/// `max_pending` names, with their keys if rows are told apart (rule R5).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pending {
    /// Nothing happened.
    #[default]
    Empty,
    /// These tables, or rows, changed.
    Tables(Coalescer),
    /// Everything may have changed.
    Resync(Reason),
}

impl Pending {
    /// Joins tables or rows in, and leaves `tables` empty. More than `max` of them are a Resync.
    pub fn join_tables(&mut self, tables: &mut Coalescer, max: usize) {
        match self {
            _ if tables.is_empty() => {}
            Self::Empty => *self = Self::Tables(std::mem::take(tables)),
            Self::Tables(mine) => mine.absorb(tables),
            Self::Resync(_) => *tables = Coalescer::default(),
        }
        if let Self::Tables(mine) = self
            && mine.exceeds(max)
        {
            *self = Self::Resync(Reason::Overflow);
        }
    }

    /// The tables whose names have to be found out, and where the first of the transactions began that changed
    /// each.
    pub fn tables(&self) -> BTreeMap<TableName, Lsn> {
        match self {
            Self::Tables(tables) => tables.stored_tables(),
            Self::Empty | Self::Resync(_) => BTreeMap::new(),
        }
    }

    /// Joins a Resync in.
    pub fn join_resync(&mut self, reason: Reason) {
        if !matches!(self, Self::Resync(_)) {
            *self = Self::Resync(reason);
        }
    }

    /// Joins in what happened after `self`.
    pub fn join(&mut self, later: Self, max: usize) {
        match later {
            Self::Empty => {}
            Self::Tables(mut tables) => self.join_tables(&mut tables, max),
            Self::Resync(reason) => self.join_resync(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Seen;
    use nudge_decode::{Identity, Key, KeyColumn, KeyValue, TableRef};
    use proptest::prelude::*;
    use std::time::SystemTime;

    const MAX: usize = 5;

    /// Tables below 4, then rows of the first of them.
    fn identity(n: u8) -> Identity<'static> {
        let table = |n: u8| TableRef::new("s", format!("t{n}"));
        let column = |value| KeyColumn { name: "id".into(), value: KeyValue::Integer(value) };
        match n {
            0..4 => table(n).into(),
            _ => Identity { table: table(0), key: Key::new(vec![column(n.into())]) },
        }
    }

    fn tables(names: &[u8]) -> Pending {
        let mut coalescer = Coalescer::default();
        for n in names {
            coalescer.add(&identity(*n), Seen { at: SystemTime::UNIX_EPOCH, began: Lsn::new(u64::from(*n)) });
        }
        let mut pending = Pending::Empty;
        pending.join_tables(&mut coalescer, MAX);
        pending
    }

    fn pending() -> impl Strategy<Value = Pending> {
        prop_oneof![
            8 => prop::collection::vec(0..8_u8, 0..8).prop_map(|names| tables(&names)),
            1 => Just(Pending::Resync(Reason::Undecodable)),
            1 => Just(Pending::Resync(Reason::Reconnected)),
        ]
    }

    fn join(a: &Pending, b: &Pending) -> Pending {
        let mut joined = a.clone();
        joined.join(b.clone(), MAX);
        joined
    }

    fn counts(pending: &Pending) -> Option<BTreeMap<String, u64>> {
        match pending {
            Pending::Empty => Some(BTreeMap::new()),
            Pending::Tables(tables) => {
                let events = tables.clone().into_events();
                Some(events.iter().map(|event| (event.payload().into_owned(), event.count)).collect())
            }
            Pending::Resync(_) => None,
        }
    }

    proptest! {
        /// How reads group the changes does not change what they add up to. (When an overflow and
        /// another reason race for being the first, the grouping may decide which it was.)
        #[test]
        fn joins_are_associative(a in pending(), b in pending(), c in pending()) {
            let (left, right) = (join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
            match (&left, &right) {
                (Pending::Resync(_), Pending::Resync(_)) => {}
                _ => prop_assert_eq!(left, right),
            }
        }

        #[test]
        fn nothing_is_neutral(a in pending()) {
            prop_assert_eq!(join(&a, &Pending::Empty), a.clone());
            prop_assert_eq!(join(&Pending::Empty, &a), a);
        }

        /// R6: Resync absorbs, and its first reason is kept.
        #[test]
        fn r6_resync_absorbs(a in pending()) {
            let resync = Pending::Resync(Reason::Connected);
            prop_assert_eq!(join(&resync, &a), resync.clone());
            prop_assert!(matches!(join(&a, &resync), Pending::Resync(_)));
        }

        /// R3: counts add up, unless there is a Resync.
        #[test]
        fn r3_counts_add_up(a in pending(), b in pending()) {
            if let (Some(mut sum), Some(right), Some(joined)) = (counts(&a), counts(&b), counts(&join(&a, &b))) {
                right.into_iter().for_each(|(table, count)| *sum.entry(table).or_default() += count);
                prop_assert_eq!(joined, sum);
            }
        }

        /// R5: never more tables than `max_pending`.
        #[test]
        fn r5_memory_is_bounded(all in prop::collection::vec(pending(), 0..10)) {
            let joined = all.iter().fold(Pending::Empty, |joined, next| join(&joined, next));
            if let Pending::Tables(tables) = joined {
                prop_assert!(tables.len() <= MAX);
            }
        }
    }

    #[test]
    fn r5_one_table_too_many_is_an_overflow() {
        assert!(matches!(tables(&[0, 1, 2, 3, 4]), Pending::Tables(_)));
        assert_eq!(tables(&[0, 1, 2, 3, 4, 5]), Pending::Resync(Reason::Overflow));
    }

    #[test]
    fn events_keep_the_order_in_which_they_were_first_seen() {
        let Pending::Tables(tables) = join(&tables(&[3, 1, 3]), &tables(&[2, 1])) else { panic!("tables") };
        let events = tables.into_events();
        let order: Vec<_> = events.iter().map(|e| (e.table.table(), e.count)).collect();
        assert_eq!(order, [("t3", 2), ("t1", 2), ("t2", 1)]);
    }
}
