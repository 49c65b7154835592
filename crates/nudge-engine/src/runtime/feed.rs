//! The consumer's end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use nudge_decode::TableFilter;
use nudge_proto::Lsn;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tracing::{Instrument, Span, error_span};

use crate::policy::Window;
use crate::runtime::arrival::Arrival;
use crate::runtime::cancellation::Cancellation;
use crate::runtime::delivery_check::DeliveryCheck;
use crate::runtime::gate::Gate;
use crate::runtime::intake::Intake;
use crate::runtime::login::Login;
use crate::runtime::meter::Meter;
use crate::runtime::supervisor::Supervisor;
use crate::runtime::{Dial, Status};
use crate::{Error, FeedItem, Knobs, LOG, Target};

/// Wakeups of one database, for as long as it is kept. Dropping it closes the connection at once.
///
/// The consumer is the pump (rule R5): while nobody asks, the window keeps absorbing, and at most one
/// item is pending. The feed never ends by itself: a connection that is lost is made again, and a
/// `Resync` says so.
pub struct Feed {
    task: JoinHandle<()>,
    status: watch::Sender<Status>,
    gate: Arc<Gate>,
    check: DeliveryCheck,
    meter: Meter,
    tables: TableFilter,
    /// With the feed's name.
    span: Span,
    /// The consumer may be polled outside of it.
    runtime: Handle,
    /// Dropping it is the goodbye.
    _alive: oneshot::Sender<()>,
}

impl Feed {
    /// Waits for the next item. Cancel-safe: an item is taken or it stays.
    ///
    /// # Panics
    /// If the feed's own task panicked (rule R12), or the runtime it ran on was shut down.
    pub async fn next(&mut self) -> FeedItem {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// What the feed is doing right now, and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Whether something has come that was not delivered yet.
    pub fn has_pending(&self) -> bool {
        self.check.has_pending()
    }

    /// How far the present stream has come.
    pub(crate) fn position(&self) -> Lsn {
        self.gate.lock().window.lsn()
    }

    /// Which tables it tells of.
    pub(crate) fn tables(&self) -> &TableFilter {
        &self.tables
    }

    /// Where the stream is handed over.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// Which stream the last item came from.
    pub(crate) fn generation(&self) -> u64 {
        self.check.generation()
    }

    /// A task that has ended is noticed while nothing comes, whatever that waits for.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<FeedItem> {
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let _named = self.span.enter();
        let item = self.check.poll_item(cx);
        if item.is_pending()
            && let Poll::Ready(ended) = Pin::new(&mut self.task).poll(cx)
        {
            fail_loudly(ended);
        }
        if let Poll::Ready(item) = &item {
            self.meter.taken(item);
            self.meter.pending(|| 0);
        }
        item
    }
}

/// The same items as [`Feed::next`]; it never ends.
impl Stream for Feed {
    type Item = FeedItem;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        self.get_mut().poll_item(cx).map(Some)
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}

/// Connects and waits until the feed is live, trying for ever while there is hope.
///
/// `status` is told every step, also before this returns. Fails only for reasons that trying again
/// does not cure.
pub async fn connect(
    target: &Target,
    dial: Arc<dyn Dial>,
    knobs: Knobs,
    status: watch::Sender<Status>,
) -> Result<Feed, Error> {
    knobs.check()?;
    let login = Arc::new(Login::new(target, knobs.limits())?);
    let (intake, consumer) = ends(&knobs, status.clone());
    let (first, live) = oneshot::channel();
    let (alive, dropped) = oneshot::channel();
    let connect_timeout = knobs.connect_timeout;
    let supervisor = Supervisor {
        arrival: Arrival { dial, login, attributes: target.attributes, connect_timeout },
        knobs,
        gate: Arc::clone(&consumer.gate),
        status,
        meter: consumer.meter.clone(),
        first: Some(first),
        cancellation: Cancellation::default(),
    };
    let task = tokio::spawn(supervisor.run(intake, dropped).instrument(consumer.span.clone()));
    match live.await {
        Ok(Ok(())) => Ok(consumer.into_feed(task, alive)),
        Ok(Err(error)) => Err(error),
        Err(_) => fail_loudly(task.await),
    }
}

/// A window from both sides: what fills it, and what is taken out of it.
pub(crate) fn ends(knobs: &Knobs, status: watch::Sender<Status>) -> (Intake, Consumer) {
    let gate = Gate::new(Window::new(knobs.debouncer(), knobs.max_pending, knobs.failsafe));
    let meter = Meter::new(knobs.name.as_deref());
    let intake = Intake::new(knobs, Arc::clone(&gate), meter.clone());
    let check = DeliveryCheck::new(knobs, Arc::clone(&gate), status.clone());
    let span = knobs.name.as_deref().map_or_else(Span::none, |name| error_span!(target: LOG, "feed", name));
    let tables = knobs.tables.clone();
    (intake, Consumer { status, gate, check, meter, tables, span })
}

/// A feed without its task.
pub(crate) struct Consumer {
    status: watch::Sender<Status>,
    pub(crate) gate: Arc<Gate>,
    check: DeliveryCheck,
    meter: Meter,
    tables: TableFilter,
    span: Span,
}

impl Consumer {
    pub(crate) fn into_feed(self, task: JoinHandle<()>, alive: oneshot::Sender<()>) -> Feed {
        let Self { status, gate, check, meter, tables, span } = self;
        Feed { task, status, gate, check, meter, tables, span, runtime: Handle::current(), _alive: alive }
    }
}

/// The task ends by itself only before it is live. Later its end is a bug of ours, or its runtime is
/// gone: either way somebody who waits for items has to know.
#[expect(clippy::panic, reason = "rule R12: internal bugs are loud")]
fn fail_loudly(ended: Result<(), JoinError>) -> ! {
    match ended.map_err(JoinError::try_into_panic) {
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(error)) => panic!("the feed's task is gone: {error}"),
        Ok(()) => panic!("the feed's task has ended"),
    }
}
