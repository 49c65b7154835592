//! What the supervisor and the feed share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::policy::Window;
use crate::policy::session::ServerFacts;
use crate::runtime::Route;
use crate::runtime::gate::Gate;

/// The gate between them, and what they tell each other beside it.
pub(crate) struct Handover {
    pub(crate) gate: Arc<Gate>,
    source: Mutex<Option<Source>>,
    /// Notified when the filter on the server has become too narrow: the stream must be made again.
    pub(crate) outgrown: Notify,
}

/// The server that the stream comes from.
#[derive(Clone)]
pub(crate) struct Source {
    /// How it was reached, for questions beside the stream. Another connection has another one.
    pub(crate) route: Arc<dyn Route>,
    pub(crate) facts: ServerFacts,
    /// Whether the stream tells where transactions begin and end.
    pub(crate) markers: bool,
}

impl Handover {
    pub(crate) fn new(window: Window) -> Self {
        Self { gate: Gate::new(window), source: Mutex::new(None), outgrown: Notify::new() }
    }

    /// A stream has started. `filtered`: the server applies the table filter.
    pub(crate) fn set_source(&self, source: Source, filtered: bool) {
        self.gate.window().catalog().restart(source.facts.partitioned, filtered, source.markers);
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// Where the latest stream comes from.
    pub(crate) fn source(&self) -> Option<Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
