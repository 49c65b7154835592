//! The scenarios `failover` and `promotion`: a standby becomes the primary, and goes on with another history.
//!
//! In a failover the feed names both servers, and follows; the consumer reads the server that takes over, by
//! position. In a promotion the feed is on the standby, whose walsender lives on. Afterwards commits are decoded
//! before they can be seen there, too. Both use up their servers.

use std::time::Duration;

use crate::consistency::absent_standby;
use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::frozen_writers::write;
use crate::consistency::manner::{Manner, Seat, Servers};
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::transaction::Transaction;

const EVERY_TABLE: Scope = Scope { filter: Filter::None, names: None };

pub(crate) fn failover(dice: &mut Dice) -> Draft {
    let hub = *dice.pick(&[Some(Seat::AtOnce), Some(Seat::AtOnce), Some(Seat::AfterTheFirstItem), None]);
    let from_replica = !dice.once_in(4);
    // While a consumer waits for a position it need not read (docs/replicas.md). So that no item
    // of its own has a position that the standby never reaches, only a table outside of its filter changes then.
    let scope = Scope { filter: Filter::Tables, names: Some(NAMES) };
    let mut manner = Manner { hub, from_replica, servers: Servers::Both, ..Manner::random(dice, scope) };
    // It takes its seat while there is no primary.
    manner.pause = Duration::ZERO;
    let faults = vec![Scheduled::new(dice.millis(0..100), Fault::Failover)];
    let laps = vec![work(dice, Vec::new()), Lap { sessions: Vec::new(), faults }, work(dice, Vec::new())];
    (absent_standby::create(), manner, laps)
}

pub(crate) fn promotion(dice: &mut Dice) -> Draft {
    let manner =
        Manner { from_replica: true, servers: Servers::Standby, ..Manner::random(dice, EVERY_TABLE) };
    let promoted = Scheduled::new(dice.millis(0..200), Fault::Promote);
    let mut laps = vec![work(dice, Vec::new()), work(dice, vec![promoted])];
    laps.extend((0..3).map(|number| absent_standby::all_wait(dice, number)));
    (absent_standby::create(), manner, laps)
}

fn work(dice: &mut Dice, faults: Vec<Scheduled>) -> Lap {
    let write = |dice: &mut Dice| {
        let table = dice.within(0..8);
        Transaction::of(dice.millis(0..60), [write(dice, table)])
    };
    let sessions = (0..2).map(|_| (0..dice.within(3..15)).map(|_| write(dice)).collect()).collect();
    Lap { sessions, faults }
}

const NAMES: &[&str] =
    &["mark", "ledger_0", "ledger_1", "ledger_2", "ledger_3", "ledger_4", "ledger_5", "ledger_6", "ledger_7"];
