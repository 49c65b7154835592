//! From decoded messages to the window.

use std::sync::Arc;
use std::time::SystemTime;

use nudge_decode::{Decoded, TableFilter};
use nudge_proto::Lsn;

use crate::Reason;
use crate::policy::Harvest;
use crate::runtime::clock;
use crate::runtime::gate::Gate;

/// Collects what one read of the socket brings, and hands it over in one go.
pub(crate) struct Intake {
    filter: TableFilter,
    /// Whether a change may have to be told under the name of a table above.
    partition_root: bool,
    /// Whether the filter can be applied here: while there may be partitioned tables, only names that
    /// were looked up tell whether a change matters, and that is done when an item is due.
    filtering: bool,
    harvest: Harvest,
    gate: Arc<Gate>,
    /// The clock is read once per read, not once per change.
    now: SystemTime,
}

impl Intake {
    pub(crate) fn new(filter: TableFilter, partition_root: bool, gate: Arc<Gate>) -> Self {
        let harvest = Harvest::default();
        Self { filter, partition_root, filtering: !partition_root, harvest, gate, now: clock::wall() }
    }

    /// Bytes have arrived.
    pub(crate) fn open(&mut self) {
        self.now = clock::wall();
    }

    /// Takes a message in. What cannot be understood may have been any change of any table (rule R7).
    pub(crate) fn accept(&mut self, decoded: Decoded<'_>) {
        match decoded {
            Decoded::Change(tables) => {
                for table in &tables {
                    if !self.filtering || self.filter.matches(table) {
                        tracing::debug!(schema = &*table.schema, table = &*table.table, "change");
                        self.harvest.change(table, self.now);
                    }
                }
            }
            Decoded::Begin { xid } => self.harvest.begin(xid),
            Decoded::Commit => {
                self.harvest.commit();
                self.filtering &= !self.partition_root || !self.harvest.may_have_changed_the_catalog();
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
        let may_be_partitioned = self.gate.deliver(&mut self.harvest, now);
        self.filtering = !(self.partition_root && may_be_partitioned);
    }
}
