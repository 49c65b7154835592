//! From decoded messages to the window.

use std::sync::Arc;
use std::time::SystemTime;

use nudge_decode::{Decoded, TableFilter, TableRef};
use nudge_proto::Lsn;

use crate::policy::{Harvest, Plain};
use crate::runtime::gate::Gate;
use crate::runtime::{clock, meter};
use crate::{Knobs, Reason};

/// Collects what one read of the socket brings, and hands it over in one go.
pub(crate) struct Intake {
    filter: TableFilter,
    /// Whether a change may have to be told under the name of a table above.
    partition_root: bool,
    /// Whether the program names parents: then every table may have one.
    parents_named: bool,
    /// The tables that are known to be no partitions. Any other may have to be told under another name,
    /// which is looked up when an item is due; so the filter cannot turn it away here.
    plain: Option<Plain>,
    harvest: Harvest,
    gate: Arc<Gate>,
    /// The clock is read once per read, not once per change.
    now: SystemTime,
}

impl Intake {
    pub(crate) fn new(knobs: &Knobs, gate: Arc<Gate>) -> Self {
        Self {
            filter: knobs.tables.clone(),
            partition_root: knobs.partition_root,
            parents_named: knobs.parent_of.is_some(),
            plain: None,
            harvest: Harvest::default(),
            gate,
            now: clock::wall(),
        }
    }

    /// Bytes have arrived.
    pub(crate) fn open(&mut self) {
        self.now = clock::wall();
    }

    /// Takes a message in. What cannot be understood may have been any change of any table (rule R7).
    pub(crate) fn accept(&mut self, decoded: Decoded<'_>) {
        match decoded {
            Decoded::Change(identities) => {
                for identity in &identities {
                    let table = &identity.table;
                    if self.filter.matches(table) {
                        tracing::debug!(schema = &*table.schema, table = &*table.table, "change");
                        self.harvest.change(identity, self.now);
                    } else if self.may_be_a_partition(table) {
                        self.harvest.suspect(identity, self.now);
                    }
                }
            }
            Decoded::Begin { xid } => self.harvest.begin(xid),
            Decoded::Commit => {
                self.harvest.commit();
                if self.harvest.may_have_changed_the_catalog() {
                    self.plain = None;
                }
            }
            Decoded::Silent => {}
            Decoded::Unreadable(why) => {
                tracing::warn!(%why, "a message of the stream cannot be understood: resync");
                self.harvest.resync(Reason::Undecodable);
            }
        }
    }

    /// A new stream is live (rules R1 and R2).
    pub(crate) fn restart(&mut self, reason: Reason) {
        self.harvest.restart(reason);
    }

    /// The stream has come to `position`. Hands everything over: one lock per read.
    pub(crate) fn close(&mut self, position: Lsn, now: std::time::Instant) {
        self.harvest.reach(position);
        self.plain = self.gate.deliver(&mut self.harvest, now);
        meter::pending(|| self.gate.window().pending_tables());
    }

    /// What has been taken in came in that many bytes.
    pub(crate) fn measure(&self, bytes: usize) {
        meter::read(bytes, self.now, || self.harvest.changes());
    }

    /// Whether the table may have to be told under another name, which the filter may let through.
    fn may_be_a_partition(&self, table: &TableRef<'_>) -> bool {
        let is_plain = || self.plain.as_ref().is_some_and(|plain| plain.contains_ref(table));
        self.parents_named || self.partition_root && !is_plain()
    }
}
