//! From decoded messages to the window.

use std::sync::Arc;
use std::time::SystemTime;

use nudge_decode::{Decoded, TableFilter};
use nudge_proto::Lsn;

use crate::Reason;
use crate::policy::Harvest;
use crate::runtime::clock;
use crate::runtime::handover::Handover;

/// Collects what one read of the socket brings, and hands it over in one go.
pub(crate) struct Intake {
    filter: TableFilter,
    harvest: Harvest,
    handover: Arc<Handover>,
    /// The clock is read once per read, not once per change.
    now: SystemTime,
}

impl Intake {
    pub(crate) fn new(filter: TableFilter, handover: Arc<Handover>) -> Self {
        Self { filter, harvest: Harvest::default(), handover, now: clock::wall() }
    }

    /// Bytes have arrived.
    pub(crate) fn open(&mut self) {
        self.now = clock::wall();
    }

    /// Takes a message in. What cannot be understood may have been any change of any table (rule R7).
    pub(crate) fn accept(&mut self, decoded: Decoded<'_>) {
        match decoded {
            Decoded::Change(tables) => {
                for table in tables.iter().filter(|table| self.filter.matches(table)) {
                    tracing::debug!(schema = &*table.schema, table = &*table.table, "change");
                    self.harvest.change(table, self.now);
                }
            }
            Decoded::Begin { xid } => self.harvest.begin(xid),
            Decoded::Commit => self.harvest.commit(),
            Decoded::Silent => {}
            Decoded::Unreadable(why) => {
                tracing::warn!(%why, "a message of the stream cannot be understood: resync");
                self.harvest.resync(Reason::Undecodable);
            }
        }
    }

    /// A new stream is live (rules R1 and R2).
    pub(crate) fn restart(&mut self, reason: Reason, lsn: Lsn) {
        self.harvest.restart();
        self.harvest.resync(reason);
        self.harvest.reach(lsn);
    }

    /// The stream has come to this position.
    pub(crate) fn reach(&mut self, lsn: Lsn) {
        self.harvest.reach(lsn);
    }

    /// Hands everything over: one lock per read.
    pub(crate) fn close(&mut self, now: std::time::Instant) {
        self.handover.deliver(&mut self.harvest, now);
    }
}
