//! Up to where the server is told that its log is not needed any more, and when.
//!
//! A feed never resumes: everything that has arrived is done with, and to confirm it lets the server drop its log and
//! vacuum. But PostgreSQL takes a confirmation for that of a standby, too: wherever `synchronous_standby_names` match
//! it acknowledges the commits before it. So the server is asked first, and while it waits for standbys only that is
//! confirmed which waits for none any more. Between two confirmations no position counts as flushed: then the feed is
//! not even a candidate, whatever the setting becomes (manual, "synchronous_standby_names").

use std::time::{Duration, Instant};

use nudge_proto::Lsn;

use crate::policy::server_view::ServerView;

/// What precedes a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// An answer of the server.
    Asked,
    /// Nothing: commits waited for no standby when the stream began, and the feed asks for nothing else, either.
    Unasked,
    /// Nothing, and it stands: the feed may be a synchronous standby, so that commits may wait for it.
    Counted,
}

/// Call [`is_due`](Self::is_due) at each read and each status, ask then, and tell the [answer](Self::answered).
#[derive(Clone, Debug)]
pub(crate) struct Confirmation {
    rule: Rule,
    interval: Duration,
    confirmed: Lsn,
    /// What may be confirmed and is not yet.
    ready: Option<Lsn>,
    /// What had arrived when it was last due, and when that was.
    considered: Lsn,
    at: Instant,
    /// Commits up to that position are of transactions below that id, and some may still wait.
    waits: Option<(Lsn, u64)>,
    /// Whether commits waited for standbys when the server answered last, and whether it did the last time.
    synchronous: bool,
    answers: bool,
}

impl Confirmation {
    /// Begins with a stream: its position, and what the server looked like before.
    pub(crate) fn new(
        rule: Rule,
        interval: Duration,
        position: Lsn,
        before: &ServerView,
        now: Instant,
    ) -> Self {
        Self {
            rule,
            interval,
            confirmed: position,
            ready: None,
            considered: position,
            at: now,
            waits: None,
            synchronous: before.waits_for_standbys(),
            answers: true,
        }
    }

    /// Whether something is to be confirmed: every interval, or when much has arrived.
    pub(crate) fn is_due(&self, position: Lsn, now: Instant) -> bool {
        let much = position.get().saturating_sub(self.considered.get()) >= CONFIRM_AFTER;
        position > self.confirmed && much || self.due(position).is_some_and(|due| due <= now)
    }

    /// When to look again if nothing arrives.
    pub(crate) fn due(&self, position: Lsn) -> Option<Instant> {
        let news = position > self.confirmed && self.rule != Rule::Counted;
        news.then(|| self.at + self.interval)
    }

    /// Everything before the position has arrived. Returns whether the server is to be asked about it.
    pub(crate) fn consider(&mut self, position: Lsn, now: Instant) -> bool {
        (self.considered, self.at) = (position, now);
        if self.rule == Rule::Asked {
            return true;
        }
        self.ready = Some(position);
        false
    }

    /// The answer; `None`: there is none. Then what was known holds on: without standbys nothing waits.
    pub(crate) fn answered(&mut self, view: Option<&ServerView>) {
        self.answers = view.is_some();
        let released = match view {
            Some(view) => self.released(view),
            None => (!self.synchronous).then_some(self.considered),
        };
        self.ready = self.ready.max(released);
    }

    /// Commits of other databases count, and their ids are not in the stream. But all that had arrived when the
    /// server answered were of transactions that had begun by then.
    fn released(&mut self, view: &ServerView) -> Option<Lsn> {
        self.synchronous = view.waits_for_standbys();
        let (oldest, next) = (view.snapshot.xmin, view.snapshot.next);
        if !self.synchronous || oldest >= next {
            self.waits = None;
            return Some(self.considered);
        }
        let ended = self.waits.take_if(|(_, next)| oldest >= *next).map(|(position, _)| position);
        self.waits.get_or_insert((self.considered, next));
        ended
    }

    /// What is to be confirmed now. Calling it counts as saying it.
    pub(crate) fn take(&mut self) -> Option<Lsn> {
        let position = self.ready.take().filter(|&position| position > self.confirmed)?;
        self.confirmed = position;
        Some(position)
    }

    /// The flushed position of a status, if it is not one of a confirmation: none, unless the feed may count. Calling
    /// it counts as saying it.
    pub(crate) fn standing(&mut self, position: Lsn) -> Lsn {
        if self.rule != Rule::Counted {
            return Lsn::ZERO;
        }
        (self.confirmed, self.considered) = (position, position);
        position
    }

    /// Whether too much log is kept because the server does not answer.
    pub(crate) fn is_stuck(&self, position: Lsn) -> bool {
        !self.answers && position.get().saturating_sub(self.confirmed.get()) >= STUCK
    }
}

/// Bytes of the server's log. What is not confirmed is kept there: this and what is on its way
/// shall stay below one segment of it (16 MiB).
const CONFIRM_AFTER: u64 = 4 << 20;

