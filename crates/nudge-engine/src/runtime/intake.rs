//! From decoded messages to the window.

use std::sync::Arc;
use std::time::SystemTime;

use nudge_decode::{Decoded, TableFilter, TableRef};
use nudge_proto::Lsn;

use crate::Reason;
use crate::policy::{Harvest, Plain};
use crate::runtime::clock;
use crate::runtime::gate::Gate;

/// Collects what one read of the socket brings, and hands it over in one go.
pub(crate) struct Intake {
    filter: TableFilter,
    /// Whether a change may have to be told under the name of a table above.
    partition_root: bool,
    /// The tables that are known to be no partitions. Any other may have to be told under another name,
    /// which is looked up when an item is due; so the filter cannot turn it away here.
    plain: Option<Plain>,
    harvest: Harvest,
    gate: Arc<Gate>,
    /// The clock is read once per read, not once per change.
    now: SystemTime,
}

impl Intake {
    pub(crate) fn new(filter: TableFilter, partition_root: bool, gate: Arc<Gate>) -> Self {
        let harvest = Harvest::default();
        Self { filter, partition_root, plain: None, harvest, gate, now: clock::wall() }
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
    }

    /// Whether the table may have to be told under another name, which the filter may let through.
    fn may_be_a_partition(&self, table: &TableRef<'_>) -> bool {
        let is_plain = || self.plain.as_ref().is_some_and(|plain| plain.contains_ref(table));
        self.partition_root && !is_plain()
    }
}
