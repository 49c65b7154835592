//! The contract, carried to its end: a value that is fetched again whenever it may have changed.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of a test")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nudge_engine::policy::Backoff;
use nudge_engine::runtime::{Hub, Live, LiveError, LiveState};
use nudge_engine::{Knobs, Lsn};
use pgnudge_scripted::{Backend, Live as LiveFeed, MS, Network, S, START, knobs, settle, soon, timed};
use tokio::time::{sleep, timeout};

/// What the fetch reads, and how it goes.
#[derive(Default)]
struct Database {
    value: AtomicU32,
    fetches: AtomicU32,
    running: AtomicU32,
    positions: Mutex<Vec<Lsn>>,
    manner: Mutex<Manner>,
}

#[derive(Clone, Copy, Default)]
enum Manner {
    #[default]
    AtOnce,
    /// It reads first, and takes that long to return.
    Within(Duration),
    Fails,
    Hangs,
    Panics,
}

impl Database {
    async fn read(self: Arc<Self>, lsn: Lsn) -> Result<u32, String> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.positions.lock().expect("no panic").push(lsn);
        assert_eq!(self.running.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        let _done = Done(Arc::clone(&self));
        let (value, manner) = (self.value.load(Ordering::SeqCst), *self.manner.lock().expect("no panic"));
        match manner {
            Manner::AtOnce => Ok(value),
            Manner::Within(time) => {
                sleep(time).await;
                Ok(value)
            }
            Manner::Fails => Err("no such table".into()),
            Manner::Hangs => std::future::pending().await,
            Manner::Panics => panic!("an index is out of bounds"),
        }
    }

    fn goes(&self, manner: Manner) {
        *self.manner.lock().expect("no panic") = manner;
    }

    fn fetches(&self) -> u32 {
        self.fetches.load(Ordering::SeqCst)
    }
}

