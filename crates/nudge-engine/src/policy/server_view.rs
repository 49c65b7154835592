//! What the server says about itself when it is asked: once before the slot is made, and then with each item
//! that is due.

use crate::TableName;
use crate::policy::{Lineage, Snapshot};

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServerView {
    /// What can be seen.
    pub(crate) snapshot: Snapshot,
    /// Whether it is a standby. A promotion ends that under a living feed.
    pub(crate) standby: bool,
    /// Its `synchronous_standby_names`, which change with a reload.
    pub(crate) synchronous_standby_names: String,
    /// Whether any table that is watched has a partition or an inheritance child.
    pub(crate) linked: bool,
    /// What lies above the tables that were asked about.
    pub(crate) lineage: Lineage,
}

impl ServerView {
    /// Takes a row in: nine columns of the [view](crate::policy::question::view), or five of the lineage in a
    /// [`Question`](crate::policy::question::Question). `None`: it cannot be understood.
    pub(crate) fn read(&mut self, columns: &[Option<String>]) -> Option<()> {
        match columns {
            [
                Some(xmax),
                Some(xmin),
                Some(age),
                Some(lsn),
                Some(inserted),
                Some(standby),
                Some(names),
                Some(linked),
                running,
            ] => {
                let xmax = xmax.parse().ok()?;
                let (lsn, inserted) = (lsn.parse().ok()?, inserted.parse().ok()?);
                let snapshot = &mut self.snapshot;
                (snapshot.xmax, snapshot.next) = (xmax, next(xmax, age.parse().ok()?));
                snapshot.xmin = xmin.parse().ok()?;
                (snapshot.lsn, snapshot.inserted) = (lsn, inserted);
                if let Some(running) = running {
                    snapshot.running.push(running.parse().ok()?);
                }
                (self.standby, self.linked) = (standby == "t", linked == "t");
                self.synchronous_standby_names.clone_from(names);
            }
            [Some(place), Some(schema), Some(table), Some(partitioned), Some(recent)] => {
                let recent = recent.split(',').filter(|xid| !xid.is_empty()).map(str::parse);
                let recent = recent.collect::<Result<Vec<u32>, _>>().ok()?;
                let table = TableName::new(schema, table);
                self.lineage.add(place.parse().ok()?, table, partitioned == "t", recent);
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether commits wait for standbys, and so stay invisible meanwhile.
    pub(crate) fn synchronous(&self) -> bool {
        !self.synchronous_standby_names.is_empty()
    }

    /// Whether commits wait here. A standby has none of its own.
    pub(crate) fn waits_for_standbys(&self) -> bool {
        self.synchronous() && !self.standby
    }

    /// Whether an answer was there at all.
    pub(crate) fn is_complete(&self) -> bool {
        self.snapshot.xmax > 0
    }
}

/// The next id: the server says how far it is from 3, in 32 bits.
fn next(xmax: u64, age: i32) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let lower = xmax as u32;
    xmax + u64::from(age.cast_unsigned().wrapping_add(3).wrapping_sub(lower))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nudge_proto::Lsn;

    fn view(rows: &[&[Option<&str>]]) -> Option<ServerView> {
        let mut view = ServerView::default();
        for row in rows {
            let row: Vec<_> = row.iter().map(|column| column.map(str::to_owned)).collect();
            view.read(&row)?;
        }
        Some(view)
    }

    fn state(running: Option<&'static str>) -> [Option<&'static str>; 9] {
        let [xmax, xmin, age, lsn, inserted] = ["4294967300", "9", "5", "0/10", "0/20"].map(Some);
        [xmax, xmin, age, lsn, inserted, Some("f"), Some("s1, s2"), Some("t"), running]
    }

    #[test]
    fn an_answer_is_rows_of_state_and_rows_of_lineage() {
        let rows: [&[_]; 3] =
            [&state(Some("9")), &state(Some("11")), &["1", "s", "root", "t", "7,8"].map(Some)];
        let view = view(&rows).unwrap();
        let snapshot = Snapshot {
            xmax: (1 << 32) + 4,
            xmin: 9,
            next: (1 << 32) + 8,
            running: vec![9, 11],
            lsn: Lsn::new(0x10),
            inserted: Lsn::new(0x20),
        };
        assert_eq!((&view.snapshot, view.standby, view.linked), (&snapshot, false, true));
        assert!(view.synchronous() && view.is_complete());
        assert_eq!(view.lineage.names(1).cloned().collect::<Vec<_>>(), [TableName::new("s", "root")]);
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        let broken: [&[Option<&str>]; 5] = [
            &["x", "7", "5", "0/1", "0/1", "f", "", "f", "1"].map(Some),
            &["7", "7", "5", "0/1", "0/1", "f", "", "f", "x"].map(Some),
            &["1", "s", "t", "f", "7,x"].map(Some),
            &["1", "2", "3"].map(Some),
            &[None; 9],
        ];
        for row in broken {
            assert_eq!(view(&[row]), None, "{row:?}");
        }
        assert!(!ServerView::default().is_complete());
    }
}
