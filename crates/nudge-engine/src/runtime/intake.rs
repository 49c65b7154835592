//! From decoded messages to the window.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use nudge_decode::{Decoded, Decoder, Identities, Identity, TableFilter, TableRef};
use nudge_proto::Lsn;

use crate::policy::{Familiar, Harvest, Look, Standing};
use crate::runtime::clock;
use crate::runtime::gate::Gate;
use crate::runtime::meter::Meter;
use crate::runtime::source::Source;
use crate::{Knobs, LOG, Reason, TableName};

/// Collects what one read of the socket brings, and hands it over in one go.
pub(crate) struct Intake {
    filter: TableFilter,
    /// Whether the program names parents: then every table may have one.
    parents_named: bool,
    /// Whether no table lies above another, as far as is known: then the filter turns changes away here.
    drops: bool,
    harvest: Harvest,
    familiar: Familiar,
    gate: Arc<Gate>,
    meter: Meter,
    /// The clock is read once per read, not once per change.
    now: SystemTime,
}

impl Intake {
    pub(crate) fn new(knobs: &Knobs, gate: Arc<Gate>, meter: Meter) -> Self {
        Self {
            filter: knobs.tables.clone(),
            parents_named: knobs.parent_of.is_some(),
            drops: false,
            harvest: Harvest::default(),
            familiar: Familiar::default(),
            gate,
            meter,
            now: clock::wall(),
        }
    }

    /// Bytes have arrived.
    pub(crate) fn open(&mut self) {
        self.now = clock::wall();
        self.drops = self.gate.drops();
    }

    /// Takes a message of the plugin in. In steady state this is a comparison and an addition.
    ///
    /// Without markers it is a transaction by itself, perhaps a part of one.
    /// `at` is where the change is in the log: for logical decoding, either position of the message.
    #[inline]
    pub(crate) fn read(&mut self, decoder: &Decoder, head: &[u8], cut: bool, at: Lsn) {
        let alone = !decoder.has_markers();
        if alone {
            self.harvest.begin(decoder.xid(head), at);
        }
        match self.familiar.look(head) {
            Look::Known(_, Standing::Nothing) => self.harvest.dropped(),
            Look::Known(table, Standing::At(place)) => {
                tracing::debug!(target: LOG, schema = table.schema(), table = table.table(), "change");
                self.harvest.again(place);
            }
            Look::Again(table) => {
                let table = table.clone();
                let standing = self.count(&table);
                self.familiar.keep(standing);
            }
            Look::Strange => self.read_strange(decoder, head, cut, at),
        }
        if alone {
            self.harvest.leave();
        }
    }

    #[inline(never)] // It would crowd out the short way.
    fn read_strange(&mut self, decoder: &Decoder, head: &[u8], cut: bool, at: Lsn) {
        let decoded = decoder.decode(head, cut);
        if let Decoded::Change(identities) = &decoded
            && let [Identity { table, key: None }] = identities.as_slice()
            && self.familiar.is_curious()
            && let Some(prefix) = decoder.row_prefix(head)
        {
            let table = TableName::from(table);
            let standing = self.count(&table);
            self.familiar.meet(prefix, table, standing);
        } else if let Decoded::Change(tables) = &decoded
            && tables.is_truncation()
        {
            self.truncate(tables, at);
        } else {
            self.accept(decoded, at);
        }
    }

    /// Counts a change of each table. All that one statement truncates comes with the same position.
    #[cold]
    fn truncate(&mut self, tables: &Identities<'_>, at: Lsn) {
        self.accept(Decoded::Change(tables.clone()), at);
        self.harvest.truncated(tables.as_slice(), at);
    }

    /// Counts a change of a table, and tells what the next one is worth.
    fn count(&mut self, table: &TableName) -> Standing {
        let name = TableRef::new(table.schema(), table.table());
        let certain = self.filter.matches(&name);
        if !certain && self.turns_away() {
            self.harvest.dropped();
            return Standing::Nothing;
        }
        tracing::debug!(target: LOG, schema = table.schema(), table = table.table(), "change");
        Standing::At(self.harvest.change_known(table, certain, self.now))
    }

    /// Whether something would come of it.
    pub(crate) fn minds(&self, decoded: &Decoded<'_>) -> bool {
        let minds = |table| self.filter.matches(table) || !self.turns_away();
        match decoded {
            Decoded::Change(identities) => identities.iter().any(|identity| minds(&identity.table)),
            Decoded::Nudge(table) => minds(table),
            Decoded::Unreadable(_) => true,
            Decoded::Begin { .. } | Decoded::Commit | Decoded::Silent => false,
        }
    }

    /// Takes a message at this position in. What cannot be understood may have been any change of any table
    /// (rule R7).
    pub(crate) fn accept(&mut self, decoded: Decoded<'_>, lsn: Lsn) {
        match decoded {
            Decoded::Change(identities) => identities.iter().for_each(|identity| self.change(identity)),
            Decoded::Nudge(table) if self.filter.matches(&table) || self.parents_named => {
                self.harvest.nudge(table, self.now);
            }
            Decoded::Begin { xid } => self.harvest.begin(xid, lsn),
            Decoded::Commit => {
                self.harvest.commit(lsn);
                if self.drops && self.harvest.may_have_changed_the_catalog() {
                    self.drops = false;
                    self.familiar.next_read();
                }
            }
            Decoded::Nudge(_) | Decoded::Silent => {}
            Decoded::Unreadable(why) => self.resync(why),
        }
    }

    pub(crate) fn change(&mut self, identity: &Identity<'_>) {
        let table = &identity.table;
        if self.filter.matches(table) {
            tracing::debug!(target: LOG, schema = &*table.schema, table = &*table.table, "change");
            self.harvest.change(identity, self.now);
        } else if self.turns_away() {
            self.harvest.dropped();
        } else {
            self.harvest.suspect(identity, self.now);
        }
    }

    /// A message may have been any change of any table (rule R7).
    pub(crate) fn resync(&mut self, why: impl Display) {
        self.harvest.unreadable(|| why.to_string());
    }

    /// A new stream is live, and begins at this position (rules R1 and R2). A test's stream has no source.
    pub(crate) fn restart(&mut self, reason: Reason, source: Option<Source>, position: Lsn) {
        self.harvest.restart(reason);
        self.harvest.reach(position);
        self.familiar.forget();
        self.gate.begin(source, &mut self.harvest, clock::now());
    }

    /// The stream is over.
    pub(crate) fn lost(&self) {
        self.gate.lock().live = false;
    }

    /// The stream has come to `position`, with what arrived then and was read now. Hands everything over:
    /// one lock per read. Returns until when nobody waits for the next read.
    pub(crate) fn close(&mut self, position: Lsn, arrived: Instant, now: Instant) -> Option<Instant> {
        self.harvest.reach(position);
        self.harvest.arrived(arrived);
        let unhurried = self.gate.deliver(&mut self.harvest, now);
        self.familiar.next_read();
        self.meter.pending(|| self.gate.lock().window.pending_tables());
        unhurried
    }

    /// What has been taken in came in that many bytes.
    pub(crate) fn measure(&self, bytes: usize) {
        self.meter.read(bytes, self.now, || self.harvest.changes());
    }

    /// Whether a table that does not pass the filter is dropped. Otherwise it may have to be told under another
    /// name, which is looked up when an item is due.
    fn turns_away(&self) -> bool {
        self.drops && !self.parents_named
    }
}
