//! All findings, and what follows from them.

use std::fmt::Write as _;

use console::Style;
use pgnudge::Printable;
use serde::Serialize;

use super::check::{Check, Fix, Level};

/// The form that programs rely on.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    /// The transport that works. `physical` is a word of the form, but not a transport of this version.
    pub(super) recommended: Option<&'static str>,
}

impl Report {
    /// What was found, in this order. Where a feed works, nothing of it has stopped one.
    pub(super) fn new(mut checks: Vec<Check>, recommended: Option<&'static str>) -> Self {
        if recommended.is_some() {
            let failed = checks.iter_mut().filter(|check| check.level == Level::Fail);
            failed.for_each(|check| check.level = Level::Note);
        }
        Self { checks, recommended }
    }

    /// For people: a line per check in groups, what to do below those that are not well, and a sentence at the end.
    pub(super) fn text(&self, coloured: bool) -> String {
        let style = || Style::new().force_styling(coloured);
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (place, (heading, _)) in GROUPS.iter().enumerate() {
            let mut checks = self.checks.iter().filter(|check| group(check.name) == place).peekable();
            if checks.peek().is_some() {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{}", style().bold().apply_to(heading));
            }
            for Check { name, detail, fix, level, .. } in checks {
                let mark = match level {
                    Level::Ok => style().green().apply_to("ok  "),
                    Level::Note => style().yellow().apply_to("note"),
                    Level::Fail => style().red().bold().apply_to("FAIL"),
                };
                let _ = writeln!(text, "  {mark}  {name:width$}  {}", Printable(detail));
                for line in fix.iter().flat_map(|Fix(lines)| lines) {
                    let fix = style().dim().apply_to("fix:");
                    let _ = writeln!(text, "        {:width$}  {fix} {}", "", Printable(line));
                }
            }
        }
        let verdict = if self.recommended.is_some() { style().green() } else { style().red().bold() };
        let _ = writeln!(text, "\n{}", verdict.apply_to(self.sentence()));
        text
    }

    /// What a feed will do here.
    fn sentence(&self) -> String {
        let at = |level| self.checks.iter().filter(move |check| check.level == level);
        if self.recommended.is_none() {
            let first = at(Level::Fail).next().map_or("the first FAIL", |check| check.name);
            return format!("No feed works here yet: begin with {first}.");
        }
        let plugin = at(Level::Ok).map(|check| check.name).find(|name| PLUGINS.contains(name));
        let with = plugin.map_or_else(String::new, |plugin| format!(", with {plugin}"));
        match at(Level::Note).count() {
            0 => format!("A feed works here{with}."),
            1 => format!("A feed works here{with}; read the note."),
            notes => format!("A feed works here{with}; read the {notes} notes."),
        }
    }
}

/// The place of a check's group.
fn group(name: &str) -> usize {
    GROUPS.iter().position(|(_, names)| names.contains(&name)).unwrap_or(GROUPS.len() - 1)
}

const PLUGINS: [&str; 2] = ["test_decoding", "wal2json"];

/// Headings, and the checks below them. What has no other place is about the feed.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Connection", &["connection", "reachable", "tls", "login", "pooler", "physical"]),
    (
        "Server",
        &[
            "settings",
            "version",
            "platform",
            "wal_level",
            "replication",
            "standby",
            "synchronous_standbys",
            "wal_sender_timeout",
        ],
    ),
    ("Room", &["slots", "walsenders", "long_transactions"]),
    (
        "Tables",
        &[
            "patterns",
            "tables",
            "keyless_tables",
            "partitioned_tables",
            "inherited_tables",
            "materialized_views",
            "unlogged_tables",
            "foreign_tables",
        ],
    ),
    ("Feed", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let lines = vec!["DROP this;".to_owned(), "or that".to_owned()];
        let fine = Check::good("version", "17.11");
        Report::new(vec![fine, Check::bad("slots", "none is left", lines)], None)
    }

    #[test]
    fn people_read_lines_with_the_remedies_below() {
        let expect = "Server\n\
                      \x20 ok    version  17.11\n\
                      Room\n\
                      \x20 FAIL  slots    none is left\n\
                      \x20                fix: DROP this;\n\
                      \x20                fix: or that\n\
                      \n\
                      No feed works here yet: begin with slots.\n";
        assert_eq!(report().text(false), expect);
    }

    #[test]
    fn where_a_feed_works_nothing_has_failed() {
        let said = |checks| Report::new(checks, Some("logical")).text(false);
        let plugin = || Check::good("test_decoding", "a slot");
        assert!(said(vec![plugin()]).ends_with("\nA feed works here, with test_decoding.\n"));
        let missing = || Check::bad("wal2json", "is not there", "install it");
        let text = said(vec![missing(), plugin()]);
        assert!(
            text.contains("note  wal2json") && text.ends_with("with test_decoding; read the note.\n"),
            "{text}"
        );
        let text = said(vec![missing(), plugin(), Check::note("tls", "none", "use it")]);
        assert!(
            text.starts_with("Connection\n  note  tls") && text.ends_with("read the 2 notes.\n"),
            "{text}"
        );
    }

    #[test]
    fn a_name_can_neither_add_a_remedy_nor_steer_the_terminal() {
        let name = "x\nDROP TABLE y;\x1b[2J\u{202e}\u{9b}";
        let checks = vec![Check::bad("a", format!("it is {name}"), format!("ALTER {name}"))];
        let text = Report::new(checks, None).text(false);
        let shown = r"x\nDROP TABLE y;\u{1b}[2J\u{202e}\u{9b}";
        assert!(
            text.starts_with(&format!("Feed\n  FAIL  a  it is {shown}\n           fix: ALTER {shown}\n\n")),
            "{text}"
        );
    }

    #[test]
    fn programs_read_the_form_of_the_contract() {
        let expect = r#"{"checks":[{"name":"version","ok":true,"detail":"17.11","fix":null,"level":"ok"},{"name":"slots","ok":false,"detail":"none is left","fix":"DROP this;\nor that","level":"fail"}],"recommended":null}"#;
        assert_eq!(serde_json::to_string(&report()).unwrap(), expect);
    }
}
