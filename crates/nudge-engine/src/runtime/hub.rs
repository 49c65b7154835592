//! One feed, many subscribers in one process.
//!
//! A database decodes its log once per feed; so a process that has many consumers keeps one feed and
//! lets them share it. Each has a filter, a window and a pending item of its own, so that a slow one
//! harms nobody and grows nowhere (rule R5 holds for each).

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use nudge_decode::{TableFilter, TableRef};
use nudge_proto::Lsn;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::policy::{Harvest, Window};
use crate::runtime::gate::{Gate, Outlet};
use crate::runtime::{Feed, Status, clock};
use crate::{Error, FeedItem, Knobs, Reason};

/// Shares a feed. Cloning it is cheap; the feed lives as long as a hub or a subscription of it does.
#[derive(Clone)]
pub struct Hub {
    seats: Arc<Seats>,
    status: watch::Receiver<Status>,
    pump: Arc<Pump>,
}

impl Hub {
    /// Takes the feed over. Its own window comes before those of the subscribers: a `debounce` of 0
    /// leaves the timing to them.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(feed: Feed) -> Self {
        let (seats, status) = (Arc::new(Seats::new(&feed)), feed.status());
        let task = tokio::spawn(pump(feed, Arc::clone(&seats)));
        Self { seats, status, pump: Arc::new(Pump(task.abort_handle())) }
    }

    /// Takes a seat. Its first item is a Resync: what was before is not known to it. Of the knobs those
    /// of tables and windows count; the rest is the feed's.
    ///
    /// # Errors
    /// A knob that is wrong, or a pattern that names tables which the feed does not tell of.
    pub fn subscribe(&self, knobs: &Knobs) -> Result<Subscription, Error> {
        knobs.check()?;
        self.check_tables(&knobs.tables)?;
        let window = Window::new(knobs.debouncer(), knobs.max_pending, knobs.failsafe);
        let seat = Arc::new(Seat { gate: Gate::new(window), filter: knobs.tables.clone() });
        self.seats.admit(&seat);
        let outlet = Outlet::new(Arc::clone(&seat.gate));
        Ok(Subscription { outlet, _seat: seat, hub: self.clone() })
    }

    /// A subscriber of what never comes would wait, and believe that nothing changes.
    fn check_tables(&self, wanted: &TableFilter) -> Result<(), Error> {
        let told = &self.seats.tables;
        match wanted.patterns().iter().find(|pattern| !told.covers(pattern)) {
            None => Ok(()),
            Some(pattern) => Err(Error::config(
                format!("the feed does not tell of every table that {pattern} names"),
                format!(
                    "give the feed the pattern {pattern}, too, or subscribe to what its own patterns name"
                ),
            )),
        }
    }

    /// Drops the feed. Each subscription yields what it has pending, and then ends.
    pub fn close(&self) {
        self.seats.closed.store(true, Ordering::Release);
        self.pump.0.abort();
    }

    /// What the feed is doing right now, and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.seats.lock().occupied.iter().filter(|seat| seat.strong_count() > 0).count()
    }
}

/// A subscriber's items. Dropping it gives up its seat.
pub struct Subscription {
    outlet: Outlet,
    /// The list of seats does not keep it: when the subscription is gone, so is the seat.
    _seat: Arc<Seat>,
    hub: Hub,
}

impl Subscription {
    /// Waits for the next item. `None`: the hub was closed. Cancel-safe.
    ///
    /// # Panics
    /// If the feed's task or the hub's own panicked (rule R12).
    pub async fn next(&mut self) -> Option<FeedItem> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// What the hub's feed is doing right now, and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.hub.status()
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        loop {
            let taken = self.outlet.poll_taken(cx);
            if taken.is_pending() && self.hub.seats.is_closed() && !self.outlet.has_pending() {
                return Poll::Ready(None);
            }
            if let Some(item) = ready!(taken).into_item() {
                return Poll::Ready(Some(item));
            }
        }
    }
}

/// The same items as [`Subscription::next`].
impl Stream for Subscription {
    type Item = FeedItem;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        self.get_mut().poll_item(cx)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, subscribers) = (&*self.status.borrow(), self.subscribers());
        f.debug_struct("Hub")
            .field("status", status)
            .field("subscribers", &subscribers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("hub", &self.hub).finish_non_exhaustive()
    }
}

