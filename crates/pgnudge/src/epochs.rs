//! Caches without the race between a load and a nudge.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{FeedItem, Lsn, TableName};

/// Keeps a load that began before a nudge from being stored after it.
///
/// A cache that loads on a miss and drops entries on a nudge has a race: a load reads the old row, a commit changes it,
/// the nudge drops an entry that is not there yet, and then the load stores the old row, for ever. So each load takes an
/// [`Epoch`] before it reads, each item ends the epochs of what it names, and what was loaded is stored only while its
/// epoch lasts.
///
/// ```
/// # use std::collections::HashMap;
/// # use std::sync::Mutex;
/// # use pgnudge::{Epochs, FeedItem, TableName};
/// # fn read_from_the_database(id: i64) -> String { id.to_string() }
/// # fn user(epochs: &Epochs, cache: &Mutex<HashMap<i64, String>>, users: &TableName, id: i64) -> String {
/// // On a miss:
/// let epoch = epochs.row(users, id); // before the database is asked
/// let user = read_from_the_database(id);
/// epochs.insert(epoch, || cache.lock().unwrap().insert(id, user.clone())); // not if a nudge came meanwhile
/// # user }
/// # fn nudged(epochs: &Epochs, cache: &Mutex<HashMap<i64, String>>, item: &FeedItem) {
/// // For each item of the feed:
/// epochs.advance(item); // first
/// cache.lock().unwrap().clear(); // or what the item names
/// # }
/// ```
///
/// It works with any map. Memory is fixed, some 40 kB: tables and rows share counters by hash, so now and then a load is
/// not stored although nothing of it changed. Cloning is cheap, and clones are one.
#[derive(Clone, Debug, Default)]
pub struct Epochs(Arc<Shared>);

#[derive(Default)]
struct Shared {
    hasher: RandomState,
    /// Writers are items, readers are what is stored: a store is never between the two halves of an item's work.
    counters: RwLock<Counters>,
}

struct Counters {
    /// The last item's.
    lsn: Lsn,
    /// Of everything.
    all: u64,
    /// Of changes of a table as a whole: no row of it is told.
    whole: Box<[u64]>,
    /// Of any change of a table.
    any: Box<[u64]>,
    /// Of changes of a row.
    row: Box<[u64]>,
}

/// How far the changes of a table or of a row had come when a load began.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    what: What,
    lsn: Lsn,
    count: Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    all: u64,
    /// For a table its changes of any kind; for a row those of the table as a whole.
    table: u64,
    row: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Table { place: usize },
    Row { table: usize, row: usize },
}

impl Epochs {
    /// With no load under way.
    pub fn new() -> Self {
        Self::default()
    }

    /// For what is loaded from a table as a whole, such as a list or a sum: any change in it ends the epoch. To be
    /// taken before the load begins.
    pub fn table(&self, table: &TableName) -> Epoch {
        self.read(What::Table { place: self.0.place(table, TABLES) })
    }

    /// For a row, by its primary key as events show it (`7`; several columns joined by `,`). A feed with the payload of
    /// tables ends it with any change in the table, one with that of primary keys with changes of that row. To be taken
    /// before the load begins.
    pub fn row(&self, table: &TableName, key: impl fmt::Display) -> Epoch {
        let row = self.0.place(&(table, key.to_string()), ROWS);
        self.read(What::Row { table: self.0.place(table, TABLES), row })
    }

    /// Ends the epochs of what the item names. To be called before entries are dropped for it.
    pub fn advance(&self, item: &FeedItem) {
        let counters = &mut *self.0.counters.write().unwrap_or_else(PoisonError::into_inner);
        counters.lsn = item.lsn();
        let FeedItem::Batch { events, .. } = item else {
            counters.all += 1;
            return;
        };
        for event in events {
            let table = self.0.place(&event.table, TABLES);
            counters.any[table] += 1;
            match &event.key {
                Some(key) => counters.row[self.0.place(&(&event.table, key.to_string()), ROWS)] += 1,
                None => counters.whole[table] += 1,
            }
        }
    }

