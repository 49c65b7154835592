//! Changes on their way into the window, and items on their way out.
//!
//! The bytes are a script, one operation each, so that a seed can be read (see [`Operation::of`]):
//! `(ab)|5?` is a transaction that changes two tables, handed over in one read, and a consumer who
//! asks 60 ms later.

mod naive;

use std::time::{Duration, Instant, SystemTime};

use nudge_decode::{Identity, Key, KeyColumn, KeyValue, TableRef};
use nudge_engine::policy::{Coalescer, Debouncer, Edge, Harvest, Seen, Snapshot, Unseen, Window};
use nudge_engine::{Event, FeedItem, Lsn, Reason};

use naive::Naive;

/// Law: the window delivers exactly what a naive list of all changes adds up to, when the rules say
/// so: counts, order, first sight, reasons, positions (R3 to R6), times (R4), and the transactions
/// that an item stands for (R13).
pub fn intake(script: &[u8]) {
    for edge in [Edge::Trailing, Edge::Leading] {
        for (max_pending, failsafe) in [(3, None), (8192, Some(40 * TICK))] {
            let debouncer = Debouncer { debounce: 5 * TICK, max_batch_wait: 20 * TICK, edge };
            let mut play = Play::new(debouncer, max_pending, failsafe);
            for byte in script {
                play.perform(Operation::of(*byte));
                assert_eq!(play.window.due(), play.naive.due(), "{edge:?} after {}", byte.escape_ascii());
            }
        }
    }
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Operation {
    /// `(`, `)`: a transaction begins, or is complete.
    Begin,
    Commit,
    /// `a` to `z`: a row of this table.
    Change(u8),
    /// `A` to `Z`: an event of the same table, from a hub; it stands for several rows.
    Event(u8),
    /// `-`: a row of a table that matters only if it turns out to be a partition of one that does.
    Suspect,
    /// `!`: a message that cannot be understood.
    Undecodable,
    /// `^`: a new stream.
    Restart,
    /// `+`: the stream moves on.
    Reach,
    /// `|`: the end of a read; all of it is handed over.
    Absorb,
    /// `0` to `9`: time goes by, 1 to 10 ticks.
    Wait(u32),
    /// `?`: the consumer asks.
    Take,
    /// `<`: the Resync that was taken last could not be delivered.
    PutBack,
}

impl Operation {
    /// Every byte means something, so that no mutation is lost.
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Change(byte),
            b'A'..=b'Z' => Self::Event(byte.to_ascii_lowercase()),
            b'0'..=b'9' => Self::Wait(u32::from(byte - b'0') + 1),
            b'-' => Self::Suspect,
            b'(' => Self::Begin,
            b')' => Self::Commit,
            b'!' => Self::Undecodable,
            b'^' => Self::Restart,
            b'+' => Self::Reach,
            b'?' => Self::Take,
            b'<' => Self::PutBack,
            _ => Self::Absorb,
        }
    }
}

/// The window and its model, side by side.
struct Play {
    harvest: Harvest,
    window: Window,
    naive: Naive,
    max_pending: usize,
    start: Instant,
    now: Instant,
    lsn: u64,
    xid: u32,
    /// The reason of a Resync that may still come back.
    undelivered: Option<Reason>,
}

impl Play {
    fn new(debouncer: Debouncer, max_pending: usize, failsafe: Option<Duration>) -> Self {
        let start = Instant::now();
        Self {
            harvest: Harvest::default(),
            window: Window::new(debouncer, max_pending, failsafe),
            naive: Naive::new(debouncer, max_pending, failsafe),
            max_pending,
            start,
            now: start,
            lsn: 0,
            xid: 1000,
            undelivered: None,
        }
    }

