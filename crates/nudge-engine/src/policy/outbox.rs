//! Between the window and the consumer: what waits for an answer of the server.
//!
//! ```text
//! window ─push─▶ fresh ── visible? ──▶ visible ── resolved? ──▶ ready ─▶ consumer
//!                  │ no                  ▲
//!                  └─▶ waiting, behind ──┘ as soon as a later answer sees it
//! ```
//!
//! An item goes out when a snapshot of the server sees every transaction that it stands for (rule R13), and
//! under names that are certain. What cannot be seen yet waits beside the way, so that later items pass it by:
//! a commit may wait for its standby for hours. What waits is at most two items: one whose transactions do not
//! become more, so that it does end, and one for all that follow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nudge_proto::Lsn;

use crate::policy::lineage::Ancestors;
use crate::policy::question::Question;
use crate::policy::server_view::ServerView;
use crate::policy::{Catalog, Held, Pending, visibility};
use crate::{Reason, TableName};

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    max_pending: usize,
    /// Out of the window; the next question is about it.
    fresh: Option<Held>,
    waiting: Option<Held>,
    behind: Option<Held>,
    /// Can be seen; the names of its tables are still to be resolved.
    visible: Option<Held>,
    ready: VecDeque<Release>,
    /// When the server is asked next.
    ask_at: Option<Instant>,
    /// Looks that `waiting` has had, and since when it waits.
    tries: u32,
    waiting_since: Option<Instant>,
    /// When the question was asked that is the first without an answer.
    unanswered_since: Option<Instant>,
}

/// What goes out, and what lies above its tables.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) held: Held,
    pub(crate) ancestors: Ancestors,
}

impl Outbox {
    /// An empty one. More tables or rows than `max_pending` are a Resync.
    pub(crate) fn new(max_pending: usize) -> Self {
        Self {
            max_pending,
            fresh: None,
            waiting: None,
            behind: None,
            visible: None,
            ready: VecDeque::new(),
            ask_at: None,
            tries: 0,
            waiting_since: None,
            unanswered_since: None,
        }
    }

    /// Whether there is room for what comes out of the window.
    pub(crate) fn has_room(&self) -> bool {
        self.fresh.is_none() && self.visible.is_none()
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.has_room() && self.waiting.is_none()
    }

    /// Takes in what came out of the window, when there is [room](Self::has_room), to be asked about.
    pub(crate) fn push(&mut self, held: Held, now: Instant) {
        self.fresh = Some(held);
        // After a failure there is a pause.
        let retry = self.ask_at.filter(|_| self.unanswered_since.is_some());
        self.ask_at = Some(retry.unwrap_or(now));
    }