    /// Stores what was loaded, if its epoch lasts, or all of several (`[a, b]`); returns what `insert` does. `insert` is
    /// called while items wait, so it is to be short, and may call nothing of these epochs.
    pub fn insert<R>(&self, epochs: impl AsRef<[Epoch]>, insert: impl FnOnce() -> R) -> Option<R> {
        let counters = self.0.counters.read().unwrap_or_else(PoisonError::into_inner);
        epochs.as_ref().iter().all(|epoch| counters.of(epoch.what) == epoch.count).then(insert)
    }

    fn read(&self, what: What) -> Epoch {
        let counters = self.0.counters.read().unwrap_or_else(PoisonError::into_inner);
        Epoch { what, lsn: counters.lsn, count: counters.of(what) }
    }
}

impl Epoch {
    /// The position that a load from a replica waits for ([`Lsn::ZERO`] before the first item): read earlier, the old
    /// row would be stored after its nudge. Nothing is to be waited for on the feed's own server.
    pub fn lsn(&self) -> Lsn {
        self.lsn
    }
}

impl AsRef<[Epoch]> for Epoch {
    fn as_ref(&self) -> &[Epoch] {
        std::slice::from_ref(self)
    }
}

impl Shared {
    fn place(&self, name: &impl std::hash::Hash, places: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "any part of a hash is one")]
        let hash = self.hasher.hash_one(name) as usize;
        hash % places
    }
}

impl Counters {
    fn of(&self, what: What) -> Count {
        let (table, row) = match what {
            What::Table { place } => (self.any[place], 0),
            What::Row { table, row } => (self.whole[table], self.row[row]),
        };
        Count { all: self.all, table, row }
    }
}

impl Default for Counters {
    fn default() -> Self {
        let [whole, any] = [(); 2].map(|()| vec![0; TABLES].into_boxed_slice());
        Self { lsn: Lsn::ZERO, all: 0, whole, any, row: vec![0; ROWS].into_boxed_slice() }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

const TABLES: usize = 512;
const ROWS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Key, KeyColumn, KeyValue, Lsn, Reason};
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn table(name: &str) -> TableName {
        TableName::new("public", name)
    }

    fn resync() -> FeedItem {
        FeedItem::Resync { reason: Reason::Overflow, lsn: Lsn::ZERO }
    }

    fn batch(name: &str, id: Option<i64>) -> FeedItem {
        let event = Event::new(table(name), SystemTime::UNIX_EPOCH, 1);
        let column = |id| KeyColumn { name: "id".into(), value: KeyValue::Integer(id) };
        let key = id.and_then(|id| Key::new(vec![column(id)]));
        let event = match key {
            Some(key) => event.with_key(key),
            None => event,
        };
        FeedItem::Batch { events: vec![event], lsn: Lsn::ZERO }
    }

    fn lasts(epochs: &Epochs, epoch: &Epoch) -> bool {
        epochs.insert(epoch, || ()).is_some()
    }

    #[test]
    fn an_epoch_has_the_position_of_the_last_item() {
        let (epochs, users) = (Epochs::new(), table("users"));
        assert_eq!(epochs.table(&users).lsn(), Lsn::ZERO);
        epochs.advance(&FeedItem::Resync { reason: Reason::Reconnected, lsn: Lsn::new(9) });
        let before = epochs.table(&users);
        // A standby that is promoted may have a lower one.
        epochs.advance(&FeedItem::Resync { reason: Reason::Reconnected, lsn: Lsn::new(7) });
        assert_eq!([before.lsn(), epochs.row(&users, 1).lsn()], [9, 7].map(Lsn::new));
    }

