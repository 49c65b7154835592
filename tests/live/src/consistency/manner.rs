//! How a subscriber connects, and what it asks for. Mostly what the product does by default.

use std::time::Duration;

use pgnudge::Edge;

use crate::consistency::dice::Dice;
use crate::consistency::scope::Scope;

/// How the subscriber connects, and what it asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manner {
    pub(crate) tls: bool,
    /// `None`: the product's default, as below.
    pub(crate) debounce: Option<Duration>,
    pub(crate) edge: Edge,
    pub(crate) max_pending: Option<usize>,
    pub(crate) failsafe: Option<Duration>,
    /// Whether and how it takes its items from a hub.
    pub(crate) hub: Option<Seat>,
    /// What it holds a copy of, and its filter.
    pub(crate) scope: Scope,
    /// It has the markers of transactions, also of wal2json.
    pub(crate) markers: bool,
    /// It notices a dead connection soon, and connects again at once; else as by default.
    pub(crate) impatient: bool,
    /// How long it rests after each item, before it asks for the next.
    pub(crate) pause: Duration,
    /// It refetches from the standby, once that has replayed the item's position (docs/replicas.md).
    pub(crate) from_replica: bool,
    /// The servers that its feed may be on.
    pub(crate) servers: Servers,
}

/// How it takes a seat at a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// At the hub of a feed that has delivered nothing so far.
    AtOnce,
    /// At the hub of a feed whose first item the program has taken itself.
    AfterTheFirstItem,
}

/// Which servers the connection text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    /// The primary.
    Primary,
    /// Both, of which it wants the one that accepts writes.
    Both,
    /// The standby.
    Standby,
}

impl Manner {
    /// As by default, impatient, and no more.
    pub(crate) fn default_of(scope: Scope) -> Self {
        Self {
            tls: false,
            debounce: None,
            edge: Edge::Trailing,
            max_pending: None,
            failsafe: None,
            hub: None,
            scope,
            markers: true,
            impatient: true,
            pause: Duration::ZERO,
            from_replica: false,
            servers: Servers::Primary,
        }
    }

    /// As by default more often than not.
    pub(crate) fn random(dice: &mut Dice, scope: Scope) -> Self {
        let seat = *dice.pick(&[Seat::AtOnce, Seat::AfterTheFirstItem]);
        let debounce = *dice.pick(&[0, 2, 20]);
        Self {
            tls: dice.once_in(4),
            debounce: dice.once_in(3).then_some(Duration::from_millis(debounce)),
            edge: *dice.pick(&[Edge::Trailing, Edge::Trailing, Edge::Leading]),
            hub: dice.once_in(4).then_some(seat),
            markers: !dice.once_in(4),
            pause: Self::pause(dice),
            ..Self::default_of(scope)
        }
    }

    /// None, that of a consumer that is slow, or of one that polls rarely.
    fn pause(dice: &mut Dice) -> Duration {
        match dice.within(0..4) {
            0 => dice.millis(20..200),
            1 => dice.millis(200..900),
            _ => Duration::ZERO,
        }
    }
}
