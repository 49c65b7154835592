//! What has happened so far, a line per table: `--summary`.

use std::cmp::Reverse;
use std::time::{Duration, Instant, SystemTime};

use console::{measure_text_width, pad_str, truncate_str};
use indexmap::IndexMap;
use pgnudge::{Event, FeedItem, Printable, TableName};

use super::rate::Rate;
use crate::item_text::{ItemText, Styles, When};

/// The tables in the order in which they were first told.
pub(super) struct Board {
    began: Instant,
    rows: IndexMap<TableName, Row>,
    resyncs: u64,
}

struct Row {
    changes: u64,
    last: Instant,
    rate: Rate,
}

impl Board {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, rows: IndexMap::new(), resyncs: 0 }
    }

    /// Takes an item in.
    pub(super) fn record(&mut self, item: &FeedItem, now: Instant) {
        match item {
            FeedItem::Resync { .. } => self.resyncs += 1,
            FeedItem::Batch { events, .. } => {
                for event in events {
                    self.change(&event.table, event.count, now);
                }
            }
        }
    }

    fn change(&mut self, table: &TableName, count: u64, now: Instant) {
        let second = self.second(now);
        let fresh = || Row { changes: 0, last: now, rate: Rate::default() };
        let row = self.rows.entry(table.clone()).or_insert_with(fresh);
        row.changes += count;
        row.last = now;
        row.rate.add(count, second);
    }

    /// The board as lines that fit into rows and columns. `state` is that of the connection. Where there is no room
    /// for all tables, those that changed last stay.
    pub(super) fn render(
        &self,
        now: Instant,
        (rows, columns): (usize, usize),
        state: &str,
        styles: &Styles,
    ) -> Vec<String> {
        let shown = self.shown(rows.saturating_sub(HEADINGS));
        let names = shown.iter().map(|(table, _)| measure_text_width(&escaped(table)));
        let width = names.max().unwrap_or(0).clamp("table".len(), columns.saturating_sub(REST).max(8));
        let mut lines = vec![state.to_owned(), self.headline(now, shown.len(), styles)];
        let heading =
            format!("{}  {:>10}  {:>8}  {:<10}  last", pad("table", width), "changes", "per s", "10 s");
        lines.push(styles.dim.apply_to(heading).to_string());
        for (table, row) in shown {
            let name = styles.table.apply_to(pad(&escaped(table), width));
            let changes = styles.count.apply_to(format_args!("{:>10}", row.changes)).to_string();
            let (second, age) = (self.second(now), ago(now.saturating_duration_since(row.last)));
            let (rate, curve) = (row.rate.per_second(second), row.rate.curve(second));
            lines.push(format!("{name}  {changes}  {rate:>8.1}  {curve}  {}", styles.dim.apply_to(age)));
        }
        lines.iter().map(|line| truncate_str(line, columns, "…").into_owned()).collect()
    }

    /// The same without a screen: what an item says, and where its tables stand with it.
    pub(super) fn lines_about(
        &self,
        item: &FeedItem,
        at: SystemTime,
        now: Instant,
        styles: &Styles,
    ) -> String {
        let FeedItem::Batch { events, .. } = item else {
            return format!("{}\n", ItemText { item, when: When::At(at), styles });
        };
        let when = styles.dim.apply_to(When::At(at));
        let line =
            |event: &Event| format!("{when}  {}\n", self.line_about(&event.table, event.count, now, styles));
        events.iter().map(line).collect()
    }

    fn line_about(&self, table: &TableName, count: u64, now: Instant, styles: &Styles) -> String {
        let name = styles.table.apply_to(escaped(table));
        let (changes, rate) = self
            .rows
            .get(table)
            .map_or((count, 0.0), |row| (row.changes, row.rate.per_second(self.second(now))));
        format!(
            "{name} {}  {changes} in all  {rate:.1} per s",
            styles.count.apply_to(format_args!("×{count}"))
        )
    }

    fn shown(&self, room: usize) -> Vec<(&TableName, &Row)> {
        let mut shown: Vec<_> = self.rows.iter().enumerate().collect();
        if shown.len() > room {
            shown.sort_by_key(|(_, (_, row))| Reverse(row.last));
            shown.truncate(room);
            shown.sort_by_key(|(n, _)| *n);
        }
        shown.into_iter().map(|(_, row)| row).collect()
    }

    fn headline(&self, now: Instant, shown: usize, styles: &Styles) -> String {
        let elapsed = now.saturating_duration_since(self.began).as_secs();
        let elapsed = humantime::format_duration(Duration::from_secs(elapsed));
        let (tables, resyncs) = (self.rows.len(), self.resyncs);
        let hidden = if tables > shown { format!(" ({} not shown)", tables - shown) } else { String::new() };
        let resyncs = styles.resync.apply_to(plural(resyncs, "resync"));
        format!("{elapsed}  {}{hidden}  {resyncs}", plural(tables as u64, "table"))
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }
}