    /// Whether a stream's first Resync waits: nothing passes it by.
    pub(crate) fn opening_waits(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.opening)
    }

    /// Takes in what needs no answer.
    pub(crate) fn pass(&mut self, held: Held) {
        self.release(held, Ancestors::default());
    }

    /// Takes in what is known to wait.
    pub(crate) fn wait(&mut self, held: Held, now: Instant) {
        (self.waiting, self.waiting_since, self.tries) = (Some(held), Some(now), 0);
        self.ask_at = Some(now);
    }

    /// What goes out next.
    pub(crate) fn pop(&mut self) -> Option<Release> {
        self.ready.pop_front()
    }

    /// When the server is to be asked.
    pub(crate) fn ask_at(&self) -> Option<Instant> {
        self.ask_at
    }

    /// What the server is asked at `now`, also about what is still `ahead`.
    pub(crate) fn question(&mut self, catalog: &Catalog, ahead: Option<&Pending>, now: Instant) -> Question {
        self.ask_at = None;
        self.unanswered_since.get_or_insert(now);
        let visible = self.visible.iter().map(|held| &held.pending);
        let others = self.fresh.iter().map(|held| &held.pending).chain(ahead);
        let pending = visible.chain(others.filter(|_| catalog.expects_links()));
        let mut tables: Vec<_> = pending.flat_map(Pending::tables).collect();
        tables.sort_unstable();
        let since = tables.iter().map(|(_, since)| *since).min().unwrap_or(Lsn::ZERO);
        tables.dedup_by(|later, table| later.0 == table.0);
        let tables = tables.into_iter().map(|(table, _)| table).collect();
        Question { tables, oldest: catalog.history().oldest(since) }
    }

    /// The server has answered about these tables. `missed`: a Resync that follows from it.
    pub(crate) fn answered(
        &mut self,
        view: &ServerView,
        asked: &[TableName],
        catalog: &Catalog,
        missed: Option<Held>,
        now: Instant,
    ) {
        self.unanswered_since = None;
        self.tries = self.tries.saturating_add(1);
        self.release_waiting(view, now);
        for held in missed.into_iter().chain(self.fresh.take()) {
            self.judge(held, view, now);
        }
        if let Some(visible) = self.visible.as_mut().filter(|_| catalog.hides()) {
            visible.widen(Reason::Undecodable);
        }
        self.resolve(view, asked, catalog);
        self.ask_at = if self.visible.is_some() { Some(now) } else { self.next_look(now) };
    }

    /// Those that wait and can be seen by now, each by itself: a single look may have come too early for one.
    fn release_waiting(&mut self, view: &ServerView, now: Instant) {
        let visible = |held: &mut Held| held.unseen.confirm(&view.snapshot);
        if let Some(waiting) = self.waiting.take_if(visible) {
            self.make_visible(waiting, view);
        }
        let patient = self.waiting_since.is_some_and(|since| now < since + visibility::BLIND);
        if let Some(waiting) = self.waiting.as_mut().filter(|waiting| waiting.opening && !patient) {
            // The consumer begins now, and begins again when everything can be seen.
            waiting.opening = false;
            let pending = std::mem::replace(&mut waiting.pending, Pending::Resync(Reason::Undecodable));
            let begin = Held { pending, lsn: waiting.lsn, ..Held::default() };
            self.release(begin, Ancestors::default());
        }
        if !self.opening_waits()
            && let Some(behind) = self.behind.take_if(visible)
        {
            self.make_visible(behind, view);
        }
        if self.waiting.is_none() {
            self.waiting = self.behind.take();
            (self.tries, self.waiting_since) = (0, self.waiting.as_ref().map(|_| now));
        }
    }

    fn judge(&mut self, mut fresh: Held, view: &ServerView, now: Instant) {
        let blocked = self.opening_waits();
        if fresh.unseen.confirm(&view.snapshot) && !blocked {
            self.make_visible(fresh, view);
            return;
        }
        if std::mem::take(&mut fresh.failsafe) {
            // It comes when it is due, and stands for nothing: what waits is still to come.
            self.release(Held { failsafe: true, lsn: fresh.lsn, ..Held::default() }, Ancestors::default());
        }
        if fresh.is_empty() {
            return;
        }
        match (&mut self.waiting, &mut self.behind) {
            (Some(_), Some(behind)) => behind.join(fresh, self.max_pending),
            (Some(_), none) => *none = Some(fresh),
            (none, _) => {
                *none = Some(fresh);
                (self.tries, self.waiting_since) = (1, Some(now));
            }
        }
    }

    fn make_visible(&mut self, mut held: Held, view: &ServerView) {
        if held.unseen.is_unfinished() {
            held.lsn = held.lsn.max(view.snapshot.lsn);
        }
        match &mut self.visible {
            Some(visible) => visible.join(held, self.max_pending),
            none => *none = Some(held),
        }
    }

    /// Finds out what lies above the tables of what can be seen, if the answer says enough.
    fn resolve(&mut self, view: &ServerView, asked: &[TableName], catalog: &Catalog) {
        let Some(mut held) = self.visible.take() else { return };
        let tables = held.tables();
        if !tables.values().min().is_some_and(|since| catalog.is_linked(view, *since)) {
            self.release(held, Ancestors::default());
            return;
        }
        if !tables.keys().all(|table| asked.binary_search(table).is_ok()) {
            self.visible = Some(held);
            return;
        }
        let is_old = |xid, since| catalog.history().had_ended(xid, since, &view.snapshot);
        match view.lineage.certain(asked, &tables, is_old) {
            Ok(ancestors) => self.release(held, ancestors),
            Err(table) => {
                held.unreadable
                    .add(|| format!("{table} may have been renamed, moved or detached since it changed"));
                held.widen(Reason::Undecodable);
                self.release(held, Ancestors::default());
            }
        }
    }

    fn next_look(&self, now: Instant) -> Option<Instant> {
        let since = self.waiting_since.filter(|_| self.waiting.is_some())?;
        Some(
            now + visibility::pause(self.tries, now.saturating_duration_since(since))
                .unwrap_or(Duration::ZERO),
        )
    }

    /// The server has not answered. Returns whether something goes out all the same, since it has waited long
    /// enough. What may not be visible then goes out again when the server has answered that it is.
    pub(crate) fn unanswered(&mut self, catalog: &Catalog, now: Instant) -> bool {
        if self.is_empty() {
            (self.ask_at, self.unanswered_since) = (None, None);
            return false;
        }
        self.ask_at = Some(now + visibility::RETRY);
        if self.unanswered_since.is_none_or(|since| now < since + visibility::BLIND) {
            return false;
        }
        self.unanswered_since = None;
        let mut again = self.waiting.take_if(|waiting| waiting.again);
        let parts = [self.waiting.take(), self.visible.take(), self.behind.take(), self.fresh.take()];
        let whole = self.joined(parts.into_iter().flatten());
        let goes_out = whole.is_some();
        if let Some(mut held) = whole {
            let copy = Held { again: true, failsafe: false, ..held.clone() };
            again = self.joined(again.into_iter().chain((!copy.unseen.is_empty()).then_some(copy)));
            if held.tables().values().min().is_some_and(|since| catalog.may_be_linked(*since)) {
                // What lies above the tables is not known: reload everything is coarser, and never wrong.
                held.widen(Reason::Undecodable);
            }
            self.release(held, Ancestors::default());
        }
        self.ask_at = again.as_ref().map(|_| now + visibility::BLIND);
        (self.waiting, self.waiting_since, self.tries) = (again, Some(now), 0);
        goes_out
    }

    fn joined(&self, parts: impl Iterator<Item = Held>) -> Option<Held> {
        parts.reduce(|mut whole, part| {
            whole.join(part, self.max_pending);
            whole
        })
    }

    fn release(&mut self, held: Held, ancestors: Ancestors) {
        self.ready.push_back(Release { held, ancestors });
    }

    /// The stream that all of it came from is over. Returns the reason of the Resync that was to go out.
    pub(crate) fn clear(&mut self) -> Option<Reason> {
        let ready = std::mem::take(&mut self.ready).into_iter().map(|release| release.held);
        let rest = [self.waiting.take(), self.visible.take(), self.behind.take(), self.fresh.take()];
        let reason = ready.chain(rest.into_iter().flatten()).find_map(|held| match held.pending {
            Pending::Resync(reason) => Some(reason),
            _ => None,
        });
        *self = Self::new(self.max_pending);
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Coalescer, Seen, Snapshot, Unseen};
    use nudge_decode::TableRef;
    use std::time::SystemTime;

    const MS: Duration = Duration::from_millis(1);

    struct Stage {
        outbox: Outbox,
        catalog: Catalog,
        now: Instant,
        lsn: u64,
    }

    impl Stage {
        fn new() -> Self {
            let mut catalog = Catalog::default();
            catalog.restart(&view(1, &[]), true, false);
            Self { outbox: Outbox::new(100), catalog, now: Instant::now(), lsn: 0 }
        }

        fn held(&mut self, table: &str, xid: u32) -> Held {
            let (mut tables, mut unseen, mut pending) =
                (Coalescer::default(), Unseen::default(), Pending::Empty);
            self.lsn += 1;
            let lsn = Lsn::new(self.lsn);
            let seen = Seen { at: SystemTime::UNIX_EPOCH, began: lsn };
            tables.add(&TableRef::new("s", table).into(), seen);
            pending.join_tables(&mut tables, 100);
            unseen.add(xid);
            Held { pending, unseen, lsn, ..Held::default() }
        }

        /// Takes an item in, and lets the server answer that these transactions run.
        fn push(&mut self, held: Held, running: &[u64]) -> Vec<String> {
            assert!(self.outbox.has_room());
            self.outbox.push(held, self.now);
            self.answer(running)
        }

        fn answer(&mut self, running: &[u64]) -> Vec<String> {
            let question = self.outbox.question(&self.catalog, None, self.now);
            let view = view(1000, running);
            self.catalog.learn(&view, self.now);
            self.outbox.answered(&view, &question.tables, &self.catalog, None, self.now);
            self.popped()
        }

        fn popped(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.outbox.pop()).map(|release| told(release.held)).collect()
        }
    }

    fn view(xmax: u64, running: &[u64]) -> ServerView {
        let snapshot = Snapshot { xmax, next: xmax, running: running.to_vec(), ..Snapshot::default() };
        ServerView { snapshot, ..ServerView::default() }
    }

    fn told(held: Held) -> String {
        use crate::FeedItem::{Batch, Resync};
        match held.into_item() {
            Some(Batch { events, .. }) => {
                events.iter().map(|e| format!("{}{}", e.table.table(), e.count)).collect()
            }
            Some(Resync { reason, .. }) => reason.to_string(),
            None => "nothing".into(),
        }
    }

    #[test]
    fn r13_what_is_visible_passes_what_waits() {
        let mut stage = Stage::new();
        let (one, other, third, fourth) =
            (stage.held("a", 7), stage.held("b", 8), stage.held("c", 9), stage.held("b", 10));
        assert_eq!(stage.push(one, &[7]), [""; 0]);
        assert_eq!(stage.push(other, &[7]), ["b1"]);
        assert_eq!(stage.push(third, &[7, 9]), [""; 0]);
        assert_eq!(stage.push(fourth, &[7, 9, 10]), [""; 0]);
        assert_eq!(stage.answer(&[7]), ["c1b1"], "what waits behind is one item, and goes out by itself");
        let fifth = stage.held("d", 11);
        assert_eq!(stage.push(fifth, &[7, 11]), [""; 0]);
        assert_eq!(stage.answer(&[11]), ["a1"], "it did not wait for those behind it");
        assert_eq!(stage.answer(&[]), ["d1"]);
        assert!(stage.outbox.is_empty() && stage.outbox.ask_at().is_none());
    }

    #[test]
    fn r1_nothing_passes_the_resync_that_begins_a_stream() {
        let mut stage = Stage::new();
        let opening =
            Held { pending: Pending::Resync(Reason::Connected), opening: true, ..stage.held("a", 7) };
        let other = stage.held("b", 8);
        assert_eq!(stage.push(opening, &[7]), [""; 0]);
        assert_eq!(stage.push(other, &[7]), [""; 0]);
        stage.now += visibility::BLIND;
        assert_eq!(stage.answer(&[7]), ["connected", "b1"], "the consumer begins somewhere");
        assert_eq!(stage.answer(&[]), ["undecodable"], "and begins again");
    }

    #[test]
    fn r5_what_waits_is_bounded() {
        let mut stage = Stage::new();
        for n in 0..300_u32 {
            let held = stage.held(&n.to_string(), 7 + n);
            assert_eq!(stage.push(held, &(7..400).collect::<Vec<_>>()), [""; 0]);
        }
        assert_eq!(stage.answer(&[]), ["overflow"]);
    }

    #[test]
    fn failsafe_comes_and_what_it_found_waits() {
        let mut stage = Stage::new();
        let held = Held { failsafe: true, ..stage.held("a", 7) };
        assert_eq!(stage.push(held, &[7]), ["failsafe"]);
        let visible = Held { failsafe: true, ..stage.held("b", 8) };
        assert_eq!(stage.push(visible, &[7]), ["failsafe"], "it stands for what can be seen");
        assert_eq!(stage.answer(&[]), ["a1"]);
    }

    #[test]
    fn without_an_answer_for_a_second_everything_goes_out() {
        let mut stage = Stage::new();
        let (one, other) = (stage.held("a", 7), stage.held("b", 8));
        stage.push(one, &[7]);
        stage.outbox.push(other, stage.now);
        for (wait, goes_out) in [(0, false), (999, false), (1, true)] {
            stage.outbox.question(&stage.catalog, None, stage.now);
            stage.now += wait * MS;
            assert_eq!(stage.outbox.unanswered(&stage.catalog, stage.now), goes_out);
            assert_eq!(stage.popped().len(), usize::from(goes_out));
        }
        for _ in 0..10 {
            stage.outbox.question(&stage.catalog, None, stage.now);
            stage.now += 1000 * MS;
            assert!(!stage.outbox.unanswered(&stage.catalog, stage.now), "once");
        }
        assert_eq!(stage.answer(&[8]), [""; 0]);
        assert_eq!(stage.answer(&[]), ["a1b1"], "and again when it is visible");
    }

    #[test]
    fn r6_a_resync_that_was_to_go_out_leaves_its_reason() {
        let mut stage = Stage::new();
        let resync = Held { pending: Pending::Resync(Reason::Overflow), ..stage.held("a", 7) };
        assert_eq!(stage.push(resync, &[7]), [""; 0]);
        assert_eq!(stage.outbox.clear(), Some(Reason::Overflow));
        assert!(stage.outbox.is_empty());
        assert_eq!(stage.outbox.clear(), None);
    }
}
