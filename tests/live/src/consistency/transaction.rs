//! One random transaction.

use std::time::Duration;

use crate::consistency::dice::Dice;
use crate::consistency::statement;

/// A transaction of a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transaction {
    /// How long the session rests before.
    pub(crate) rest: Duration,
    /// What stands between BEGIN and the end.
    pub(crate) steps: Vec<String>,
    /// How it ends.
    pub(crate) end: End,
}

/// How a transaction ends, unless a step fails: then it is rolled back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Commit,
    Rollback,
    /// The steps are transactions by themselves.
    InSteps,
    /// Two-phase commit.
    Prepare {
        /// Of the prepared transaction, which is the whole server's.
        name: String,
        /// How long it stays prepared.
        hold: Duration,
        /// Whether it is committed in the end.
        commit: bool,
    },
}

impl Transaction {
    /// One that commits these steps.
    pub(crate) fn of(rest: Duration, steps: impl IntoIterator<Item = String>) -> Self {
        Self { rest, steps: steps.into_iter().collect(), end: End::Commit }
    }

    /// The same, which waits for no standby.
    pub(crate) fn local(rest: Duration, steps: impl IntoIterator<Item = String>) -> Self {
        Self::of(rest, std::iter::once("SET LOCAL synchronous_commit = local".to_owned()).chain(steps))
    }

    /// `label` is unique in the run, and may be part of a name.
    pub(crate) fn random(dice: &mut Dice, label: &str) -> Self {
        let rest = if dice.once_in(3) { Duration::ZERO } else { dice.millis(0..12) };
        let end = End::random(dice, label);
        let mut steps = Vec::new();
        // A prepared transaction keeps its locks: one on the catalog would hold up everybody.
        if dice.once_in(8) && !matches!(end, End::Prepare { .. }) {
            steps.push(statement::of_tables(dice, label));
        }
        for _ in 0..dice.within(1..4) {
            savepoint_or_not(dice, &mut steps);
        }
        if dice.once_in(6) {
            steps.insert(0, "SET LOCAL synchronous_commit = off".to_owned());
        }
        Self { rest, steps, end }
    }
}

impl End {
    fn random(dice: &mut Dice, label: &str) -> Self {
        match dice.within(0..12) {
            0 => Self::Rollback,
            1 => {
                let (hold, commit) = (dice.millis(0..40), !dice.once_in(3));
                Self::Prepare { name: format!("prepared_{label}"), hold, commit }
            }
            _ => Self::Commit,
        }
    }
}

/// Statements, perhaps within a savepoint that is released or rolled back.
fn savepoint_or_not(dice: &mut Dice, steps: &mut Vec<String>) {
    let end = match dice.within(0..6) {
        0 => "RELEASE inner_one",
        1 => "ROLLBACK TO inner_one",
        _ => return steps.push(statement::of_rows(dice)),
    };
    steps.push("SAVEPOINT inner_one".to_owned());
    steps.extend((0..dice.within(1..3)).map(|_| statement::of_rows(dice)));
    steps.push(end.to_owned());
}
