//! Who holds the copy: a program that refetches by itself, or what the facade offers for that.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pgnudge::{Epochs, FeedItem, LiveBuilder, Lsn, Subscription, TableName};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Failure;
use crate::consistency::copy::Copy;
use crate::consistency::database::Database;
use crate::consistency::reader::{Name, Reader};
use crate::consistency::scope::Scope;

/// What the copy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consumer {
    /// It refetches what an item names, everything on a Resync.
    #[default]
    Refetch,
    /// A live value, whose fetches fail, hang and take their time now and then.
    Live,
    /// A cache that loads on a miss, guarded by epochs.
    Cache,
    /// The same without the guard: the checker has to find the race.
    RacyCache,
}

impl Consumer {
    /// What it is called on the command line, and what it is.
    pub const ALL: &[(&str, Self)] = &[
        ("refetch", Self::Refetch),
        ("live", Self::Live),
        ("cache", Self::Cache),
        ("racy-cache", Self::RacyCache),
    ];
}

/// Where it reads, and who looks at the copy.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) reads: Database,
    pub(crate) scope: Scope,
    /// Whether that is a replica, which has to have replayed the position first.
    pub(crate) from_replica: bool,
    pub(crate) copy: watch::Sender<Copy>,
}

/// Keeps the copy as a live value.
pub(crate) async fn live(place: Place, builder: impl Fn() -> LiveBuilder) -> Result<Infallible, Failure> {
    let fetches = Arc::new(AtomicU64::new(0));
    let mut live = loop {
        let (place, fetches) = (place.clone(), Arc::clone(&fetches));
        let fetch = move |lsn| fetch(place.clone(), lsn, fetches.fetch_add(1, Ordering::Relaxed));
        let builder = builder().fetch_timeout(LIMIT).backoff(SHORT, 10 * SHORT);
        if let Ok(live) = builder.fetch(fetch).await {
            break live;
        }
    };
    place.copy.send_replace((*live.get()).clone());
    while let Some(copy) = live.changed().await {
        place.copy.send_replace((*copy).clone());
    }
    Err(Failure::new("the hub is closed"))
}

/// Every fifth fails, every seventh is slow, every eleventh hangs.
async fn fetch(place: Place, lsn: Lsn, number: u64) -> Result<Copy, String> {
    if number % 11 == 10 {
        std::future::pending::<()>().await;
    }
    if number % 5 == 4 {
        return Err("a planted failure".into());
    }
    let mut reader = Reader::new(place.reads, place.scope);
    let copy = async {
        if place.from_replica {
            reader.reaches(&lsn.to_string()).await?;
        }
        reader.everything().await
    };
    let copy = copy.await.map_err(|failure| failure.to_string());
    if number % 7 == 6 {
        sleep(10 * SHORT).await;
    }
    copy
}

/// A cache of whole tables by their names.
struct Cache {
    place: Place,
    epochs: Epochs,
    guarded: bool,
    entries: Mutex<BTreeMap<Name, Copy>>,
}

/// Keeps the copy as a cache that some loaders fill.
pub(crate) async fn cache(
    place: Place,
    mut items: Subscription,
    guarded: bool,
) -> Result<Infallible, Failure> {
    let cache = Arc::new(Cache { place, epochs: Epochs::new(), guarded, entries: Mutex::default() });
    let mut loaders = JoinSet::new();
    for number in 0..LOADERS {
        loaders.spawn(Arc::clone(&cache).load(number));
    }
    loop {
        tokio::select! {
            item = items.next() => match item {
                Some(item) => cache.hear(&item),
                None => return Err(Failure::new("the hub is closed")),
            },
            Some(ended) = loaders.join_next() => match ended? {
                Err(failure) => return Err(failure),
                Ok(never) => match never {},
            },
        }
    }
}

impl Cache {
    fn hear(&self, item: &FeedItem) {
        self.epochs.advance(item);
        let mut entries = self.lock();
        match item {
            FeedItem::Resync { .. } => entries.clear(),
            FeedItem::Batch { events, .. } => {
                for event in events {
                    entries.remove(&(event.table.schema().to_owned(), event.table.table().to_owned()));
                }
            }
        }
        self.show(&entries);
    }

    /// Fills what is not there, each loader from another table on, and some of it after a while.
    async fn load(self: Arc<Self>, number: usize) -> Result<Infallible, Failure> {
        let mut reader = Reader::new(self.place.reads.clone(), self.place.scope);
        for turn in number.. {
            let mut names = reader.names().await?;
            let first = names.len() * number / LOADERS;
            names.rotate_left(first);
            for (place, name) in names.into_iter().enumerate() {
                if !self.lock().contains_key(&name) {
                    let epoch = self.epochs.table(&TableName::new(&name.0, &name.1));
                    if self.place.from_replica {
                        reader.reaches(&epoch.lsn().to_string()).await?;
                    }
                    let loaded = reader.tables(std::slice::from_ref(&name)).await?;
                    if (turn + place).is_multiple_of(5) {
                        sleep(SHORT).await;
                    }
                    let insert = || {
                        let mut entries = self.lock();
                        entries.insert(name, loaded);
                        self.show(&entries);
                    };
                    if self.guarded {
                        self.epochs.insert(epoch, insert);
                    } else {
                        insert();
                    }
                }
            }
            sleep(SHORT).await;
        }
        Err(Failure::new("a loader that has run for ages"))
    }

    fn show(&self, entries: &BTreeMap<Name, Copy>) {
        let mut copy = Copy::cache();
        entries.values().cloned().for_each(|entry| copy.replace(entry));
        self.place.copy.send_replace(copy);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Copy>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LOADERS: usize = 3;
const SHORT: Duration = Duration::from_millis(10);
/// Of one fetch.
const LIMIT: Duration = Duration::from_secs(2);
