//! The open window: what is pending, since when, and when it is due.

use std::time::{Duration, Instant};

use nudge_proto::Lsn;

use crate::Reason;
use crate::policy::{Debouncer, Edge, Harvest, Held, Pending, Spell, Unreadable, Unseen};

/// At most one pending item, and the rules by which it becomes due.
#[derive(Clone, Debug)]
pub struct Window {
    debouncer: Debouncer,
    max_pending: usize,
    failsafe: Option<Duration>,
    pending: Pending,
    /// `Some` exactly while something is pending.
    spell: Option<Spell>,
    unseen: Unseen,
    unreadable: Unreadable,
    /// Whether a stream has begun since the last item.
    opening: bool,
    lsn: Lsn,
    /// How often something came in.
    additions: u64,
    /// When an item was last delivered.
    closed: Option<Instant>,
    /// When a Resync was last delivered.
    resynced: Option<Instant>,
}

impl Window {
    /// An empty window. `failsafe`: a Resync when none was delivered for that long.
    pub fn new(debouncer: Debouncer, max_pending: usize, failsafe: Option<Duration>) -> Self {
        Self {
            debouncer,
            max_pending,
            failsafe,
            pending: Pending::Empty,
            spell: None,
            unseen: Unseen::default(),
            unreadable: Unreadable::default(),
            opening: false,
            lsn: Lsn::ZERO,
            additions: 0,
            closed: None,
            resynced: None,
        }
    }

    /// Takes in what a read brought, and leaves the harvest empty for the next one. Returns whether
    /// the window is due earlier than before: then the consumer has to look again.
    pub fn absorb(&mut self, harvest: &mut Harvest, now: Instant) -> bool {
        let before = self.due();
        let arrived = harvest.arrived.take().unwrap_or(now);
        if std::mem::take(&mut harvest.restarted) {
            (self.unseen, self.lsn) = (Unseen::default(), Lsn::ZERO);
            self.opening = true;
        }
        self.lsn = self.lsn.max(harvest.lsn);
        self.unreadable.absorb(&mut harvest.unreadable);
        if harvest.has_news() || !harvest.unseen.is_empty() {
            self.additions += 1;
        }
        if harvest.has_news() {
            self.pending.join_tables(&mut harvest.tables, self.max_pending);
            if let Some(reason) = harvest.resync.take() {
                self.pending.join_resync(reason);
            }
            let fresh = Spell { first: now, last: now, mid_transaction: false };
            let spell = self.spell.get_or_insert(fresh);
            if std::mem::take(&mut harvest.certain) {
                spell.last = arrived;
            }
        }
        if std::mem::take(&mut harvest.committed) {
            harvest.unseen.committed(now);
        }
        self.unseen.absorb(&mut harvest.unseen);
        if let Some(spell) = &mut self.spell {
            let goes_on = harvest.goes_on();
            spell.mid_transaction = goes_on.is_some();
            goes_on.flatten().into_iter().for_each(|xid| self.unseen.add(xid));
        }
        let earlier = |due: Instant| before.is_none_or(|before| due < before);
        self.due().is_some_and(earlier)
    }

    /// How many distinct tables are pending.
    pub fn pending_tables(&self) -> usize {
        match &self.pending {
            Pending::Tables(tables) => tables.len(),
            Pending::Empty | Pending::Resync(_) => 0,
        }
    }

    /// When there is something to take; `None` while nothing is pending. A time in the past is now.
    pub fn due(&self) -> Option<Instant> {
        self.window_due().into_iter().chain(self.failsafe_due()).min()
    }

    /// Until when nobody waits for what comes next, while something is pending: its window is open until
    /// then, or for longer. With a leading edge the end of a transaction may close it at once.
    pub fn unhurried(&self) -> Option<Instant> {
        let spell = self.spell.as_ref()?;
        let leading = self.debouncer.edge == Edge::Leading;
        if matches!(self.pending, Pending::Tables(_)) && !(leading && spell.mid_transaction) {
            self.window_due()
        } else {
            None
        }
    }

    /// When the server can be asked about what is pending, so that the answer is there when the window closes: a
    /// quarter of the window before that. `None`: more is likely to come until then, or nothing is pending.
    pub fn foreseeable(&self) -> Option<Instant> {
        let trailing = self.debouncer.edge == Edge::Trailing;
        let spell = self.spell.as_ref().filter(|spell| trailing && !spell.mid_transaction)?;
        // A window may be closed by either.
        let ahead = self.debouncer.debounce.min(self.debouncer.max_batch_wait) / 4;
        matches!(self.pending, Pending::Tables(_)).then(|| self.debouncer.closes(spell, self.closed) - ahead)
    }

