//! The consumer's way to an item: out of the window, past the server's answer, under its names.
//!
//! What waits for what is decided by [`Outbox`] and [`Catalog`](crate::policy::Catalog); here the server is
//! asked, one question at a time.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use nudge_decode::TableFilter;
use nudge_proto::Lsn;
use tokio::sync::watch;

use crate::policy::foresight::{Answer, Foresight};
use crate::policy::lineage;
use crate::policy::outbox::{Outbox, Release};
use crate::policy::server_view::ServerView;
use crate::policy::{Above, Catalog, Held, ParentOf, Pending, Unseen, Visibility};
use crate::runtime::gate::{Alarm, Gate, Shared};
use crate::runtime::source::Source;
use crate::runtime::{Status, clock, side_session};
use crate::{Error, FeedItem, Knobs, LOG, Reason, TableName};

/// Holds items back until the server has answered the questions about them.
pub(crate) struct DeliveryCheck {
    gate: Arc<Gate>,
    timer: Alarm,
    visibility: Visibility,
    parent_of: Option<ParentOf>,
    filter: TableFilter,
    status: watch::Sender<Status>,
    outbox: Outbox,
    /// Which stream the outbox belongs to.
    generation: u64,
    source: Option<Arc<Source>>,
    /// Whether the server waited for synchronous standbys when it answered last.
    synchronous: bool,
    asking: Option<Asking>,
    foresight: Foresight,
    /// The position of a batch while it gets its names. The program's callback may panic in there.
    unnamed: Option<Lsn>,
}

/// A question under way.
struct Asking {
    /// The tables that it is about.
    tables: Arc<[TableName]>,
    /// Whether it is about a window that is still open.
    ahead: bool,
    answer: side_session::Answer,
}

impl DeliveryCheck {
    /// As the knobs say.
    pub(crate) fn new(knobs: &Knobs, gate: Arc<Gate>, status: watch::Sender<Status>) -> Self {
        Self {
            gate,
            timer: Alarm::new(),
            visibility: knobs.visibility,
            parent_of: knobs.parent_of.clone(),
            filter: knobs.tables.clone(),
            status,
            outbox: Outbox::new(knobs.max_pending),
            generation: 0,
            source: None,
            synchronous: false,
            asking: None,
            foresight: Foresight::default(),
            unnamed: None,
        }
    }

    /// The next item.
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<FeedItem> {
        // A panic has come out of the last call.
        if let Some(lsn) = self.unnamed.take() {
            return Poll::Ready(FeedItem::Resync { reason: Reason::Undecodable, lsn });
        }
        loop {
            // Before the look: what arrives after it wakes us.
            self.gate.register(cx);
            self.follow_the_stream();
            while let Some(release) = self.outbox.pop() {
                if let Some(item) = self.name(release) {
                    return Poll::Ready(item);
                }
            }
            if let Some(asking) = &mut self.asking
                && let Poll::Ready(answer) = asking.answer.as_mut().poll(cx)
            {
                self.hear(answer);
            } else if let Some(due) = self.move_on(clock::now())
                && self.timer.poll_until(due, cx).is_pending()
            {
                return Poll::Pending;
            }
        }
    }

    /// Whether something is on its way to the consumer.
    pub(crate) fn has_pending(&self) -> bool {
        !self.outbox.is_empty() || self.gate.lock().window.has_pending()
    }

    /// How many streams there were, up to that of the last item.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// What was taken out of the window of an earlier stream is stood for by the Resync of the next; but the
    /// first reason is kept (rule R6).
    fn follow_the_stream(&mut self) {
        let mut shared = self.gate.lock();
        if shared.generation == self.generation {
            return;
        }
        (self.generation, self.source) = (shared.generation, shared.source.clone());
        self.synchronous = self.source.as_ref().is_some_and(|source| source.before.synchronous());
        (self.asking, self.foresight) = (None, Foresight::default());
        let now = clock::now();
        if let Some(reason) = self.outbox.clear() {
            shared.window.put_back(reason, now);
        }
        if let Some(unseen) =
            self.source.as_ref().map(|source| source.lingering.clone()).filter(|u| !u.is_empty())
        {
            let pending = Pending::Resync(Reason::Undecodable);
            self.outbox.wait(Held { pending, unseen, lsn: shared.window.lsn(), ..Held::default() }, now);
        }
    }

    /// Takes what is due, or asks. Otherwise `Some`: when to look again.
    fn move_on(&mut self, now: Instant) -> Option<Option<Instant>> {
        let gate = Arc::clone(&self.gate);
        let shared = &mut *gate.lock();
        let room = self.outbox.has_room();
        let foreseen = self.foresight.holds(&shared.window);
        if room && let Some(held) = shared.window.take(now) {
            self.take_out(held, foreseen, &mut shared.catalog, now);
            return None;
        }
        let window_due = shared.window.due().filter(|_| room);
        if self.asking.is_some() {
            // What comes out of the window meanwhile is there for the next question.
            return Some(window_due);
        }
        let foresee_at = if room { self.foresee_at(shared) } else { None };
        let ask_at =
            self.outbox.ask_at().into_iter().chain(shared.catalog.look_due()).chain(foresee_at).min();
        let Some(source) = self.source.clone().filter(|_| ask_at.is_some_and(|at| at <= now)) else {
            return Some(window_due.into_iter().chain(ask_at).min());
        };
        let ahead = foresee_at.is_some_and(|at| at <= now);
        let pending = ahead.then(|| shared.window.pending().0);
        let question = Arc::new(self.outbox.question(&shared.catalog, pending, now));
        shared.catalog.asked();
        if ahead {
            self.foresight.ask(&shared.window);
        }
        let answer = source.side.ask(Arc::clone(&question));
        self.asking = Some(Asking { tables: Arc::clone(&question.tables), ahead, answer });
        None
    }

