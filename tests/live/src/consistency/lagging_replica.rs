//! The scenario `lagging-replica`: the feed is on the primary, and the consumer refetches from a standby by the
//! recipe of docs/replicas.md: once that has replayed the item's position.
//!
//! The standby applies everything late, and now and then nothing for a while. The subscriber comes to the hub of
//! a feed whose first item was taken elsewhere, and gives up its seat for another.

use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::frozen_writers::{ledgers, write};
use crate::consistency::manner::{Manner, Seat};
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::transaction::Transaction;

pub(crate) fn round(dice: &mut Dice) -> Draft {
    let scope = Scope { filter: *dice.pick(&[Filter::None, Filter::Schema]), names: None };
    let hub = *dice.pick(&[None, Some(Seat::AtOnce), Some(Seat::AfterTheFirstItem)]);
    let manner = Manner { hub, from_replica: true, ..Manner::random(dice, scope) };
    (ledgers(TABLES), manner, (0..LAPS).map(|_| lap(dice)).collect())
}

fn lap(dice: &mut Dice) -> Lap {
    let write = |dice: &mut Dice| {
        let table = dice.within(0..TABLES);
        Transaction::of(dice.millis(0..40), [write(dice, table)])
    };
    let sessions = (0..2).map(|_| (0..dice.within(1..12)).map(|_| write(dice)).collect()).collect();
    let fault = |dice: &mut Dice| match dice.within(0..4) {
        0 => Fault::Reset,
        1 => Fault::Rejoin,
        2 => Fault::Terminate,
        _ => Fault::PauseReplay(dice.millis(50..400)),
    };
    let faults = (0..dice.within(0..4)).map(|_| Scheduled::new(dice.millis(0..80), fault(dice))).collect();
    Lap { sessions, faults }
}

const LAPS: u64 = 6;
const TABLES: u64 = 20;
