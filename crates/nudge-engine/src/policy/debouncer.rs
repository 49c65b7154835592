//! When a window closes (rule R4).

use std::time::{Duration, Instant};

use crate::named::named;

/// Which end of a burst of changes wakes the consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// The end: a window closes `debounce` after its last change. A steady trickle faster than
    /// `debounce` keeps it open until `max_batch_wait`.
    #[default]
    Trailing,
    /// The beginning: a change after a quiet spell goes out at the commit of its transaction. While
    /// changes keep coming, a window closes `debounce` after its first one.
    Leading,
}

named! {
    Edge:
    Trailing = "trailing",
    Leading = "leading",
}

/// The durations of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debouncer {
    /// See [`Edge`].
    pub debounce: Duration,
    /// A window closes at the latest this long after its first change, whatever goes on.
    pub max_batch_wait: Duration,
    /// Which end of a burst wakes the consumer.
    pub edge: Edge,
}

/// The changes of one open window, as far as their times matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// When its first change arrived.
    pub first: Instant,
    /// When its last change arrived.
    pub last: Instant,
    /// Whether a transaction with changes in the window is still arriving.
    pub mid_transaction: bool,
}

impl Debouncer {
    /// When the window closes if nothing more arrives. `closed` is when the one before it did.
    pub fn closes(&self, spell: &Spell, closed: Option<Instant>) -> Instant {
        let latest = spell.first + self.max_batch_wait;
        if spell.mid_transaction {
            return latest;
        }
        let closes = match self.edge {
            Edge::Trailing => spell.last + self.debounce,
            Edge::Leading if self.was_quiet(spell, closed) => spell.first,
            Edge::Leading => spell.first + self.debounce,
        };
        closes.min(latest)
    }

    /// No window closed within `debounce` before the first change: so there is at most one batch per
    /// `debounce`.
    fn was_quiet(&self, spell: &Spell, closed: Option<Instant>) -> bool {
        closed.is_none_or(|closed| spell.first >= closed + self.debounce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Checks when a window closes, in milliseconds after its first change.
    fn check(edge: Edge, last: u32, mid_transaction: bool, closed_before: Option<u32>, expect: u32) {
        let first = Instant::now() + Duration::from_secs(10);
        let debouncer = Debouncer { debounce: 50 * MS, max_batch_wait: 1000 * MS, edge };
        let spell = Spell { first, last: first + last * MS, mid_transaction };
        let closes = debouncer.closes(&spell, closed_before.map(|ms| first - ms * MS));
        assert_eq!(closes - first, expect * MS, "{edge:?} {last} {mid_transaction} {closed_before:?}");
    }

    #[test]
    fn r4_trailing_closes_debounce_after_the_last_change() {
        check(Edge::Trailing, 0, false, None, 50);
        check(Edge::Trailing, 30, false, Some(1), 80);
    }

    #[test]
    fn r4_max_batch_wait_forces_it() {
        check(Edge::Trailing, 990, false, None, 1000);
        check(Edge::Trailing, 5000, true, None, 1000);
        check(Edge::Leading, 5000, true, None, 1000);
    }

    #[test]
    fn r4_it_does_not_close_within_a_transaction() {
        check(Edge::Trailing, 0, true, None, 1000);
        check(Edge::Leading, 0, true, None, 1000);
    }

    #[test]
    fn r4_leading_goes_out_at_once_after_a_quiet_spell() {
        check(Edge::Leading, 0, false, None, 0);
        check(Edge::Leading, 30, false, Some(50), 0);
    }

    #[test]
    fn r4_leading_closes_debounce_after_the_first_change_of_a_burst() {
        check(Edge::Leading, 40, false, Some(49), 50);
        check(Edge::Leading, 0, false, Some(0), 50);
    }
}