    /// The window has closed. `foreseen`: the server was asked about all that was in it.
    fn take_out(&mut self, held: Held, foreseen: bool, catalog: &mut Catalog, now: Instant) {
        let answer = self.foresight.close().filter(|_| foreseen);
        if let Some(asking) = self.asking.as_mut().filter(|asking| asking.ahead) {
            asking.ahead = false;
            if !foreseen {
                // What it says of these tables may be from before a change.
                asking.tables = Arc::default();
            }
        }
        let expects_links = catalog.expects_links() && !held.tables().is_empty();
        if expects_links || self.is_in_doubt(&held.unseen, now) || self.outbox.opening_waits() {
            self.outbox.push(held, now);
            if let Some(Answer { tables, view }) = answer {
                self.outbox.answered(&view, &tables, catalog, None, now);
            }
            return;
        }
        if self.visibility == Visibility::Recent || catalog.matters() {
            let since = held.tables().into_values().min();
            catalog.deliver_unverified(held.unseen.clone(), since, now);
        }
        self.outbox.pass(held);
    }

    /// When to ask about what is in the window, if the item is going to wait for an answer.
    fn foresee_at(&self, shared: &Shared) -> Option<Instant> {
        let at = self.foresight.ask_at(&shared.window)?;
        let (_, unseen) = shared.window.pending();
        let in_doubt = self.is_in_doubt(unseen, shared.window.due()?);
        (in_doubt || shared.catalog.expects_links()).then_some(at)
    }

    fn is_in_doubt(&self, unseen: &Unseen, at: Instant) -> bool {
        unseen.is_in_doubt(self.visibility, self.synchronous, at)
    }

    fn hear(&mut self, answer: Result<ServerView, Error>) {
        let Some(Asking { tables, ahead, .. }) = self.asking.take() else { return };
        show(&self.status, answer.as_ref().err());
        let now = clock::now();
        let shared = &mut *self.gate.lock();
        let view = match answer {
            Ok(view) => view,
            Err(error) => {
                shared.catalog.unanswered(now);
                if self.outbox.unanswered(&shared.catalog, now) {
                    tracing::warn!(target: LOG, %error, "the second session does not answer: what waited for it goes out");
                }
                return;
            }
        };
        self.synchronous = view.synchronous();
        let consequences = shared.catalog.learn(&view, now);
        self.gate.publish(&shared.catalog);
        let missed = consequences.missed.map(|unseen| {
            let pending = Pending::Resync(Reason::Undecodable);
            Held { pending, unseen, lsn: shared.window.lsn(), ..Held::default() }
        });
        let closes_early = ahead && missed.is_some();
        if closes_early {
            // The Resync stands for what is in the window, too, and a Resync does not wait for more.
            shared.window.resync(Reason::Undecodable, Unseen::default(), now);
            shared.window.take(now).into_iter().for_each(|held| self.outbox.push(held, now));
            self.foresight = Foresight::default();
        }
        self.outbox.answered(&view, &tables, &shared.catalog, missed, now);
        if ahead && !closes_early {
            self.foresight.answered(Answer { tables, view });
        }
        if consequences.restart {
            self.gate.outgrown.notify_one();
        }
    }

    /// The item under all names that its changes have, as far as they are asked for. When the program's
    /// callback panics, that comes out of `next` like any panic of the program's own; a caller that goes on
    /// after it gets a Resync in place of the item (rule R7).
    fn name(&mut self, release: Release) -> Option<FeedItem> {
        let unreadable = &release.held.unreadable;
        if let Some(why) = &unreadable.first {
            let (count, why) = (unreadable.count, why.escape_debug());
            tracing::warn!(target: LOG, count, %why, "changes cannot be told by table: resync");
        }
        let Release { held, ancestors } = release;
        let (events, lsn) = match held.into_item()? {
            FeedItem::Batch { events, lsn } => (events, lsn),
            resync @ FeedItem::Resync { .. } => return Some(resync),
        };
        self.unnamed = Some(lsn);
        let mut above = Above::new(&ancestors, self.parent_of.as_ref());
        let events = lineage::expand(events, |table| above.of(table), &self.filter);
        self.unnamed = None;
        (!events.is_empty()).then_some(FeedItem::Batch { events, lsn })
    }
}

/// An operator sees that items go out without an answer.
fn show(status: &watch::Sender<Status>, error: Option<&Error>) {
    status.send_if_modified(|status| match status {
        Status::Streaming { unchecked, .. } if unchecked.is_some() != error.is_some() => {
            *unchecked = error.cloned();
            true
        }
        _ => false,
    });
}