struct Seat {
    gate: Arc<Gate>,
    filter: TableFilter,
}

impl Seat {
    /// Joins an item of the feed into the subscriber's window. `restarted`: a stream begins with it, so what is
    /// pending has positions of another one.
    fn deliver(&self, item: &FeedItem, restarted: bool) {
        let mut harvest = Harvest::default();
        match item {
            FeedItem::Resync { reason, lsn } if restarted => {
                harvest.restart(*reason);
                harvest.reach(*lsn);
            }
            FeedItem::Resync { reason, lsn } => {
                harvest.resync(*reason);
                harvest.reach(*lsn);
            }
            FeedItem::Batch { events, lsn } => {
                harvest.reach(*lsn);
                for event in events {
                    let table = TableRef::new(event.table.schema(), event.table.table());
                    if self.filter.matches(&table) {
                        harvest.event(event);
                    }
                }
            }
        }
        self.gate.deliver(&mut harvest, clock::now());
    }
}

struct Seats {
    hall: Mutex<Hall>,
    /// Of the feed: what it tells of.
    tables: TableFilter,
    /// Of the feed: where its stream stands.
    feed: Arc<Gate>,
    /// The pump is gone: nobody will be woken again.
    failed: AtomicBool,
    /// Somebody wanted it to go.
    closed: AtomicBool,
}

struct Hall {
    occupied: Vec<Weak<Seat>>,
    /// How far the feed has come, and on which of its streams: 0 before its first item.
    lsn: Lsn,
    generation: u64,
}

impl Seats {
    fn new(feed: &Feed) -> Self {
        let hall = Hall { occupied: Vec::new(), lsn: feed.position(), generation: feed.generation() };
        Self {
            hall: Mutex::new(hall),
            tables: feed.tables().clone(),
            feed: feed.gate(),
            failed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between two items: the newcomer gets every item from now on. While the feed is away, or has a new stream
    /// of which nothing has come through yet, no position is true; then it begins with the Resync of that stream. One
    /// that comes after the end is told nothing.
    fn admit(&self, seat: &Arc<Seat>) {
        let mut hall = self.lock();
        let is_current = !self.closed.load(Ordering::Acquire) && {
            let stream = self.feed.lock();
            stream.live && stream.generation == hall.generation
        };
        if is_current {
            let item = FeedItem::Resync { reason: Reason::Connected, lsn: hall.lsn };
            seat.deliver(&item, true);
        }
        hall.occupied.push(Arc::downgrade(seat));
    }

    fn distribute(&self, item: &FeedItem, generation: u64) {
        let mut hall = self.lock();
        let restarted = hall.generation != generation;
        let (FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. }) = item;
        hall.lsn = if restarted { *lsn } else { hall.lsn.max(*lsn) };
        hall.generation = generation;
        hall.occupied.retain(|seat| {
            seat.upgrade().is_some_and(|seat| {
                seat.deliver(item, restarted);
                true
            })
        });
    }

    fn wake_all(&self) {
        self.lock().occupied.iter().filter_map(Weak::upgrade).for_each(|seat| seat.gate.wake());
    }

    /// Whether the hub was closed.
    ///
    /// # Panics
    /// If it is gone for another reason (rule R12).
    #[expect(clippy::panic, reason = "rule R12: internal bugs are loud")]
    fn is_closed(&self) -> bool {
        let (failed, closed) = (self.failed.load(Ordering::Acquire), self.closed.load(Ordering::Acquire));
        if failed && !closed {
            panic!("the hub's task is gone: see the panic or the end of the runtime before");
        }
        failed
    }
}

/// Ends the pump with the last hub and the last subscription.
struct Pump(AbortHandle);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn pump(mut feed: Feed, seats: Arc<Seats>) {
    let alarm = Alarm(Arc::clone(&seats));
    loop {
        let item = feed.next().await;
        alarm.0.distribute(&item, feed.generation());
    }
}

/// Tells the subscribers when the pump ends, however it does.
struct Alarm(Arc<Seats>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Release);
        self.0.wake_all();
    }
}
