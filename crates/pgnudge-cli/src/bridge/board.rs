//! Which tables are moving, for the status page: counts per second of the last minute, and totals.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pgnudge::{FeedItem, Reason, Subscription, TableName};
use serde::Serialize;

/// What the onlooker has seen. It holds the tables that moved last, at most [`MAX_TABLES`].
#[derive(Debug)]
pub(crate) struct Board {
    started: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    tables: HashMap<TableName, Track>,
    all: Track,
    resyncs: BTreeMap<&'static str, u64>,
    /// From the arrival of the last batch's first change until it came here.
    delivery: Option<Duration>,
}

/// One table's changes.
#[derive(Clone, Debug, Default)]
struct Track {
    total: u64,
    last: Option<SystemTime>,
    history: History,
}

/// Changes in each of the last [`SECONDS`] seconds, by the number of the second.
#[derive(Clone, Debug, Default)]
struct History {
    newest: u64,
    counts: Vec<u64>,
}

/// The board at one moment.
#[derive(Debug, Serialize)]
pub(crate) struct Picture {
    uptime: u64,
    total: u64,
    history: Vec<u64>,
    resyncs: BTreeMap<&'static str, u64>,
    tables: Vec<TablePicture>,
    more_tables: usize,
    /// Seconds from the arrival of the last batch's first change until it was handed over, before any window.
    delivery: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TablePicture {
    schema: String,
    table: String,
    total: u64,
    /// Seconds since 1970.
    last: f64,
    history: Vec<u64>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), seen: Mutex::default() }
    }

    /// Takes down what a subscription is told, for ever.
    pub(crate) async fn follow(&self, mut items: Subscription) -> Infallible {
        self.lock().resyncs.entry(Reason::Connected.as_str()).and_modify(|n| *n += 1).or_insert(1);
        while let Some(item) = items.next().await {
            // Its seat begins with one, and so does the feed.
            if matches!(item, FeedItem::Resync { reason: Reason::Connected, .. }) {
                continue;
            }
            self.lock().take_down(&item, self.second(), SystemTime::now());
        }
        // The hub is closed: this bridge is about to end.
        std::future::pending().await
    }

    /// What there is to see now.
    pub(crate) fn picture(&self) -> Picture {
        let (second, seen) = (self.second(), self.lock());
        let mut tables: Vec<_> = seen.tables.iter().collect();
        tables.sort_by(|a, b| b.1.last.cmp(&a.1.last).then_with(|| a.0.cmp(b.0)));
        let more_tables = tables.len().saturating_sub(SHOWN);
        tables.truncate(SHOWN);
        Picture {
            uptime: second,
            total: seen.all.total,
            history: seen.all.history.at(second),
            resyncs: seen.resyncs.clone(),
            tables: tables.into_iter().map(|(name, track)| track.picture(name, second)).collect(),
            more_tables,
            delivery: seen.delivery.map(|delivery| delivery.as_secs_f64()),
        }
    }

    fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn take_down(&mut self, item: &FeedItem, second: u64, now: SystemTime) {
        match item {
            FeedItem::Resync { reason, .. } => *self.resyncs.entry(reason.as_str()).or_default() += 1,
            FeedItem::Batch { events, .. } => {
                let first = events.iter().map(|event| event.first_seen).min();
                self.delivery = first.and_then(|first| now.duration_since(first).ok()).or(self.delivery);
                for event in events {
                    let name = &event.table;
                    if !self.tables.contains_key(name) {
                        self.make_room();
                        self.tables.insert(name.clone(), Track::default());
                    }
                    for track in self.tables.get_mut(name).into_iter().chain([&mut self.all]) {
                        track.add(event.count, second, now);
                    }
                }
            }
        }
    }

    /// The table that has been quiet for longest gives way.
    fn make_room(&mut self) {
        if self.tables.len() < MAX_TABLES {
            return;
        }
        let oldest = self.tables.iter().min_by_key(|(_, track)| track.last).map(|(name, _)| name.clone());
        oldest.and_then(|name| self.tables.remove(&name));
    }
}

impl Track {
    fn add(&mut self, count: u64, second: u64, now: SystemTime) {
        self.total += count;
        self.last = Some(now);
        self.history.add(count, second);
    }

    fn picture(&self, name: &TableName, second: u64) -> TablePicture {
        let last = self.last.and_then(|last| last.duration_since(UNIX_EPOCH).ok()).unwrap_or(Duration::ZERO);
        let history = self.history.at(second);
        let (schema, table) = (name.schema().to_owned(), name.table().to_owned());
        TablePicture { schema, table, total: self.total, last: last.as_secs_f64(), history }
    }
}

impl History {
    fn add(&mut self, count: u64, second: u64) {
        self.counts = self.at(second);
        self.newest = second;
        if let Some(newest) = self.counts.last_mut() {
            *newest += count;
        }
    }

    /// The last minute as it looks in that second, the oldest first.
    fn at(&self, second: u64) -> Vec<u64> {
        let gone = usize::try_from(second.saturating_sub(self.newest)).unwrap_or(SECONDS);
        let kept = self.counts.iter().copied().skip(gone);
        let missing = SECONDS - kept.len();
        let (front, back) = if self.counts.is_empty() { (missing, 0) } else { (0, missing) };
        std::iter::repeat_n(0, front).chain(kept).chain(std::iter::repeat_n(0, back)).collect()
    }
}

/// A minute.
const SECONDS: usize = 60;
/// As many as a person looks at.
const SHOWN: usize = 40;
/// Beyond that the quiet ones are forgotten.
const MAX_TABLES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use pgnudge::{Event, Lsn};

    fn batch(table: &str, count: u64) -> FeedItem {
        let event = Event::new(TableName::new("s", table), UNIX_EPOCH, count);
        FeedItem::Batch { events: vec![event], lsn: Lsn::ZERO }
    }

    #[test]
    fn a_minute_moves_on() {
        let mut history = History::default();
        assert_eq!(history.at(5), [0; SECONDS]);
        history.add(1, 100);
        history.add(2, 100);
        history.add(4, 102);
        let mut expected = [0; SECONDS];
        (expected[57], expected[59]) = (3, 4);
        assert_eq!(history.at(102), expected);
        assert_eq!(history.at(110)[49..=51], [3, 0, 4]);
        assert_eq!(history.at(1_000), [0; SECONDS]);
    }

    #[test]
    fn tables_that_have_been_quiet_give_way() {
        let mut seen = Seen::default();
        for n in 0..=MAX_TABLES as u64 {
            seen.take_down(&batch(&format!("t{n}"), 1), n, UNIX_EPOCH + Duration::from_secs(n));
        }
        assert_eq!((seen.tables.len(), seen.all.total), (MAX_TABLES, MAX_TABLES as u64 + 1));
        let has = |table| seen.tables.contains_key(&TableName::new("s", table));
        assert!(!has("t0") && has("t1"));
    }

    /// `a."b.c"` and `"a.b".c` print alike.
    #[test]
    fn names_with_one_text_stay_apart() {
        let mut seen = Seen::default();
        for (schema, table) in [("a", "b.c"), ("a.b", "c")] {
            let event = Event::new(TableName::new(schema, table), UNIX_EPOCH, 1);
            let item = FeedItem::Batch { events: vec![event], lsn: Lsn::ZERO };
            seen.take_down(&item, 0, UNIX_EPOCH + Duration::from_millis(7));
        }
        assert_eq!((seen.tables.len(), seen.delivery), (2, Some(Duration::from_millis(7))));
    }
}