/// Bytes of the server's log, 16 segments: a new stream costs it less.
const STUCK: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Snapshot;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    fn view(setting: &str, xmin: u64, next: u64) -> ServerView {
        let snapshot = Snapshot { xmin, xmax: next, next, ..Snapshot::default() };
        ServerView { synchronous_standby_names: setting.into(), snapshot, ..ServerView::default() }
    }

    fn begun(rule: Rule, setting: &str) -> (Confirmation, Instant) {
        let now = Instant::now();
        (Confirmation::new(rule, 10 * S, Lsn::new(5), &view(setting, 9, 9), now), now)
    }

    #[test]
    fn r9_a_busy_server_need_not_wait_for_the_interval() {
        let (mut confirmation, now) = begun(Rule::Asked, "");
        assert!(!confirmation.is_due(Lsn::new(4 << 20), now + S));
        let much = Lsn::new(5 + (4 << 20));
        assert!(confirmation.is_due(much, now + S) && confirmation.consider(much, now + S));
        assert!(!confirmation.is_due(much, now + 2 * S), "it is asked about once per interval");
        confirmation.answered(Some(&view("", 7, 9)));
        assert_eq!((confirmation.take(), confirmation.take()), (Some(much), None));
        assert!(!confirmation.is_due(much, now + 100 * S), "nothing new");
        assert!(confirmation.is_due(Lsn::new(much.get() + 1), now + 11 * S));
    }

    #[test]
    fn where_commits_wait_only_what_was_released_is_confirmed() {
        let (mut confirmation, now) = begun(Rule::Asked, "s1");
        let mut consider = |position, xmin, next| {
            assert!(confirmation.consider(Lsn::new(position), now));
            confirmation.answered(Some(&view("s1", xmin, next)));
            confirmation.take().map(Lsn::get)
        };
        assert_eq!(consider(10, 100, 100), Some(10), "nothing runs");
        assert_eq!(consider(20, 100, 103), None, "100, 101 or 102 may wait");
        assert_eq!(consider(30, 102, 110), None);
        assert_eq!(consider(40, 103, 120), Some(20), "whatever ran when 20 had arrived has ended");
        assert_eq!(consider(50, 119, 130), None);
        assert_eq!(consider(60, 130, 131), Some(40));
        assert_eq!(consider(70, 131, 131), Some(70));
    }

    #[test]
    fn a_standby_releases_nobody() {
        let (mut confirmation, now) = begun(Rule::Asked, "s1");
        confirmation.consider(Lsn::new(10), now);
        confirmation.answered(Some(&ServerView { standby: true, ..view("s1", 7, 9) }));
        assert_eq!(confirmation.take(), Some(Lsn::new(10)));
    }

    #[test]
    fn without_an_answer_what_was_known_holds_on() {
        let (mut alone, now) = begun(Rule::Asked, "");
        alone.consider(Lsn::new(10), now);
        alone.answered(None);
        assert_eq!(alone.take(), Some(Lsn::new(10)));
        let (mut waits, now) = begun(Rule::Asked, "s1");
        waits.consider(Lsn::new(10), now);
        waits.answered(None);
        assert!(waits.take().is_none() && !waits.is_stuck(Lsn::new(5 + (255 << 20))));
        assert!(waits.is_stuck(Lsn::new(5 + (256 << 20))));
        assert!(waits.is_due(Lsn::new(10), now + 10 * S), "it is asked again");
        waits.answered(Some(&view("s1", 7, 9)));
        assert!(!waits.is_stuck(Lsn::new(5 + (256 << 20))), "a long transaction keeps the log, too");
    }

    #[test]
    fn only_who_may_count_has_a_flushed_position_all_the_time() {
        for (rule, standing) in [(Rule::Asked, 0), (Rule::Unasked, 0), (Rule::Counted, 30)] {
            let (mut confirmation, _) = begun(rule, "");
            assert_eq!(confirmation.standing(Lsn::new(30)), Lsn::new(standing), "{rule:?}");
        }
        for rule in [Rule::Unasked, Rule::Counted] {
            let (mut confirmation, now) = begun(rule, "*");
            assert!(!confirmation.consider(Lsn::new(30), now));
            assert_eq!(confirmation.take(), Some(Lsn::new(30)), "{rule:?}");
        }
    }

    proptest! {
        /// A server on which commits wait, each for as long as it likes, and a feed that asks now and then.
        #[test]
        fn no_confirmation_releases_a_commit(
            // What happens: a transaction begins, one commits, one is released, the feed looks.
            steps in prop::collection::vec((0..4_u8, any::<prop::sample::Index>()), 1..200),
        ) {
            let (mut confirmation, now) = begun(Rule::Asked, "s1");
            let (mut next, mut lsn) = (10, 10);
            let (mut running, mut waiting): (Vec<u64>, Vec<(u64, u64)>) = (vec![], vec![]);
            let mut last = Lsn::new(5);
            for (step, which) in steps {
                match step {
                    0 => {
                        running.push(next);
                        next += 1;
                    }
                    1 if !running.is_empty() => {
                        lsn += 1;
                        waiting.push((running.remove(which.index(running.len())), lsn));
                    }
                    2 if !waiting.is_empty() => drop(waiting.remove(which.index(waiting.len()))),
                    3 => {
                        let oldest = running.iter().chain(waiting.iter().map(|(id, _)| id)).min();
                        confirmation.consider(Lsn::new(lsn), now);
                        confirmation.answered(Some(&view("s1", *oldest.unwrap_or(&next), next)));
                        if let Some(confirmed) = confirmation.take() {
                            prop_assert!(waiting.iter().all(|&(_, commit)| commit > confirmed.get()));
                            prop_assert!(confirmed > last);
                            last = confirmed;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
