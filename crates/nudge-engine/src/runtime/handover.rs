//! The one place where reader and consumer meet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::task::AtomicWaker;

use crate::policy::session::ServerFacts;
use crate::policy::{Harvest, Window};
use crate::runtime::Route;

/// The window behind its lock, and who waits for it. The lock is held for a few additions, never
/// across an await.
pub(crate) struct Handover {
    window: Mutex<Window>,
    source: Mutex<Option<Source>>,
    consumer: AtomicWaker,
}

/// The server that the stream comes from.
#[derive(Clone)]
pub(crate) struct Source {
    /// How it was reached, for questions beside the stream. Another connection has another one.
    pub(crate) route: Arc<dyn Route>,
    pub(crate) facts: ServerFacts,
}

impl Handover {
    pub(crate) fn new(window: Window) -> Self {
        Self { window: Mutex::new(window), source: Mutex::new(None), consumer: AtomicWaker::new() }
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

    /// A stream has started.
    pub(crate) fn set_source(&self, source: Source) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// Where the latest stream comes from.
    pub(crate) fn source(&self) -> Option<Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn consumer(&self) -> &AtomicWaker {
        &self.consumer
    }
}
