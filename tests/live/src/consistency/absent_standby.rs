//! The scenario `absent-standby`: a synchronous standby is named, is not there, and is named no more.
//!
//! Meanwhile commits are decoded and cannot be seen, DDL among them, and their sessions hold their locks. Others
//! wait for no standby (`synchronous_commit = local`) and are visible at once. The setting changes with a
//! reload, under a feed that lives; the connection is lost, and what it brings arrives in lumps.
//!
//! In some laps only rows wait, and there is a probe: a change beside them that can be seen must reach the
//! copy within a bound, and so must one that only the opt-in `failsafe` can bring. Everything is released before the
//! mark.

use std::time::Duration;

use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::frozen_writers::{ledgers, write};
use crate::consistency::manner::Manner;
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::transaction::Transaction;

/// One kind of lap per round, so that each fault of the product has rounds that it alone could spoil.
pub(crate) fn round(dice: &mut Dice) -> Draft {
    let named = *dice.pick(&[Filter::Tables, Filter::AnySchema]);
    let scope = match dice.within(0..4) {
        0 => Scope { filter: Filter::None, names: None },
        1 => Scope { filter: Filter::Schema, names: Some(NAMES) },
        _ => Scope { filter: named, names: Some(NAMES) },
    };
    let mut manner = Manner::random(dice, scope);
    let kind = dice.within(0..7);
    let count = match kind {
        0 => {
            manner.failsafe = dice.once_in(2).then_some(FAILSAFE);
            2
        }
        1 | 2 => {
            // Before the feed is lost, it has been told of the table that is to become a partition.
            (manner.pause, manner.scope.filter) = (Duration::ZERO, named);
            manner.scope.names = Some(NAMES);
            LAPS / 2
        }
        _ => LAPS,
    };
    let lap = |number| match kind {
        0 => probe(dice, manner.failsafe.is_some()),
        1 | 2 => homecoming(dice, number),
        3 => rows_wait(dice),
        4 | 5 => ddl_waits(dice, number),
        _ => all_wait(dice, number),
    };
    (create(), manner.clone(), (0..count).map(lap).collect())
}

pub(crate) fn create() -> String {
    let late = (0..LAPS).map(|number| format!("CREATE TABLE late_{number} (id int, v int);"));
    let probes = "CREATE TABLE probe (id bigint); CREATE UNLOGGED TABLE unlogged (id bigint);".to_owned();
    std::iter::once(ledgers(TABLES)).chain([probes]).chain(late).collect()
}

/// Rows wait beside rows that do not, and the connection may be lost meanwhile.
fn rows_wait(dice: &mut Dice) -> Lap {
    Lap { sessions: vec![waiting(dice), visible(dice)], faults: absence(dice) }
}

/// The first partitioned table is made in a transaction that waits, beside rows that do not.
fn ddl_waits(dice: &mut Dice, number: u64) -> Lap {
    Lap { sessions: vec![visible(dice), partitions(dice, number)], faults: absence(dice) }
}

/// Both.
pub(crate) fn all_wait(dice: &mut Dice, number: u64) -> Lap {
    Lap { sessions: vec![waiting(dice), visible(dice), partitions(dice, number)], faults: absence(dice) }
}

fn absence(dice: &mut Dice) -> Vec<Scheduled> {
    let again = *dice.pick(&[Fault::Reset, Fault::Lumps(LUMP), Fault::Forget]);
    let again = dice.once_in(3).then(|| Scheduled::new(dice.millis(50..300), again));
    let leaves = Scheduled::new(dice.millis(20..80), Fault::StandbyLeaves);
    let returns = Scheduled::new(dice.millis(200..800), Fault::StandbyReturns);
    [leaves].into_iter().chain(again).chain([returns]).collect()
}

/// A table becomes a partition soon after it has changed, and then rows go through the table above.
fn partitions(dice: &mut Dice, number: u64) -> Vec<Transaction> {
    let attach = if dice.once_in(4) { Transaction::local } else { Transaction::of };
    vec![
        dropped(number),
        seen(dice, number),
        attach(dice.millis(0..40), attached(number)),
        Transaction::of(dice.millis(50..200), [row(dice, &format!("parent_{number}"))]),
    ]
}

