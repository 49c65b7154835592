//! The scenario `schema-changes`: a name that was decoded then, and a catalog that is asked later.
//!
//! Two partitioned tables and a table with children keep their names; what lies below them is renamed, moved to
//! another schema, swapped with another's, dropped, detached, or finds its schema renamed: in the transaction
//! of a row that went through it, or in the next one. Of the tables above, DDL takes rows away only in a
//! transaction that has put one there; so a subscriber must reload them then. The tables below are not
//! compared: their names are what changes.
//!
//! A reader of a table with children reads their rows too (manual, "Inheritance").

use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::manner::Manner;
use crate::consistency::plan::{Draft, Lap};
use crate::consistency::scope::{Filter, Scope};
use crate::consistency::transaction::Transaction;

pub(crate) fn round(dice: &mut Dice, seed: u64) -> Draft {
    let filter =
        *dice.pick(&[Filter::None, Filter::Schema, Filter::Tables, Filter::Tables, Filter::AnySchema]);
    let scope = Scope { filter, names: Some(&["mark", "root", "other", "base", "audit"]) };
    let manner = Manner { impatient: false, ..Manner::random(dice, scope) };
    let laps = (0..LAPS).map(|number| lap(dice, &format!("{seed}_{number}"))).collect();
    (CREATE.to_owned(), manner, laps)
}

/// A lap is short, so that what was lost is not made good by a later change of the same table.
fn lap(dice: &mut Dice, label: &str) -> Lap {
    let count = dice.within(1..4);
    let changes = (0..count).flat_map(|number| change(dice, &format!("{label}_{number}"))).collect();
    let writes = (0..dice.within(0..4)).map(|_| write(dice)).collect();
    let fault = dice.once_in(8).then(|| Scheduled::new(dice.millis(0..80), Fault::Reset));
    Lap { sessions: vec![changes, writes], faults: fault.into_iter().collect() }
}

/// A row through one of the tables above, and a change of the table below that holds it; of some kinds in a
/// separate transaction, which does not change what a reader of the table above sees.
fn change(dice: &mut Dice, label: &str) -> Vec<Transaction> {
    let rest = dice.millis(0..30);
    let above = *dice.pick(&["root", "root", "other", "base"]);
    let (id, v) = (dice.within(0..32), value(dice));
    let put = format!("SELECT put('{above}', {id}, {v})");
    if dice.once_in(8) {
        return vec![Transaction::of(rest, swap_tables_above(dice))];
    }
    let kind = *dice.pick(&["rename", "move", "swap", "schema", "drop", "detach"]);
    let changed = format!("SELECT change('{kind}', '{above}', {id}, '{label}')");
    let keeps_rows = !matches!(kind, "drop" | "detach");
    if keeps_rows && dice.once_in(3) {
        let pause = dice.millis(0..40);
        return vec![Transaction::of(rest, [put]), Transaction::of(pause, [changed])];
    }
    let after = dice.once_in(4).then(|| format!("SELECT put('{above}', {id}, {})", value(dice)));
    vec![Transaction::of(rest, [put, changed].into_iter().chain(after))]
}

/// The names of both tables above change hands, with rows through each of them before and after.
fn swap_tables_above(dice: &mut Dice) -> Vec<String> {
    let mut rows = || {
        ["root", "other"]
            .map(|above| format!("SELECT put('{above}', {}, {})", dice.within(0..32), value(dice)))
    };
    let (before, after) = (rows(), rows());
    let swap = "ALTER TABLE root RENAME TO between; ALTER TABLE other RENAME TO root; ALTER TABLE between RENAME TO other";
    before.into_iter().chain([swap.to_owned()]).chain(after).collect()
}

fn write(dice: &mut Dice) -> Transaction {
    let above = *dice.pick(&["root", "other", "base", "audit"]);
    let statement = match (above, dice.once_in(3)) {
        ("audit", _) => format!("INSERT INTO audit VALUES ({}, {})", dice.within(0..32), value(dice)),
        (_, true) => format!("UPDATE {above} SET v = {} WHERE id = {}", value(dice), dice.within(0..32)),
        (_, false) => format!("SELECT put('{above}', {}, {})", dice.within(0..32), value(dice)),
    };
    Transaction::of(dice.millis(0..30), [statement])
}

fn value(dice: &mut Dice) -> u64 {
    dice.within(0..1_000_000)
}

const LAPS: u64 = 16;

