//! What operators measure, through the facade crate `metrics`, if the feature of that name is on.
//!
//! The program chooses the recorder; without one, and without the feature, nothing is recorded. Nothing is
//! done per change: figures are added up once per read of the socket. A feed with a name has series of its own; the
//! others share theirs. `docs/metrics.md` lists them for operators.

#![cfg_attr(
    not(feature = "metrics"),
    allow(unused_variables, dead_code, reason = "without the feature there is no recorder")
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::runtime::Status;
#[cfg(feature = "metrics")]
use crate::runtime::clock;
use crate::{FeedItem, Reason};

/// Tells the recorder what the figures mean.
fn describe() {
    #[cfg(feature = "metrics")]
    {
        use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
        let count = Unit::Count;
        describe_counter!("pgnudge_changes_total", count, "Row changes that the filter let through.");
        describe_counter!("pgnudge_batches_total", count, "Batches that consumers took.");
        describe_counter!("pgnudge_resyncs_total", count, "Resyncs that consumers took, by reason.");
        describe_counter!("pgnudge_reconnects_total", count, "Streams after the first of a feed.");
        describe_counter!("pgnudge_received_bytes_total", Unit::Bytes, "Bytes of the stream.");
        describe_counter!("pgnudge_status_messages_total", count, "Standby status messages to the server.");
        describe_gauge!("pgnudge_state", count, "1 for the state that the feed is in, 0 for the others.");
        describe_gauge!(
            "pgnudge_last_byte_timestamp_seconds",
            Unit::Seconds,
            "When the server was last heard."
        );
        describe_gauge!("pgnudge_pending_tables", count, "Distinct tables in the open window.");
        describe_histogram!("pgnudge_slot_wait_seconds", Unit::Seconds, "How long a slot took.");
        describe_histogram!(
            "pgnudge_delivery_seconds",
            Unit::Seconds,
            "From the arrival of a batch's first change until a consumer took the batch."
        );
    }
}

/// One feed's figures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// The label `feed` of its series.
    name: Option<Arc<str>>,
}

/// A counter, gauge or histogram of the feed.
#[cfg(feature = "metrics")]
macro_rules! of {
    ($meter:expr, $kind:ident $name:literal $(, $key:literal => $value:expr)?) => {
        match &$meter.name {
            Some(feed) => metrics::$kind!($name, "feed" => Arc::clone(feed) $(, $key => $value)?),
            None => metrics::$kind!($name $(, $key => $value)?),
        }
    };
}

impl Meter {
    pub(crate) fn new(name: Option<&str>) -> Self {
        describe();
        let meter = Self { name: name.map(Into::into) };
        meter.begin();
        meter
    }

    /// Counters are there before they count: an alarm on an increase sees the first one.
    fn begin(&self) {
        #[cfg(feature = "metrics")]
        {
            of!(self, counter "pgnudge_changes_total").increment(0);
            of!(self, counter "pgnudge_batches_total").increment(0);
            of!(self, counter "pgnudge_reconnects_total").increment(0);
            of!(self, counter "pgnudge_received_bytes_total").increment(0);
            of!(self, counter "pgnudge_status_messages_total").increment(0);
            for reason in Reason::ALL.iter().copied() {
                of!(self, counter "pgnudge_resyncs_total", "reason" => reason.as_str()).increment(0);
            }
        }
    }

    /// A read of the socket was understood. What has to be computed is computed for a recorder alone.
    pub(crate) fn read(&self, bytes: usize, at: SystemTime, changes: impl FnOnce() -> u64) {
        #[cfg(feature = "metrics")]
        {
            let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            of!(self, counter "pgnudge_received_bytes_total").increment(bytes as u64);
            of!(self, counter "pgnudge_changes_total").increment(changes());
            of!(self, gauge "pgnudge_last_byte_timestamp_seconds").set(at.as_secs_f64());
        }
    }

    /// The window holds that many tables now.
    pub(crate) fn pending(&self, tables: impl FnOnce() -> usize) {
        #[cfg(feature = "metrics")]
        of!(self, gauge "pgnudge_pending_tables").set(tables() as f64);
    }

    /// A consumer took an item, and with it all that was pending.
    pub(crate) fn taken(&self, item: &FeedItem) {
        #[cfg(feature = "metrics")]
        match item {
            FeedItem::Batch { events, .. } => {
                of!(self, counter "pgnudge_batches_total").increment(1);
                let first = events.iter().map(|event| event.first_seen).min();
                if let Some(waited) = first.and_then(|first| clock::wall().duration_since(first).ok()) {
                    of!(self, histogram "pgnudge_delivery_seconds").record(waited.as_secs_f64());
                }
            }
            FeedItem::Resync { reason, .. } => {
                of!(self, counter "pgnudge_resyncs_total", "reason" => reason.as_str()).increment(1);
            }
        }
    }

    /// A stream has begun.
    pub(crate) fn started(&self, reason: Reason) {
        #[cfg(feature = "metrics")]
        of!(self, counter "pgnudge_reconnects_total").increment(u64::from(reason == Reason::Reconnected));
    }

    /// The server was told how far we are.
    pub(crate) fn reported(&self) {
        #[cfg(feature = "metrics")]
        of!(self, counter "pgnudge_status_messages_total").increment(1);
    }

    /// The server has made a slot, or refused to.
    pub(crate) fn slot_wait(&self, waited: Duration) {
        #[cfg(feature = "metrics")]
        of!(self, histogram "pgnudge_slot_wait_seconds").record(waited.as_secs_f64());
    }

    /// The feed is in another state.
    pub(crate) fn state(&self, status: &Status) {
        #[cfg(feature = "metrics")]
        {
            let now = status.as_str();
            for name in Status::NAMES {
                of!(self, gauge "pgnudge_state", "state" => name).set(f64::from(u8::from(now == name)));
            }
            if matches!(status, Status::Closed) {
                // Nothing is true of a feed that is gone: no comparison with it holds.
                of!(self, gauge "pgnudge_last_byte_timestamp_seconds").set(f64::NAN);
                of!(self, gauge "pgnudge_pending_tables").set(0.0);
            }
        }
    }
}
