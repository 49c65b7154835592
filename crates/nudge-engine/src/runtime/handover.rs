//! The one place where reader and consumer meet.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::task::AtomicWaker;

use crate::policy::{Harvest, Window};

/// The window behind its lock, and who waits for it. The lock is held for a few additions, never
/// across an await.
pub(crate) struct Handover {
    window: Mutex<Window>,
    consumer: AtomicWaker,
}

impl Handover {
    pub(crate) fn new(window: Window) -> Self {
        Self { window: Mutex::new(window), consumer: AtomicWaker::new() }
    }

    /// The reader's side, once per read.
    pub(crate) fn deliver(&self, harvest: &mut Harvest, now: Instant) {
        let due_earlier = self.window().absorb(harvest, now);
        if due_earlier {
            self.consumer.wake();
        }
    }

    /// The consumer's side.
    pub(crate) fn window(&self) -> MutexGuard<'_, Window> {
        // A panic inside leaves counters behind, not broken invariants.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn consumer(&self) -> &AtomicWaker {
        &self.consumer
    }
}