    fn perform(&mut self, operation: Operation) {
        let wall = SystemTime::UNIX_EPOCH + (self.now - self.start);
        match operation {
            Operation::Begin => {
                self.xid += 1;
                self.harvest.begin(Some(self.xid), Lsn::new(self.lsn));
                self.naive.begin(self.xid);
            }
            Operation::Commit => {
                self.harvest.commit(Lsn::new(self.lsn));
                self.naive.commit();
            }
            Operation::Change(name) => {
                self.harvest.change(&identity(name), wall);
                self.naive.change(event(name, 1, wall));
            }
            Operation::Event(name) => {
                let event = event(name, u64::from(name % 5) + 2, wall);
                self.harvest.event(&event);
                self.naive.change(event);
            }
            Operation::Suspect => {
                self.harvest.suspect(&identity(b'-'), wall);
                self.naive.suspect(event(b'-', 1, wall));
            }
            Operation::Undecodable => {
                self.harvest.resync(Reason::Undecodable);
                self.naive.resync(Reason::Undecodable);
            }
            Operation::Restart => {
                self.lsn = 0;
                self.harvest.restart(Reason::Reconnected);
                self.naive.restart(Reason::Reconnected);
            }
            Operation::Reach => {
                self.lsn += 8;
                self.harvest.reach(Lsn::new(self.lsn));
                self.naive.reach(Lsn::new(self.lsn));
            }
            Operation::Absorb => self.absorb(),
            Operation::Wait(ticks) => self.now += ticks * TICK,
            Operation::Take => self.take(),
            Operation::PutBack => {
                if let Some(reason) = self.undelivered.take() {
                    self.window.put_back(reason, self.now);
                    self.naive.put_back(reason, self.now);
                }
            }
        }
    }

    fn absorb(&mut self) {
        let before = self.naive.due();
        let woken = self.window.absorb(&mut self.harvest, self.now);
        self.naive.absorb(self.now);
        let earlier = self.naive.due().is_some_and(|due| before.is_none_or(|before| due < before));
        assert_eq!(woken, earlier, "the consumer has to look again exactly when it is due earlier");
    }

    fn take(&mut self) {
        let expected = self.naive.take(self.now);
        match (self.window.take(self.now), expected) {
            (None, None) => {}
            (Some(held), Some((expected, xids))) => {
                let unseen = held.unseen.clone();
                let item = held.into_item().expect("what is taken is an item");
                self.is_bounded(&item);
                self.undelivered = match item {
                    FeedItem::Resync { reason, .. } => Some(reason),
                    FeedItem::Batch { .. } => None,
                };
                assert_eq!(item, expected);
                waits_for_all(&unseen, &xids);
                assert_eq!(unseen.is_unfinished(), self.naive.was_cut_out_of_a_transaction());
            }
            (taken, expected) => panic!("{taken:?} instead of {expected:?}"),
        }
    }

    fn is_bounded(&self, item: &FeedItem) {
        if let FeedItem::Batch { events, .. } = item {
            assert!((1..=self.max_pending).contains(&events.len()));
        }
    }
}

/// As long as one of the transactions runs, the item waits.
fn waits_for_all(unseen: &Unseen, xids: &[u32]) {
    let snapshot = |running| Snapshot { xmax: 1 << 20, next: 1 << 20, running, ..Snapshot::default() };
    for xid in xids {
        assert!(!unseen.clone().confirm(&snapshot(vec![u64::from(*xid)])), "it does not wait for {xid}");
    }
    assert!(unseen.clone().confirm(&snapshot(vec![])), "it waits for nothing");
}

/// 128 tables, and a row of each.
fn identity(name: u8) -> Identity<'static> {
    let table = TableRef::new("s", char::from(name & 0x7f).to_string());
    let column = || KeyColumn { name: "id".into(), value: KeyValue::Integer(1) };
    let key = (name > 0x7f).then(|| Key::new(vec![column()])).flatten();
    Identity { table, key }
}

/// An event as the engine makes it.
fn event(name: u8, count: u64, first_seen: SystemTime) -> Event {
    let mut rows = Coalescer::default();
    let seen = Seen { at: first_seen, began: Lsn::ZERO };
    (0..count).for_each(|_| rows.add(&identity(name), seen));
    rows.into_events().pop().expect("one event")
}

const TICK: Duration = Duration::from_millis(10);