fn escaped(table: &TableName) -> String {
    Printable(table).to_string()
}

fn pad(text: &str, width: usize) -> String {
    pad_str(text, width, console::Alignment::Left, Some("…")).into_owned()
}

fn plural(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

fn ago(age: Duration) -> String {
    match age.as_secs() {
        0 => "now".into(),
        seconds => format!("{} ago", humantime::format_duration(Duration::from_secs(seconds))),
    }
}

/// The state of the connection, the headline and the names of the columns.
const HEADINGS: usize = 3;
/// What a line needs beside its table's name.
const REST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use pgnudge::{Lsn, Reason};

    const S: Duration = Duration::from_secs(1);

    fn table(name: &str) -> TableName {
        TableName::new("public", name)
    }

    fn lines(board: &Board, now: Instant, rows: usize, columns: usize) -> Vec<String> {
        board.render(now, (rows, columns), "streaming", &Styles::new(false))
    }

    #[test]
    fn a_line_per_table_with_total_rate_and_age() {
        let began = Instant::now();
        let mut board = Board::new(began);
        board.record(&FeedItem::Resync { reason: Reason::Connected, lsn: Lsn::ZERO }, began);
        board.change(&table("orders"), 3, began + 2 * S);
        board.change(&table("a\nb"), 1, began + 2 * S);
        board.change(&table("orders"), 7, began + 4 * S);
        let expect = [
            "streaming",
            "9s  2 tables  1 resync",
            "table             changes     per s  10 s        last",
            "public.orders          10       1.0  ▁▁▄▁█▁▁▁▁▁  5s ago",
            "public.a\\nb             1       0.1  ▁▁█▁▁▁▁▁▁▁  7s ago",
        ];
        assert_eq!(lines(&board, began + 9 * S, 24, 80), expect);
        assert_eq!(
            lines(&board, began + 30 * S, 24, 80)[3],
            "public.orders          10       0.0  ▁▁▁▁▁▁▁▁▁▁  26s ago"
        );
    }

    #[test]
    fn it_fits_and_the_tables_that_moved_last_stay() {
        let began = Instant::now();
        let mut board = Board::new(began);
        for (n, name) in (0..).zip(["a", "b", "c", "d"]) {
            board.change(&table(name), 1, began + n * S);
        }
        board.change(&table("a"), 1, began + 9 * S);
        let lines = lines(&board, began + 9 * S, 5, 40);
        assert!(lines[1].contains("4 tables (2 not shown)"), "{lines:?}");
        assert!(
            lines.len() == 5 && lines[3].starts_with("public.a") && lines[4].starts_with("public.d"),
            "{lines:?}"
        );
        assert!(lines.iter().all(|line| measure_text_width(line) <= 40), "{lines:?}");
        assert_eq!(board.render(began, (0, 0), "connecting", &Styles::new(false)).len(), HEADINGS);
    }

    #[test]
    fn without_a_screen_each_item_tells_where_its_tables_stand() {
        let began = Instant::now();
        let mut board = Board::new(began);
        board.change(&table("orders"), 3, began);
        board.change(&table("orders"), 4, began);
        let line = board.line_about(&table("orders"), 4, began, &Styles::new(false));
        assert_eq!(line, "public.orders ×4  7 in all  0.7 per s");
    }
}