/// Rows wait for long, and the probes come beside them.
fn probe(dice: &mut Dice, failsafe: bool) -> Lap {
    let mut faults = vec![
        Scheduled::new(Duration::ZERO, Fault::StandbyLeaves),
        Scheduled::new(dice.millis(300..500), Fault::Probe),
    ];
    if failsafe {
        faults.push(Scheduled::new(Duration::ZERO, Fault::ProbeUnlogged));
    }
    faults.push(Scheduled::new(Duration::ZERO, Fault::StandbyReturns));
    Lap { sessions: vec![waiting(dice), visible(dice)], faults }
}

/// While the feed is away, a table becomes a partition that was none; its first row commits behind the new slot
/// and arrives together with the begin of the stream.
fn homecoming(dice: &mut Dice, number: u64) -> Lap {
    let faults = vec![
        Scheduled::new(Duration::ZERO, Fault::StandbyLeaves),
        Scheduled::new(dice.millis(300..350), Fault::Lumps(LUMP)),
        Scheduled::new(Duration::ZERO, Fault::CommitBehindSlot(number)),
        Scheduled::new(dice.millis(600..1500), Fault::StandbyReturns),
    ];
    let partitions = vec![
        dropped(number),
        seen(dice, number),
        Transaction::local(dice.millis(370..450), attached(number)),
    ];
    Lap { sessions: vec![partitions], faults }
}

/// Each lap begins without partitioned tables.
fn dropped(number: u64) -> Transaction {
    let drop = number.checked_sub(1).map(|last| format!("DROP TABLE IF EXISTS parent_{last} CASCADE"));
    Transaction::local(Duration::ZERO, drop)
}

/// The table that is to become a partition has changed before, and is empty.
fn seen(dice: &mut Dice, number: u64) -> Transaction {
    let late = format!("late_{number}");
    Transaction::local(dice.millis(60..160), [row(dice, &late), format!("DELETE FROM {late}")])
}

fn attached(number: u64) -> [String; 2] {
    [
        format!("CREATE TABLE parent_{number} (id int, v int) PARTITION BY RANGE (id)"),
        format!("ALTER TABLE parent_{number} ATTACH PARTITION late_{number} FOR VALUES FROM (0) TO (32)"),
    ]
}

fn row(dice: &mut Dice, table: &str) -> String {
    format!("INSERT INTO {table} VALUES ({}, {})", dice.within(0..32), dice.within(0..1_000_000))
}

fn waiting(dice: &mut Dice) -> Vec<Transaction> {
    let write = |dice: &mut Dice| {
        let table = dice.within(0..TABLES / 2);
        Transaction::of(dice.millis(60..200), [write(dice, table)])
    };
    (0..dice.within(1..4)).map(|_| write(dice)).collect()
}

fn visible(dice: &mut Dice) -> Vec<Transaction> {
    let write = |dice: &mut Dice| {
        let table = dice.within(TABLES / 2..TABLES);
        Transaction::local(dice.millis(0..60), [write(dice, table)])
    };
    (0..dice.within(3..12)).map(|_| write(dice)).collect()
}

const LAPS: u64 = 6;
const TABLES: u64 = 8;
const FAILSAFE: Duration = Duration::from_millis(300);
const LUMP: Duration = Duration::from_millis(120);
const NAMES: &[&str] = &[
    "mark", "probe", "unlogged", "ledger_0", "ledger_1", "ledger_2", "ledger_3", "ledger_4", "parent_0",
    "parent_1", "parent_2", "parent_3", "parent_4", "parent_5",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_that_leaves_returns() {
        let mut dice = Dice::new(1);
        for number in 0..50 {
            for lap in [all_wait(&mut dice, number), homecoming(&mut dice, number), probe(&mut dice, true)] {
                let left = lap.faults.iter().any(|scheduled| scheduled.fault == Fault::StandbyLeaves);
                let last = lap.faults.last().map(|scheduled| scheduled.fault);
                assert!(left && last == Some(Fault::StandbyReturns));
            }
        }
    }
}