    #[test]
    fn an_item_ends_the_epochs_of_what_it_names() {
        for (item, of_table, of_row, of_another_row) in [
            (resync(), false, false, false),
            (batch("a", None), false, false, false),
            (batch("a", Some(1)), false, false, true),
        ] {
            let epochs = Epochs::new();
            let [all, one, two, other] = [
                epochs.table(&table("a")),
                epochs.row(&table("a"), 1),
                epochs.row(&table("a"), 2),
                epochs.table(&table("b")),
            ];
            epochs.clone().advance(&item);
            assert_eq!(lasts(&epochs, &other), epochs.insert([other, other], || ()).is_some());
            assert!(epochs.insert([other, all], || ()).is_none());
            let lasting = [&all, &one, &two].map(|epoch| lasts(&epochs, epoch));
            assert_eq!(lasting, [of_table, of_row, of_another_row], "{item:?}");
            assert!(
                lasts(&epochs, &other) == matches!(item, FeedItem::Batch { .. })
                    || epochs.collide(&table("a"), &table("b"))
            );
        }
    }

    impl Epochs {
        fn collide(&self, one: &TableName, other: &TableName) -> bool {
            self.0.place(one, TABLES) == self.0.place(other, TABLES)
        }
    }

    /// What can happen between a database, a feed and a cache of one row.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Commit,
        /// The feed tells of what is committed.
        Advance,
        /// What was told is dropped.
        Drop,
        Begin(usize),
        Read(usize),
        Insert(usize),
    }

    #[derive(Clone, Copy, Default)]
    struct Load {
        epoch: Option<Epoch>,
        read: Option<u32>,
    }

    /// The cache at the end, when all has been told, and what the database holds. `guarded`: with the epochs.
    fn play(steps: &[Step], item: &FeedItem, guarded: bool) -> (Option<u32>, u32) {
        let (epochs, mut loads) = (Epochs::new(), [Load::default(); 3]);
        let (mut database, mut untold, mut undropped, mut cache) = (0, false, false, None);
        let end = [Step::Advance, Step::Drop];
        for step in steps.iter().chain(&end) {
            match *step {
                Step::Commit => (database, untold) = (database + 1, true),
                Step::Advance if untold => {
                    epochs.advance(item);
                    (untold, undropped) = (false, true);
                }
                Step::Drop if undropped => (cache, undropped) = (None, false),
                Step::Begin(n) => loads[n] = Load { epoch: Some(epochs.row(&table("a"), 1)), read: None },
                Step::Read(n) if loads[n].epoch.is_some() => loads[n].read = Some(database),
                Step::Insert(n) => {
                    if let Load { epoch: Some(epoch), read: Some(value) } = std::mem::take(&mut loads[n])
                        && (!guarded || lasts(&epochs, &epoch))
                    {
                        cache = Some(value);
                    }
                }
                _ => {}
            }
        }
        (cache, database)
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            Just(Step::Commit),
            Just(Step::Advance),
            Just(Step::Drop),
            (0..3_usize).prop_map(Step::Begin),
            (0..3_usize).prop_map(Step::Read),
            (0..3_usize).prop_map(Step::Insert),
        ];
        prop::collection::vec(step, 0..40)
    }

    proptest! {
        #[test]
        fn no_interleaving_leaves_an_old_value(steps in steps(), what in 0..3_u8) {
            let item = [resync(), batch("a", None), batch("a", Some(1))].into_iter().nth(what.into()).unwrap_or_else(resync);
            let (cache, database) = play(&steps, &item, true);
            prop_assert!(cache.is_none_or(|cached| cached == database));
        }
    }

    #[test]
    fn without_the_guard_one_does() {
        use Step::{Advance, Begin, Commit, Drop, Insert, Read};
        let race = [Begin(0), Read(0), Commit, Advance, Drop, Insert(0)];
        assert_eq!(play(&race, &resync(), false), (Some(0), 1));
        assert_eq!(play(&race, &resync(), true), (None, 1));
    }
}
