//! The consumer's end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use nudge_proto::Limits;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use crate::policy::Window;
use crate::policy::visibility::{self, Unseen, Visibility};
use crate::runtime::arrival::Arrival;
use crate::runtime::cancellation::Cancellation;
use crate::runtime::handover::{Handover, Source};
use crate::runtime::intake::Intake;
use crate::runtime::login::Login;
use crate::runtime::sealed::Sealed;
use crate::runtime::supervisor::Supervisor;
use crate::runtime::witness::Witness;
use crate::runtime::{Dial, Status, clock};
use crate::{Error, ErrorKind, FeedItem, Knobs, Target};

/// Wakeups of one database, for as long as it is kept. Dropping it closes the connection at once.
///
/// The consumer is the pump (rule R5): while nobody asks, the window keeps absorbing, and at most one
/// item is pending. The feed never ends by itself: a connection that is lost is made again, and a
/// `Resync` says so.
pub struct Feed {
    handover: Arc<Handover>,
    task: JoinHandle<()>,
    /// The consumer's timer, made once.
    timer: Pin<Box<Sleep>>,
    status: watch::Sender<Status>,
    visibility: Visibility,
    login: Arc<Login>,
    /// An item that is due and cannot be seen yet.
    sealed: Option<Box<Sealed>>,
    /// The second session, while no question is under way.
    witness: Option<Witness>,
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

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<FeedItem> {
        loop {
            if let Some(item) = ready!(self.poll_sealed(cx)) {
                return Poll::Ready(item);
            }
            let (item, unseen) = ready!(self.poll_window(cx));
            match self.seal(item, unseen) {
                Ok(item) => return Poll::Ready(item),
                Err(sealed) => self.sealed = Some(sealed),
            }
        }
    }

    /// The item that waits to be seen, if there is one.
    fn poll_sealed(&mut self, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        let Some(sealed) = &mut self.sealed else { return Poll::Ready(None) };
        let source = self.handover.source();
        if !source.is_some_and(|source| sealed.is_from(&source.route)) {
            // A later connection begins with a Resync, which stands for this item too.
            self.sealed = None;
            return Poll::Ready(None);
        }
        self.witness = ready!(sealed.poll_seen(cx, &self.status));
        Poll::Ready(self.sealed.take().map(|sealed| sealed.into_item()))
    }

    /// Lets an item pass, or has it wait until it can be seen.
    fn seal(&mut self, item: FeedItem, unseen: Unseen) -> Result<FeedItem, Box<Sealed>> {
        let Some(Source { route, facts }) = self.handover.source() else { return Ok(item) };
        if facts.standby || !unseen.is_in_doubt(self.visibility, facts.synchronous, clock::now()) {
            return Ok(item);
        }
        let kept = self.witness.take().filter(|witness| witness.asks(&route));
        let new = || Witness::new(Arc::clone(&self.login), Arc::clone(&route), visibility::BLIND);
        let witness = kept.unwrap_or_else(new);
        Err(Box::new(Sealed::new(item, unseen, route, witness)))
    }

    /// The next item out of the window.
    fn poll_window(&mut self, cx: &mut Context<'_>) -> Poll<(FeedItem, Unseen)> {
        // Before the look at the window: what arrives after the look wakes us.
        self.handover.consumer().register(cx.waker());
        loop {
            let due = {
                let mut window = self.handover.window();
                if let Some(taken) = window.take(clock::now()) {
                    return Poll::Ready(taken);
                }
                window.due()
            };
            if let Poll::Ready(ended) = Pin::new(&mut self.task).poll(cx) {
                fail_loudly(ended);
            }
            let Some(due) = due else { return Poll::Pending };
            self.timer.as_mut().reset(due.into());
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
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
    let login = Arc::new(Login::new(target, Limits::default())?);
    let window = Window::new(knobs.debouncer(), knobs.max_pending, knobs.failsafe);
    let handover = Arc::new(Handover::new(window));
    let intake = Intake::new(knobs.tables.clone(), Arc::clone(&handover));
    let (first, live) = oneshot::channel();
    let (alive, dropped) = oneshot::channel();
    let (visibility, connect_timeout) = (knobs.visibility, knobs.connect_timeout);
    let supervisor = Supervisor {
        arrival: Arrival { dial, login: Arc::clone(&login), attributes: target.attributes, connect_timeout },
        knobs,
        handover: Arc::clone(&handover),
        intake,
        status: status.clone(),
        first: Some(first),
        cancellation: Cancellation::default(),
    };
    let mut task = tokio::spawn(supervisor.run(dropped));
    match live.await {
        Ok(Ok(())) => {
            let timer = Box::pin(clock::sleep_until(clock::now()));
            let (sealed, witness) = (None, None);
            Ok(Feed { handover, task, timer, status, visibility, login, sealed, witness, _alive: alive })
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            fail_loudly((&mut task).await);
            Err(Error::permanent(ErrorKind::Unavailable, "the feed's task ended before it was live"))
        }
    }
}

/// The task ends by itself only before it is live. Later its end is a bug of ours, or its runtime is
/// gone: either way somebody who waits for items has to know.
#[expect(clippy::panic, reason = "rule R12: internal bugs are loud")]
fn fail_loudly(ended: Result<(), tokio::task::JoinError>) {
    match ended.map_err(tokio::task::JoinError::try_into_panic) {
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(error)) => panic!("the feed's task is gone: {error}"),
        Ok(()) => panic!("the feed's task has ended"),
    }
}
