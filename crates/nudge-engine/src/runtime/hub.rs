//! One feed, many subscribers in one process.
//!
//! A database decodes its log once per feed; so a process that has many consumers keeps one feed and
//! lets them share it. Each has a filter, a window and a pending item of its own, so that a slow one
//! harms nobody and grows nowhere (rule R5 holds for each).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use futures::Stream;
use nudge_decode::{TableFilter, TableRef};
use nudge_proto::Lsn;
use tokio::task::AbortHandle;

use crate::policy::{Harvest, Taken, Window};
use crate::runtime::gate::{Gate, Outlet};
use crate::runtime::{Feed, clock};
use crate::{Error, FeedItem, Knobs, Reason};

/// Shares a feed. Cloning it is cheap; the feed lives as long as a hub or a subscription of it does.
#[derive(Clone)]
pub struct Hub {
    seats: Arc<Seats>,
    pump: Arc<Pump>,
}

impl Hub {
    /// Takes the feed over. Its own window comes before those of the subscribers: a `debounce` of 0
    /// leaves the timing to them.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(feed: Feed) -> Self {
        let seats = Arc::new(Seats::default());
        let task = tokio::spawn(pump(feed, Arc::clone(&seats)));
        Self { seats, pump: Arc::new(Pump(task.abort_handle())) }
    }

    /// Takes a seat. Its first item is a Resync: what was before is not known to it. Of the knobs those
    /// of tables and windows count; the rest is the feed's.
    pub fn subscribe(&self, knobs: &Knobs) -> Result<Subscription, Error> {
        knobs.check()?;
        let window = Window::new(knobs.debouncer(), knobs.max_pending, knobs.failsafe);
        let seat = Arc::new(Seat { gate: Gate::new(window), filter: knobs.tables.clone() });
        self.seats.admit(&seat);
        let outlet = Outlet::new(Arc::clone(&seat.gate));
        Ok(Subscription { outlet, _seat: seat, hub: self.clone() })
    }

    /// Drops the feed, whoever still sits here: they are told nothing any more.
    pub fn close(&self) {
        self.seats.closed.store(true, Ordering::Release);
        self.pump.0.abort();
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
    /// Waits for the next item. Cancel-safe.
    ///
    /// # Panics
    /// If the feed's task or the hub's own panicked (rule R12).
    pub async fn next(&mut self) -> FeedItem {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<FeedItem> {
        loop {
            let taken = self.outlet.poll_taken(cx);
            self.hub.seats.fail_loudly();
            // A hub has no catalog to look at: what comes to it has been looked at.
            if let Taken::Item(item, _) = ready!(taken) {
                return Poll::Ready(item);
            }
        }
    }
}

/// The same items as [`Subscription::next`]; it never ends.
impl Stream for Subscription {
    type Item = FeedItem;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        self.get_mut().poll_item(cx).map(Some)
    }
}

struct Seat {
    gate: Arc<Gate>,
    filter: TableFilter,
}

impl Seat {
    /// Joins an item of the feed into the subscriber's window.
    fn deliver(&self, item: &FeedItem) {
        let mut harvest = Harvest::default();
        match item {
            FeedItem::Resync { reason, lsn } => {
                if *reason == Reason::Reconnected {
                    harvest.restart(*reason);
                } else {
                    harvest.resync(*reason);
                }
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

#[derive(Default)]
struct Seats {
    hall: Mutex<Hall>,
    /// The pump is gone: nobody will be woken again.
    failed: AtomicBool,
    /// Somebody wanted it to go.
    closed: AtomicBool,
}

#[derive(Default)]
struct Hall {
    occupied: Vec<Weak<Seat>>,
    /// How far the feed has come.
    lsn: Lsn,
}

impl Seats {
    fn lock(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between two items: the newcomer gets every item from now on.
    fn admit(&self, seat: &Arc<Seat>) {
        let mut hall = self.lock();
        seat.deliver(&FeedItem::Resync { reason: Reason::Connected, lsn: hall.lsn });
        hall.occupied.push(Arc::downgrade(seat));
    }

    fn distribute(&self, item: &FeedItem) {
        let mut hall = self.lock();
        hall.lsn = match item {
            // Of another stream, perhaps of another server.
            FeedItem::Resync { reason: Reason::Reconnected, lsn } => *lsn,
            FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. } => hall.lsn.max(*lsn),
        };
        hall.occupied.retain(|seat| {
            seat.upgrade().is_some_and(|seat| {
                seat.deliver(item);
                true
            })
        });
    }

    fn wake_all(&self) {
        self.lock().occupied.iter().filter_map(Weak::upgrade).for_each(|seat| seat.gate.wake());
    }

    #[expect(clippy::panic, reason = "rule R12: internal bugs are loud")]
    fn fail_loudly(&self) {
        if self.failed.load(Ordering::Acquire) && !self.closed.load(Ordering::Acquire) {
            panic!("the hub's task is gone: see the panic or the end of the runtime before");
        }
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
        alarm.0.distribute(&item);
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
