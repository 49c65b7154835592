//! The scenario `frozen-writers`: sessions that are stopped at any moment, and go on a little later.
//!
//! A session that is stopped between the flush of its commit and its leaving the list of running transactions
//! has been decoded and cannot be seen. Each table is written once in a lap, so that a refetch that was too old
//! shows in the comparison. There is one writer: the changes of a second one would keep the window open until the
//! first goes on.

use std::time::Duration;

use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::manner::Manner;
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::transaction::{End, Transaction};

pub(crate) fn round(dice: &mut Dice) -> Draft {
    let filter = *dice.pick(&[Filter::None, Filter::None, Filter::Schema]);
    let scope = Scope { filter, names: None };
    let manner = Manner { impatient: false, ..Manner::random(dice, scope) };
    (ledgers(TABLES), manner, (0..LAPS).map(|_| lap(dice)).collect())
}

/// The mark, and so many tables of a number each.
pub(crate) fn ledgers(tables: u64) -> String {
    let ledger =
        |number| format!("CREATE TABLE ledger_{number} (v int); INSERT INTO ledger_{number} VALUES (0);");
    let mark = "CREATE TABLE mark (id bigint PRIMARY KEY);".to_owned();
    std::iter::once(mark).chain((0..tables).map(ledger)).collect()
}

/// Writes one of them.
pub(crate) fn write(dice: &mut Dice, number: u64) -> String {
    format!("UPDATE ledger_{number} SET v = {}", dice.within(0..1_000_000_000))
}

/// One session commits as fast as the server can, so that the moment in question is a good part of its time.
fn lap(dice: &mut Dice) -> Lap {
    let v = dice.within(0..1_000_000_000);
    let burst = format!(
        "DO $$ BEGIN PERFORM pg_sleep({BEGIN}); FOR n IN 0..{} LOOP
        EXECUTE format('UPDATE ledger_%s SET v = {v}', n); COMMIT;
        END LOOP; END $$",
        TABLES - 1
    );
    let work = Transaction { rest: Duration::ZERO, steps: vec![burst], end: End::InSteps };
    Lap {
        sessions: vec![vec![work]],
        faults: vec![Scheduled::new(Duration::ZERO, Fault::FreezeWriters(dice.throw()))],
    }
}

const LAPS: u64 = 2;
const TABLES: u64 = 300;
/// Seconds before the burst, in which the injector finds the session.
const BEGIN: f64 = 0.2;
