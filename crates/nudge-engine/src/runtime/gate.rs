//! The one place where a writer and a consumer meet: a window behind its lock, and who waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Sleep;

use crate::Reason;
use crate::policy::{Catalog, Harvest, Held, Window};
use crate::runtime::clock;
use crate::runtime::source::Source;

/// The writer's side. The lock is held for a few additions, never across an await.
pub(crate) struct Gate {
    shared: Mutex<Shared>,
    /// Whether changes of tables that do not pass the filter are dropped: the catalog's, for every read.
    drops: AtomicBool,
    /// Notified when the filter on the server has become too narrow: the stream must be made again.
    pub(crate) outgrown: Notify,
    consumer: AtomicWaker,
}

/// What is behind the lock, because it changes together.
pub(crate) struct Shared {
    pub(crate) window: Window,
    pub(crate) catalog: Catalog,
    /// Where the latest stream comes from; a hub's subscription has none, nor has a feed without a server.
    pub(crate) source: Option<Arc<Source>>,
    /// How many streams there have been, and whether the latest still lives.
    pub(crate) generation: u64,
    pub(crate) live: bool,
}

impl Gate {
    pub(crate) fn new(window: Window) -> Arc<Self> {
        let shared = Shared { window, catalog: Catalog::default(), source: None, generation: 0, live: false };
        Arc::new(Self {
            shared: Mutex::new(shared),
            drops: AtomicBool::new(false),
            outgrown: Notify::new(),
            consumer: AtomicWaker::new(),
        })
    }

    /// A stream has begun. All of it at once: an item that was taken before belongs to the old one, and is
    /// known by its generation.
    pub(crate) fn begin(&self, source: Option<Source>, harvest: &mut Harvest, now: Instant) {
        {
            let shared = &mut *self.lock();
            if let Some(source) = &source {
                shared.catalog.restart(&source.before, source.partition_root, source.filtered);
            }
            shared.source = source.map(Arc::new);
            (shared.generation, shared.live) = (shared.generation + 1, true);
            shared.window.absorb(harvest, now);
            self.publish(&shared.catalog);
        }
        self.wake();
    }

    /// Hands over what has come, once per read. Returns until when the next read may wait.
    pub(crate) fn deliver(&self, harvest: &mut Harvest, now: Instant) -> Option<Instant> {
        let (due_earlier, unhurried) = {
            let shared = &mut *self.lock();
            let look_before = shared.catalog.look_due();
            let mut due_earlier = shared.window.absorb(harvest, now);
            if let Some(missed) = shared.catalog.absorb(harvest, now) {
                shared.window.resync(Reason::Undecodable, missed, now);
                due_earlier = true;
            }
            due_earlier |= shared.catalog.look_due() != look_before;
            self.publish(&shared.catalog);
            (due_earlier, shared.window.unhurried())
        };
        if due_earlier {
            self.wake();
        }
        unhurried
    }

    /// What is believed of the catalog has changed, perhaps.
    pub(crate) fn publish(&self, catalog: &Catalog) {
        self.drops.store(catalog.drops(), Ordering::Relaxed);
    }

    /// Whether changes of tables that do not pass the filter are dropped where they are read. A reader that
    /// sees it late is found out when it delivers.
    pub(crate) fn drops(&self) -> bool {
        self.drops.load(Ordering::Relaxed)
    }

    /// What is behind the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic inside leaves counters behind, not broken invariants.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the consumer look again.
    pub(crate) fn wake(&self) {
        self.consumer.wake();
    }

    /// Has the consumer woken by what changes from now on: before it looks.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.consumer.register(cx.waker());
    }
}

/// The consumer's side: a gate and a timer, made once.
pub(crate) struct Outlet {
    gate: Arc<Gate>,
    timer: Alarm,
}

impl Outlet {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, timer: Alarm::new() }
    }

    /// Whether something is in the window.
    pub(crate) fn has_pending(&self) -> bool {
        self.gate.lock().window.has_pending()
    }

    /// What comes out of the window next.
    pub(crate) fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Held> {
        self.gate.register(cx);
        loop {
            let due = {
                let window = &mut self.gate.lock().window;
                if let Some(held) = window.take(clock::now()) {
                    return Poll::Ready(held);
                }
                window.due()
            };
            if self.timer.poll_until(due, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// A timer that is set again and again.
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(Box::pin(clock::sleep_until(clock::now())))
    }

    /// Resolves at that time; `None`: never.
    pub(crate) fn poll_until(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due else { return Poll::Pending };
        self.0.as_mut().reset(due.into());
        self.0.as_mut().poll(cx)
    }
}
