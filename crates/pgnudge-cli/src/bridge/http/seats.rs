//! Seats: event streams at the same time, `/events` and `/status` alike, and what their answers have in common.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All of them. Clones share them.
#[derive(Clone)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    max: usize,
    heartbeat: Duration,
}

/// One of them, given back when it is dropped.
pub(super) struct Seat {
    permit: OwnedSemaphorePermit,
    heartbeat: Duration,
}

impl Seats {
    /// So many, each of which hears a comment that often when there is nothing else.
    pub(super) fn new(max: usize, heartbeat: Duration) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(max)), max, heartbeat }
    }

    /// Takes one, if one is free.
    pub(super) fn take(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(Seat { permit, heartbeat: self.heartbeat })
    }

    /// How many there are.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// How many are taken.
    pub(super) fn occupied(&self) -> usize {
        self.max.saturating_sub(self.free.available_permits())
    }
}

impl Seat {
    /// The answer whose events these are. The seat is given back when the stream is dropped, which is when the
    /// connection ends.
    pub(super) fn serve(
        self,
        events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
    ) -> Response {
        let Self { permit, heartbeat } = self;
        let events = events.map(move |event| {
            let _held = &permit;
            event
        });
        // nginx would keep events back until a buffer is full.
        let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
        (unbuffered, Sse::new(events).keep_alive(KeepAlive::new().interval(heartbeat))).into_response()
    }
}

/// The answer when none is free.
pub(super) fn full() -> Response {
    later("every seat is taken\n")
}

/// EventSource does not try again after this: a page that uses one must make another.
pub(super) fn later(why: impl IntoResponse) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], why).into_response()
}
