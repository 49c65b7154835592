//! The one place where a writer and a consumer meet: a window behind its lock, and who waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use futures::task::AtomicWaker;
use tokio::time::Sleep;

use crate::policy::{Harvest, Plain, Taken, Window};
use crate::runtime::clock;

/// The writer's side. The lock is held for a few additions, never across an await.
pub(crate) struct Gate {
    window: Mutex<Window>,
    consumer: AtomicWaker,
}

impl Gate {
    pub(crate) fn new(window: Window) -> Arc<Self> {
        Arc::new(Self { window: Mutex::new(window), consumer: AtomicWaker::new() })
    }

    /// Hands over what has come, once per read. Returns which tables are known to be no partitions, and
    /// until when nobody waits for the next read.
    pub(crate) fn deliver(&self, harvest: &mut Harvest, now: Instant) -> (Option<Plain>, Option<Instant>) {
        let (due_earlier, plain, unhurried) = {
            let mut window = self.window();
            let due_earlier = window.absorb(harvest, now);
            (due_earlier, window.catalog().plain().cloned(), window.unhurried())
        };
        if due_earlier {
            self.wake();
        }
        (plain, unhurried)
    }

    /// The window itself.
    pub(crate) fn window(&self) -> MutexGuard<'_, Window> {
        // A panic inside leaves counters behind, not broken invariants.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the consumer look again.
    pub(crate) fn wake(&self) {
        self.consumer.wake();
    }
}

/// The consumer's side: a gate and a timer, made once.
pub(crate) struct Outlet {
    gate: Arc<Gate>,
    timer: Pin<Box<Sleep>>,
}

impl Outlet {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, timer: Box::pin(clock::sleep_until(clock::now())) }
    }

    /// What comes out of the window next.
    pub(crate) fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Taken> {
        // Before the look at the window: what arrives after the look wakes us.
        self.gate.consumer.register(cx.waker());
        loop {
            let due = {
                let mut window = self.gate.window();
                if let Some(taken) = window.take(clock::now()) {
                    return Poll::Ready(taken);
                }
                window.due()
            };
            let Some(due) = due else { return Poll::Pending };
            self.timer.as_mut().reset(due.into());
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
