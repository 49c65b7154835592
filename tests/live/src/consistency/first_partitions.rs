//! The scenario `first-partitions`: a database without partitioned tables gets its first one.
//!
//! As long as there is none the server may apply the filter, and what was looked up once is not looked up
//! again. In each lap a table is made whose partition the filter would keep on the server: in a transaction of
//! its own, or in one that has rows of tables that were seen before, with a new partition or with a table that
//! was seen before. Then rows go through it. Each lap begins without: the one before is dropped, and the feed
//! connects again.

use std::time::Duration;

use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::manner::Manner;
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::transaction::Transaction;

pub(crate) fn round(dice: &mut Dice) -> Draft {
    let filter = *dice.pick(&[Filter::None, Filter::Schema, Filter::Tables, Filter::AnySchema]);
    let manner = Manner::random(dice, Scope { filter, names: Some(NAMES) });
    let laps = (0..LAPS).map(|number| lap(dice, number, manner.pause)).collect();
    (create(), manner, laps)
}

/// The tables that may become partitions are there from the begin.
pub(crate) fn create() -> String {
    let tables = (0..LAPS).map(|n| {
        format!("CREATE TABLE hidden.late_{n} (id int, v int); CREATE TABLE late_{n} (id int, v int);")
    });
    let fixed = "CREATE TABLE mark (id bigint PRIMARY KEY); CREATE TABLE audit (id int, v int); CREATE SCHEMA hidden;";
    std::iter::once(fixed.to_owned()).chain(tables).collect()
}

/// `pause`: the subscriber's. It has looked the tables up by the time that one becomes a partition.
fn lap(dice: &mut Dice, number: u64, pause: Duration) -> Lap {
    let mut work = Vec::new();
    if number > 0 {
        work.push(Transaction::of(
            dice.millis(0..5),
            [format!("DROP TABLE IF EXISTS parent_{} CASCADE", number - 1)],
        ));
    }
    let schema = *dice.pick(&["hidden", "public", "hidden"]);
    let late = format!("{schema}.late_{number}");
    // Before it, tables are seen: once the feed is back.
    work.push(Transaction::of(
        dice.millis(150..300),
        [audit(dice), row(&late, dice), format!("TRUNCATE {late}")],
    ));
    let mut first: Vec<_> = if dice.once_in(2) { vec![audit(dice)] } else { Vec::new() };
    first.push(format!("CREATE TABLE parent_{number} (id int, v int) PARTITION BY RANGE (id)"));
    first.push(match dice.within(0..2) {
        0 => format!(
            "CREATE TABLE {schema}.part_{number} PARTITION OF parent_{number} FOR VALUES FROM (0) TO (32)"
        ),
        _ => format!("ALTER TABLE parent_{number} ATTACH PARTITION {late} FOR VALUES FROM (0) TO (32)"),
    });
    if dice.once_in(3) {
        first.push(row(&format!("parent_{number}"), dice));
    }
    work.push(Transaction::of(pause + dice.millis(80..200), first));
    for _ in 0..dice.within(1..3) {
        let both = dice.once_in(2).then(|| audit(dice));
        let row = row(&format!("parent_{number}"), dice);
        work.push(Transaction::of(dice.millis(0..150), both.into_iter().chain([row])));
    }
    let faults =
        if number > 0 { vec![Scheduled::new(dice.millis(20..40), Fault::Reset)] } else { Vec::new() };
    Lap { sessions: vec![work], faults }
}

fn audit(dice: &mut Dice) -> String {
    row("audit", dice)
}

fn row(table: &str, dice: &mut Dice) -> String {
    format!("INSERT INTO {table} VALUES ({}, {})", dice.within(0..32), dice.within(0..1_000_000))
}

const LAPS: u64 = 6;
const NAMES: &[&str] =
    &["mark", "audit", "parent_0", "parent_1", "parent_2", "parent_3", "parent_4", "parent_5"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lap_has_a_table_of_its_own() {
        for number in 0..LAPS {
            assert!(NAMES.contains(&format!("parent_{number}").as_str()));
        }
        assert_eq!(NAMES.len() as u64, LAPS + 2);
    }
}