/// `put` writes a row through a table above, of a table with children into one of these; `change` changes the
/// table that holds the rows with that id.
pub(crate) const CREATE: &str = "
CREATE TABLE mark (id bigint PRIMARY KEY);
CREATE TABLE audit (id int, v int);
CREATE SCHEMA side;
CREATE TABLE root (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE leaf_0 PARTITION OF root FOR VALUES FROM (0) TO (8);
CREATE TABLE side.leaf_1 PARTITION OF root FOR VALUES FROM (8) TO (16);
CREATE TABLE middle PARTITION OF root FOR VALUES FROM (16) TO (32) PARTITION BY RANGE (id);
CREATE TABLE leaf_2 PARTITION OF middle FOR VALUES FROM (16) TO (24);
CREATE TABLE side.leaf_3 PARTITION OF middle FOR VALUES FROM (24) TO (32);
CREATE TABLE other (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE leaf_4 PARTITION OF other FOR VALUES FROM (0) TO (16);
CREATE TABLE side.leaf_5 PARTITION OF other FOR VALUES FROM (16) TO (32);
CREATE TABLE base (id int, v int);
CREATE TABLE child_0 () INHERITS (base);
CREATE TABLE side.child_1 () INHERITS (base);

CREATE FUNCTION below(above regclass, id int) RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE found regclass;
BEGIN
    IF above = 'base'::regclass THEN
        SELECT inhrelid INTO found FROM pg_inherits WHERE inhparent = above ORDER BY inhrelid OFFSET id % 2 LIMIT 1;
    ELSE
        EXECUTE format('SELECT tableoid FROM %s WHERE id = %s LIMIT 1', above, id) INTO found;
    END IF;
    RETURN found;
END $$;

CREATE FUNCTION put(above regclass, id int, v int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF above = 'base'::regclass THEN
        above := below(above, id);
    END IF;
    EXECUTE format('INSERT INTO %s VALUES (%s, %s)', above, id, v);
END $$;

CREATE FUNCTION change(kind text, above regclass, id int, label text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    leaf regclass := below(above, id);
    name text;
    home text;
    side text := (SELECT nspname FROM pg_namespace WHERE nspname LIKE 'side%');
    parent regclass := (SELECT inhparent FROM pg_inherits WHERE inhrelid = leaf);
    bound text := (SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = leaf);
    other regclass;
    other_name text;
BEGIN
    SELECT relname, nspname INTO name, home
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = leaf;
    CASE kind
    WHEN 'rename' THEN
        EXECUTE format('ALTER TABLE %s RENAME TO %I', leaf, 'leaf_' || label);
    WHEN 'move' THEN
        EXECUTE format('ALTER TABLE %s SET SCHEMA %I', leaf, CASE home WHEN 'public' THEN side ELSE 'public' END);
    WHEN 'schema' THEN
        EXECUTE format('ALTER SCHEMA %I RENAME TO %I', side, 'side_' || label);
    WHEN 'swap' THEN
        SELECT c.oid, relname INTO other, other_name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname = home AND relkind = 'r' AND (relname LIKE 'leaf%' OR relname LIKE 'child%')
                AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = parent)
            ORDER BY c.oid LIMIT 1;
        EXECUTE format('ALTER TABLE %s RENAME TO between', leaf);
        EXECUTE format('ALTER TABLE %s RENAME TO %I', other, name);
        EXECUTE format('ALTER TABLE %I.between RENAME TO %I', home, other_name);
    WHEN 'drop' THEN
        EXECUTE format('DROP TABLE %s', leaf);
    WHEN 'detach' THEN
        EXECUTE format(CASE WHEN bound IS NULL THEN 'ALTER TABLE %2$s NO INHERIT %1$s'
            ELSE 'ALTER TABLE %1$s DETACH PARTITION %2$s' END, parent, leaf);
    END CASE;
    IF kind IN ('drop', 'detach') AND bound IS NULL THEN
        EXECUTE format('CREATE TABLE %I.%I () INHERITS (%s)', home, 'child_' || label, parent);
    ELSIF kind IN ('drop', 'detach') THEN
        EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s %s', home, 'leaf_' || label, parent, bound);
    END IF;
END $$;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_comes() {
        let mut dice = Dice::new(5);
        let steps: Vec<_> =
            (0..300).flat_map(|_| change(&mut dice, "x")).flat_map(|change| change.steps).collect();
        for wanted in ["rename", "move", "swap", "schema", "drop", "detach", "'base'", "RENAME TO between"] {
            assert!(steps.iter().any(|step| step.contains(wanted)), "{wanted}");
        }
    }

    #[test]
    fn a_change_that_takes_rows_away_comes_with_a_row() {
        let mut dice = Dice::new(5);
        let changes: Vec<_> = (0..300).flat_map(|_| change(&mut dice, "x")).collect();
        for Transaction { steps, .. } in changes {
            let takes = steps.iter().any(|step| step.contains("'drop'") || step.contains("'detach'"));
            assert!(!takes || steps.iter().any(|step| step.contains("put(")), "{steps:?}");
        }
    }
}
