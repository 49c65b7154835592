//! The scenario `everything`: random work on tables of every kind, and random faults of the connection and the
//! server. What logical decoding does not see is left out of its work, or done together with a change that is
//! seen: ALTER TABLE … ATTACH and DETACH PARTITION always come with a row.

use std::time::Duration;

use crate::consistency::dice::Dice;
use crate::consistency::fault::Scheduled;
use crate::consistency::manner::Manner;
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::tables;
use crate::consistency::transaction::Transaction;

pub(crate) fn round(dice: &mut Dice, seed: u64) -> Draft {
    let filters =
        [Filter::None, Filter::None, Filter::None, Filter::Schema, Filter::Tables, Filter::AnySchema];
    let scope = Scope { filter: *dice.pick(&filters), names: None };
    let max_pending = *dice.pick(&[None, None, None, Some(40), Some(4)]);
    let mut manner = Manner { max_pending, ..Manner::random(dice, scope) };
    // Else fewer wakeups would be compared in the same time.
    if !dice.once_in(3) {
        manner.pause = Duration::ZERO;
    }
    let laps = (0..LAPS).map(|lap| self::lap(dice, &format!("{seed}_{lap}"))).collect();
    (tables::CREATE.to_owned(), manner, laps)
}

fn lap(dice: &mut Dice, label: &str) -> Lap {
    let session = |dice: &mut Dice, session: u64| {
        let count = dice.within(5..25);
        (0..count).map(|n| Transaction::random(dice, &format!("{label}_{session}_{n}"))).collect()
    };
    let sessions = (0..SESSIONS).map(|number| session(dice, number)).collect();
    let faults = (0..dice.within(0..3)).map(|_| Scheduled::random(dice)).collect();
    Lap { sessions, faults }
}

/// Some, because it takes a while to make all those tables.
const LAPS: u64 = 6;
const SESSIONS: u64 = 3;