struct Done(Arc<Database>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Stage {
    hub: Hub,
    network: Network,
    backend: Backend,
    database: Arc<Database>,
    live: Live<u32>,
}

impl Stage {
    /// A value that is fresh, and nothing on its way.
    async fn new() -> Self {
        let feed = Knobs { debounce: Duration::ZERO, max_batch_wait: Some(S), ..knobs() };
        let LiveFeed { network, backend, feed } = LiveFeed::unread(Network::new(), feed).await;
        let (hub, database) = (Hub::new(feed), Arc::new(Database::default()));
        sleep(MS).await;
        let mut live = start(&hub, &database).await.expect("a value");
        soon("fresh", live.fresh()).await.expect("an open hub");
        sleep(S).await;
        while timeout(MS, live.changed()).await.is_ok() {}
        database.fetches.store(0, Ordering::SeqCst);
        Self { hub, network, backend, database, live }
    }

    async fn commits(&mut self, value: u32) {
        self.database.value.store(value, Ordering::SeqCst);
        self.backend.commits(&["public.a"]).await;
    }

    fn error(&self) -> Option<LiveError> {
        match self.live.state() {
            LiveState::Stale { error, .. } => error,
            state => panic!("{state:?}"),
        }
    }
}

async fn start(hub: &Hub, database: &Arc<Database>) -> Result<Live<u32>, LiveError> {
    let (items, database) = (hub.subscribe(&knobs()).expect("good knobs"), Arc::clone(database));
    let backoff = Backoff { initial: 100 * MS, max: S };
    Live::start(items, hub.status(), 5 * S, backoff, move |lsn| Arc::clone(&database).read(lsn)).await
}

fn is_fresh(live: &Live<u32>) -> bool {
    live.state().is_fresh()
}

#[tokio::test(start_paused = true)]
async fn an_item_makes_one_fetch_for_all_handles() {
    let mut stage = Stage::new().await;
    let mut others = [(); 10].map(|()| stage.live.clone());
    stage.commits(7).await;
    assert_eq!(timed(stage.live.changed()).await, (50 * MS, Some(Arc::new(7))));
    for other in &mut others {
        assert_eq!((*other.get(), timed(other.changed()).await.1), (7, Some(Arc::new(7))));
    }
    assert!(stage.database.fetches() == 1 && is_fresh(&stage.live));
    let positions = stage.database.positions.lock().expect("no panic").clone();
    assert_eq!(positions.last(), Some(&Lsn::new(START + 0x100)), "the fetch is told where the change is");
}

#[tokio::test(start_paused = true)]
async fn an_item_during_a_fetch_makes_another_one() {
    let mut stage = Stage::new().await;
    stage.database.goes(Manner::Within(S));
    stage.commits(1).await;
    sleep(100 * MS).await;
    stage.commits(2).await;
    assert_eq!(soon("the first", stage.live.changed()).await, Some(Arc::new(1)), "it had read before");
    assert!(!is_fresh(&stage.live) && stage.error().is_none());
    assert_eq!(soon("the second", stage.live.changed()).await, Some(Arc::new(2)));
    assert!(is_fresh(&stage.live) && stage.database.fetches() == 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_fails_is_tried_again_and_the_last_good_value_stays() {
    for (manner, words) in [
        (Manner::Fails, "the fetch failed: no such table"),
        (Manner::Hangs, "the fetch did not end within 5s"),
        (Manner::Panics, "the fetch panicked: an index is out of bounds"),
    ] {
        let mut stage = Stage::new().await;
        stage.database.goes(manner);
        stage.commits(1).await;
        sleep(20 * S).await;
        assert_eq!(stage.error().expect("why it is stale").to_string(), words);
        assert!(*stage.live.get() == 0 && (3..60).contains(&stage.database.fetches()), "it backs off");
        stage.database.goes(Manner::AtOnce);
        assert_eq!(soon("a value", stage.live.changed()).await, Some(Arc::new(1)));
        assert!(is_fresh(&stage.live));
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_fetch_that_fails_is_an_error() {
    let stage = Stage::new().await;
    stage.database.goes(Manner::Fails);
    let error = start(&stage.hub, &stage.database).await.expect_err("no value");
    assert!(matches!(error, LiveError::Fetch(_)), "{error}");
}

/// What is waited for on a replica may never come after a failover.
#[tokio::test(start_paused = true)]
async fn a_resync_gives_up_a_fetch_and_begins_another_one_at_once() {
    let mut stage = Stage::new().await;
    stage.database.goes(Manner::Hangs);
    stage.commits(1).await;
    sleep(S).await;
    stage.database.goes(Manner::AtOnce);
    stage.backend.says(b"garbage").await;
    let (time, value) = timed(stage.live.changed()).await;
    assert!(time <= 50 * MS && value == Some(Arc::new(1)), "{value:?} after {time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_away_makes_it_stale_until_its_resync_is_fetched() {
    let Stage { hub, mut network, backend, database, mut live } = Stage::new().await;
    drop(backend);
    let mut backend = network.accept().await;
    settle().await;
    assert!(!is_fresh(&live));
    database.value.store(3, Ordering::SeqCst);
    backend.streams().await;
    assert_eq!(soon("a value", live.changed()).await, Some(Arc::new(3)));
    assert!(is_fresh(&live));
    drop(hub);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_fetching() {
    let mut stage = Stage::new().await;
    let other = stage.live.clone();
    drop(stage.live);
    settle().await;
    assert_eq!(stage.hub.subscribers(), 1);
    stage.database.goes(Manner::Hangs);
    stage.backend.commits(&["public.a"]).await;
    sleep(S).await;
    drop(other);
    settle().await;
    assert_eq!((stage.hub.subscribers(), stage.database.running.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_closed_hub_is_the_end() {
    let mut stage = Stage::new().await;
    stage.hub.close();
    assert!(soon("the end", stage.live.changed()).await.is_none());
    assert!(matches!(stage.error(), Some(LiveError::Closed)));
    assert!(timeout(S, start(&stage.hub, &stage.database)).await.expect("at once").is_err());
}