    /// How often something has come in: while it is the same, an answer about what is pending is one about the item.
    pub fn additions(&self) -> u64 {
        self.additions
    }

    /// What is pending, and the transactions that it stands for.
    pub fn pending(&self) -> (&Pending, &Unseen) {
        (&self.pending, &self.unseen)
    }

    /// What is due at `now`. It closes the window.
    pub fn take(&mut self, now: Instant) -> Option<Held> {
        let failsafe = self.failsafe_due().is_some_and(|due| due <= now);
        if !failsafe && self.window_due().is_none_or(|due| due > now) {
            return None;
        }
        let spell = self.spell.take();
        let mut unseen = std::mem::take(&mut self.unseen);
        if spell.is_some_and(|spell| spell.mid_transaction) {
            unseen.set_unfinished();
        }
        self.closed = Some(now);
        let pending = std::mem::take(&mut self.pending);
        if failsafe || matches!(pending, Pending::Resync(_)) {
            self.resynced = Some(now);
        }
        let unreadable = std::mem::take(&mut self.unreadable);
        let opening = std::mem::take(&mut self.opening);
        Some(Held { pending, unseen, lsn: self.lsn, opening, again: false, failsafe, unreadable })
    }

    /// Everything may have changed, by these transactions.
    pub fn resync(&mut self, reason: Reason, mut unseen: Unseen, now: Instant) {
        self.additions += 1;
        self.pending.join_resync(reason);
        self.unseen.absorb(&mut unseen);
        self.spell.get_or_insert(Spell { first: now, last: now, mid_transaction: false });
    }

    /// A Resync that was taken could not be delivered: it is pending as if it had never been taken.
    pub fn put_back(&mut self, reason: Reason, now: Instant) {
        self.additions += 1;
        self.pending = Pending::Resync(reason);
        self.spell.get_or_insert(Spell { first: now, last: now, mid_transaction: false });
    }

    /// How far the stream has come.
    pub fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// Whether something is pending.
    pub fn has_pending(&self) -> bool {
        self.pending != Pending::Empty
    }

    fn window_due(&self) -> Option<Instant> {
        let spell = self.spell.as_ref()?;
        match self.pending {
            Pending::Empty => None,
            Pending::Tables(_) => Some(self.debouncer.closes(spell, self.closed)),
            // Nothing is gained by waiting, except the end of a transaction: its position is needed.
            Pending::Resync(_) if spell.mid_transaction => Some(spell.first + self.debouncer.max_batch_wait),
            Pending::Resync(_) => Some(spell.first),
        }
    }

    /// Counts from the last Resync; before the first there is nothing to be safe about.
    fn failsafe_due(&self) -> Option<Instant> {
        Some(self.resynced? + self.failsafe?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableName;
    use crate::policy::{Snapshot, Visibility};
    use nudge_decode::{Identity, TableRef};
    use std::time::SystemTime;

    const S: Duration = Duration::from_secs(1);

    fn window() -> Window {
        let debouncer = Debouncer { debounce: S / 20, max_batch_wait: S, edge: Edge::Trailing };
        Window::new(debouncer, 10, None)
    }

    fn change(harvest: &mut Harvest) {
        harvest.change(&TableRef::new("s", "t").into(), SystemTime::UNIX_EPOCH);
    }

    fn take(window: &mut Window, now: Instant) -> Unseen {
        window.take(now).expect("it is due").unseen
    }

    /// A transaction that arrives over several windows is in doubt in each of them: the position of its
    /// commit is not known before it is there.
    #[test]
    fn r13_every_part_of_a_long_transaction_waits_for_it() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        harvest.begin(Some(7), Lsn::new(70));
        let later = Snapshot { xmax: 100, running: vec![7], ..Snapshot::default() };
        for part in 0..3 {
            change(&mut harvest);
            window.absorb(&mut harvest, start + part * S);
            let mut unseen = take(&mut window, start + (part + 1) * S);
            assert!(unseen.is_unfinished() && !unseen.confirm(&later), "part {part}");
        }
        change(&mut harvest);
        harvest.commit(Lsn::new(99));
        window.absorb(&mut harvest, start + 4 * S);
        let mut unseen = take(&mut window, start + 5 * S);
        assert!(!unseen.is_unfinished() && !unseen.confirm(&later));
    }

    /// Without markers nobody knows whether a change is the last of its transaction: nothing waits for more
    /// of it, and whatever goes out is in doubt.
    #[test]
    fn r13_what_may_go_on_is_in_doubt_and_holds_nothing() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        for round in 0..2 {
            let start = start + round * S;
            for xid in [7, 8] {
                harvest.begin(Some(xid), Lsn::new(70));
                change(&mut harvest);
                harvest.leave();
            }
            harvest.begin(Some(9), Lsn::new(90));
            harvest.leave();
            window.absorb(&mut harvest, start);
            assert_eq!(window.due(), Some(start + S / 20));
            let unseen = take(&mut window, start + S / 20);
            assert!(unseen.is_unfinished() && unseen.is_in_doubt(Visibility::Recent, false, start + S));
            let snapshot = |running| Snapshot { xmax: 100, running, ..Snapshot::default() };
            for xid in [7, 8] {
                assert!(!unseen.clone().confirm(&snapshot(vec![xid])), "{xid}");
            }
            assert!(unseen.clone().confirm(&snapshot(vec![9])), "of 9 nothing matters");
        }
    }

