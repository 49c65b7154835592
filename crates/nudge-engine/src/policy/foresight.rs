//! The answer about an item that is not due yet.
//!
//! A window stays open for a while after its last change, in case that more comes. Meanwhile the server can be
//! asked about what is pending. If nothing has come in since, its answer is the one that the item would have got
//! with a window that closed at the question, and the item waits for nothing when it is due. There is one such
//! question per window: a trickle of changes may go on for long.

use std::sync::Arc;
use std::time::Instant;

use crate::TableName;
use crate::policy::Window;
use crate::policy::server_view::ServerView;

/// What has been found out about the open window.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    /// How much had come into the window when the question was asked.
    asked: Option<u64>,
    answer: Option<Answer>,
}

/// An answer, and the tables that it is about.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) tables: Arc<[TableName]>,
    pub(crate) view: ServerView,
}

impl Foresight {
    /// When the server is to be asked about what is pending.
    pub(crate) fn ask_at(&self, window: &Window) -> Option<Instant> {
        if self.asked.is_some() { None } else { window.foreseeable() }
    }

    /// The server is asked now.
    pub(crate) fn ask(&mut self, window: &Window) {
        self.asked = Some(window.additions());
    }

    /// The server has answered before the window closed.
    pub(crate) fn answered(&mut self, answer: Answer) {
        self.answer = Some(answer);
    }

    /// Whether the question is about what is in the window now, and so about the item if that closes.
    pub(crate) fn holds(&self, window: &Window) -> bool {
        self.asked == Some(window.additions())
    }

    /// The window has closed. Returns the answer, if there is one.
    pub(crate) fn close(&mut self) -> Option<Answer> {
        std::mem::take(self).answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use nudge_decode::TableRef;

    use super::*;
    use crate::policy::{Debouncer, Edge, Harvest};

    const MS: Duration = Duration::from_millis(1);

    fn window(edge: Edge) -> Window {
        Window::new(Debouncer { debounce: 40 * MS, max_batch_wait: 1000 * MS, edge }, 10, None)
    }

    fn change(window: &mut Window, now: Instant) {
        let mut harvest = Harvest::default();
        harvest.change(&TableRef::new("s", "t").into(), SystemTime::UNIX_EPOCH);
        window.absorb(&mut harvest, now);
    }

    #[test]
    fn r13_a_quiet_window_is_asked_about_before_it_closes() {
        let (mut window, mut foresight, start) =
            (window(Edge::Trailing), Foresight::default(), Instant::now());
        assert_eq!(foresight.ask_at(&window), None, "nothing is pending");
        change(&mut window, start);
        assert_eq!(foresight.ask_at(&window), Some(start + 30 * MS));
        foresight.ask(&window);
        assert_eq!(foresight.ask_at(&window), None, "once");
        assert!(foresight.holds(&window));
        let nothing = &mut Harvest::default();
        window.absorb(nothing, start + 35 * MS);
        assert!(foresight.holds(&window), "a read without changes");
    }

    #[test]
    fn r13_what_came_after_the_question_has_no_answer() {
        let (mut window, mut foresight, start) =
            (window(Edge::Trailing), Foresight::default(), Instant::now());
        change(&mut window, start);
        foresight.ask(&window);
        change(&mut window, start + 35 * MS);
        assert!(!foresight.holds(&window));
        assert_eq!(foresight.ask_at(&window), None, "and no second question");
        foresight.answered(Answer { tables: Arc::default(), view: ServerView::default() });
        assert!(foresight.close().is_some() && foresight.close().is_none());
        assert_eq!(foresight.ask_at(&window), Some(start + 65 * MS), "of the next window");
    }

    /// No time before the window is computed, which no clock may have.
    #[test]
    fn a_question_is_never_before_its_window() {
        for (debounce, max_batch_wait, at) in
            [(40, 8, 6), (u32::MAX, 1000, 750), (0, 0, 0), (1000, u32::MAX, 750)]
        {
            let (debounce, max_batch_wait) = (debounce * MS, max_batch_wait * MS);
            let debouncer = Debouncer { debounce, max_batch_wait, edge: Edge::Trailing };
            let (mut window, start) = (Window::new(debouncer, 10, None), Instant::now());
            change(&mut window, start);
            assert_eq!(
                Foresight::default().ask_at(&window),
                Some(start + at * MS),
                "{debounce:?} {max_batch_wait:?}"
            );
        }
    }

    #[test]
    fn what_goes_on_is_not_asked_about() {
        let foresight = Foresight::default();
        let (mut leading, mut harvest, start) = (window(Edge::Leading), Harvest::default(), Instant::now());
        change(&mut leading, start);
        assert_eq!(foresight.ask_at(&leading), None, "more of the burst is to come");
        let mut within = window(Edge::Trailing);
        harvest.begin(Some(7), nudge_proto::Lsn::new(70));
        harvest.change(&TableRef::new("s", "t").into(), SystemTime::UNIX_EPOCH);
        within.absorb(&mut harvest, start);
        assert_eq!(foresight.ask_at(&within), None, "the end of the transaction is to come");
    }
}
