//! One random statement, as SQL text.

use crate::consistency::dice::Dice;
use crate::consistency::tables::{MANY, TABLES, Table};

/// Rows of one table change, or of two. Allowed in every transaction.
pub(crate) fn of_rows(dice: &mut Dice) -> String {
    let table = dice.pick(&TABLES);
    match dice.within(0..20) {
        0..6 => insert(dice, table),
        6..10 => update(dice, table),
        10..12 => delete(dice, table),
        12 => change_key(dice, table),
        13 => merge(dice, table),
        14 => copy(dice, table),
        15 => truncate(dice, table),
        16 => move_rows(dice),
        17 => adopt(dice),
        18 => write_body(dice, table),
        _ => many(dice),
    }
}

/// Tables come to be, or change their place: with a row, for DDL alone is not decoded.
pub(crate) fn of_tables(dice: &mut Dice, label: &str) -> String {
    let v = value(dice);
    match dice.within(0..5) {
        0 => format!("CREATE TABLE made.{label} AS SELECT id, {v} AS v FROM generate_series(1, 3) AS id"),
        1 => {
            let n = dice.within(2..6);
            let (from, to) = (n * 16, n * 16 + 16);
            format!(
                "CREATE TABLE IF NOT EXISTS parted_{n} PARTITION OF parted FOR VALUES FROM ({from}) TO ({to});
                INSERT INTO parted VALUES ({from}, {v}) ON CONFLICT (id) DO UPDATE SET v = {v}"
            )
        }
        2 => format!(
            "CREATE TABLE IF NOT EXISTS deep PARTITION OF parted FOR VALUES FROM (96) TO (128) PARTITION BY RANGE (id);
            CREATE TABLE IF NOT EXISTS deeper PARTITION OF deep FOR VALUES FROM (96) TO (112);
            INSERT INTO parted VALUES (97, {v}) ON CONFLICT (id) DO UPDATE SET v = {v}"
        ),
        3 => format!(
            "ALTER TABLE loose ATTACH PARTITION guest FOR VALUES FROM (48) TO (64);
            INSERT INTO guest VALUES (50, {v})"
        ),
        _ => format!("ALTER TABLE loose DETACH PARTITION guest; INSERT INTO loose VALUES (1, {v})"),
    }
}

fn insert(dice: &mut Dice, table: &Table) -> String {
    let (from, to) = ids(dice, table);
    let (name, v) = (table.name, value(dice));
    format!(
        "INSERT INTO {name} (id, v) SELECT n, {v} FROM generate_series({from}, {to}) AS n ON CONFLICT DO NOTHING"
    )
}

fn update(dice: &mut Dice, table: &Table) -> String {
    let (from, to) = ids(dice, table);
    format!("UPDATE {} SET v = {} WHERE id BETWEEN {from} AND {to}", table.name, value(dice))
}

fn delete(dice: &mut Dice, table: &Table) -> String {
    let (from, to) = ids(dice, table);
    format!("DELETE FROM {} WHERE id BETWEEN {from} AND {to}", table.name)
}

/// In a partitioned table the row may move to another partition.
fn change_key(dice: &mut Dice, table: &Table) -> String {
    let ((from, _), (to, _)) = (ids(dice, table), ids(dice, table));
    format!("UPDATE {} SET id = {to} WHERE id = {from}", table.name)
}

fn merge(dice: &mut Dice, table: &Table) -> String {
    let (id, _) = ids(dice, table);
    let (name, v) = (table.name, value(dice));
    format!(
        "MERGE INTO {name} AS mine USING (VALUES ({id}, {v})) AS new (id, v) ON mine.id = new.id
        WHEN MATCHED AND mine.v % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = new.v
        WHEN NOT MATCHED THEN INSERT (id, v) VALUES (new.id, new.v)"
    )
}

/// The server's own program writes the rows: there is no other text than this one.
fn copy(dice: &mut Dice, table: &Table) -> String {
    let (from, to) = ids(dice, table);
    format!("COPY {} (id) FROM PROGRAM 'seq {from} {to}'", table.name)
}

/// CASCADE: `child` refers to `parent`.
fn truncate(dice: &mut Dice, table: &Table) -> String {
    let other = dice.pick(&TABLES);
    let others = if dice.once_in(2) { format!(", {}", other.name) } else { String::new() };
    format!("TRUNCATE {}{others} CASCADE", table.name)
}

fn move_rows(dice: &mut Dice) -> String {
    let v = value(dice);
    format!(
        "WITH moved AS (DELETE FROM plain WHERE id % 3 = {} RETURNING id)
        INSERT INTO keyless SELECT id, {v} FROM moved",
        v % 3
    )
}

fn adopt(dice: &mut Dice) -> String {
    let id = dice.within(0..32);
    format!("UPDATE child SET parent = (SELECT min(id) FROM parent WHERE id >= {id}) WHERE id >= {id}")
}

/// Without a body, it is an update like others: also of a row whose body is stored aside.
fn write_body(dice: &mut Dice, table: &Table) -> String {
    let (id, _) = ids(dice, table);
    let (name, v, length) = (table.name, value(dice), table.body);
    let body = if length == 0 { String::new() } else { format!(", body = repeat(md5('{v}'), {length})") };
    format!("UPDATE {name} SET v = {v}{body} WHERE id = {id}")
}

fn many(dice: &mut Dice) -> String {
    let (from, v) = (dice.within(0..MANY / 2), value(dice));
    let to = dice.within(from..MANY);
    let change = *dice.pick(&["INSERT INTO many.t%s VALUES", "UPDATE many.t%s SET (id, v) ="]);
    format!(
        "DO $$ BEGIN FOR n IN {from}..{to} LOOP
        EXECUTE format('{change} (%s, {v})', n, n);
        END LOOP; END $$"
    )
}

fn ids(dice: &mut Dice, table: &Table) -> (u64, u64) {
    let (least, end) = table.ids;
    let from = dice.within(least..end);
    (from, dice.within(from..end))
}

fn value(dice: &mut Dice) -> u64 {
    dice.within(0..1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_statement_and_every_table_comes() {
        let mut dice = Dice::new(7);
        let texts: Vec<_> = (0..3000).map(|_| of_rows(&mut dice)).collect();
        let kinds = [
            "INSERT",
            "UPDATE",
            "DELETE",
            "MERGE",
            "COPY",
            "TRUNCATE",
            "WITH",
            "DO",
            "UPDATE child SET parent",
        ];
        for wanted in kinds.into_iter().chain(TABLES.iter().map(|table| table.name)) {
            assert!(texts.iter().any(|text| text.contains(wanted)), "{wanted}");
        }
        let texts: Vec<_> = (0..100).map(|_| of_tables(&mut dice, "x")).collect();
        for wanted in ["made.x", "PARTITION OF", "deeper", "ATTACH", "DETACH"] {
            assert!(texts.iter().any(|text| text.contains(wanted)), "{wanted}");
        }
    }
}