    #[test]
    fn r4_a_transaction_of_other_tables_holds_nothing() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        harvest.begin(Some(7), Lsn::new(70));
        change(&mut harvest);
        harvest.commit(Lsn::new(99));
        harvest.begin(Some(8), Lsn::new(80));
        window.absorb(&mut harvest, start);
        assert_eq!(window.due(), Some(start + S / 20));
    }

    #[test]
    fn r4_tables_that_may_not_matter_keep_no_window_open() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        let other = TableRef::new("s", "other").into();
        harvest.suspect(&other, SystemTime::UNIX_EPOCH);
        window.absorb(&mut harvest, start);
        assert_eq!(window.due(), Some(start + S / 20));
        change(&mut harvest);
        window.absorb(&mut harvest, start + S / 50);
        for later in [S / 40, S / 30] {
            harvest.suspect(&other, SystemTime::UNIX_EPOCH);
            window.absorb(&mut harvest, start + later);
        }
        assert_eq!(window.due(), Some(start + S / 50 + S / 20));
    }

    #[test]
    fn r10_a_transaction_that_was_cut_off_holds_nothing_of_the_next_stream() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        harvest.begin(Some(7), Lsn::new(70));
        change(&mut harvest);
        window.absorb(&mut harvest, start);
        harvest.restart(Reason::Reconnected);
        window.absorb(&mut harvest, start + S / 2);
        assert!(window.due().is_some_and(|due| due <= start + S / 2));
    }

    #[test]
    fn r4_a_change_that_was_read_late_counts_from_when_it_arrived() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        change(&mut harvest);
        window.absorb(&mut harvest, start);
        change(&mut harvest);
        harvest.arrived(start + S / 50);
        window.absorb(&mut harvest, start + S / 25);
        assert_eq!(window.due(), Some(start + S / 50 + S / 20));
        change(&mut harvest);
        window.absorb(&mut harvest, start + S / 16);
        assert_eq!(window.due(), Some(start + S / 16 + S / 20), "of that read only");
    }

    /// A hub hands over items whose position may be before that of an item cut out of a transaction.
    #[test]
    fn positions_go_back_with_a_new_stream_only() {
        let (mut window, start) = (window(), Instant::now());
        for (lsn, restarted, expect) in [(9, false, 9), (5, false, 9), (3, true, 3), (4, false, 4)] {
            let mut harvest = Harvest::default();
            if restarted {
                harvest.restart(Reason::Reconnected);
            }
            harvest.reach(Lsn::new(lsn));
            window.absorb(&mut harvest, start);
            assert_eq!(window.lsn, Lsn::new(expect));
        }
    }

    /// What the catalog said before the first of its transactions is what a table's name meant.
    #[test]
    fn a_table_knows_where_the_first_transaction_began_that_changed_it() {
        let (mut window, mut harvest, start) = (window(), Harvest::default(), Instant::now());
        let table = |name| Identity::from(TableRef::new("s", name));
        let (now, known) = (SystemTime::UNIX_EPOCH, TableName::new("s", "known"));
        harvest.begin(Some(7), Lsn::new(70));
        harvest.change(&table("late"), now);
        harvest.change_known(&known, true, now);
        harvest.commit(Lsn::new(100));
        harvest.begin(Some(8), Lsn::new(65));
        harvest.change(&table("late"), now);
        harvest.commit(Lsn::new(110));
        harvest.begin(Some(9), Lsn::new(30));
        harvest.commit(Lsn::new(120));
        harvest.begin(Some(10), Lsn::new(50));
        harvest.change(&table("open"), now);
        window.absorb(&mut harvest, start);
        let place = harvest.change_known(&known, true, now);
        harvest.begin(Some(11), Lsn::new(40));
        harvest.again(place);
        window.absorb(&mut harvest, start);
        let tables = window.take(start + 5 * S).unwrap().tables();
        let since: Vec<_> = tables.iter().map(|(table, since)| (table.table(), since.get())).collect();
        assert_eq!(since, [("known", 40), ("late", 65), ("open", 50)]);
    }
}
