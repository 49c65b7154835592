//! What the demo looks like: aligned, and in colour on a terminal.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use pgnudge_live::{Failure, Item};
use pgnudge_testkit::Server;

use crate::step::Step;

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    colour: bool,
}

/// SGR codes of a terminal.
const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";

impl Screen {
    /// In colour on a terminal, unless the user wants none (<https://no-color.org>).
    pub(crate) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: stdout().is_terminal() && !unwanted }
    }

    /// On what it runs.
    pub(crate) fn title(&self, server: &Server) {
        let whose = match server.cluster() {
            Ok(cluster) => format!("a throwaway server on 127.0.0.1:{}", cluster.port()),
            Err(_) => "a database of its own on your server".to_owned(),
        };
        say(&format!("{} on PostgreSQL {}, {whose}", self.paint(BOLD, "pgnudge"), server.version()));
    }

    /// A program that is started.
    pub(crate) fn command(&self, line: &str) {
        say(&format!("\n{}", self.paint(BOLD, &format!("$ {line}"))));
    }

    /// What happens next.
    pub(crate) fn heading(&self, text: &str) {
        say(&format!("\n{}", self.paint(BOLD, text)));
    }

    /// A step of the workload, with its SQL.
    pub(crate) fn step(&self, step: &Step) {
        self.heading(step.what);
        for statement in step.statements {
            say(&format!("             {}", self.paint(DIM, statement)));
        }
    }

    /// An item, `after` its commit.
    pub(crate) fn item(&self, after: Duration, item: &Item, note: &str) {
        let time = self.paint(GREEN, &format!("{:>10}", Self::milliseconds(after)));
        let told = match item {
            Item::Resync { reason, .. } => format!("resync ({reason})"),
            Item::Batch { events, .. } => {
                let events = events.iter().map(|event| format!("{} ×{}", event.payload, event.count));
                events.collect::<Vec<_>>().join(", ")
            }
        };
        let note = if note.is_empty() { String::new() } else { self.paint(DIM, &format!("  {note}")) };
        say(&format!("{time}   {told}{note}"));
    }

    /// A line on its own.
    pub(crate) fn fact(&self, text: &str) {
        say(&format!("             {text}"));
    }

    /// The end, when something is not as it should be.
    pub(crate) fn failure(&self, failure: &Failure) {
        let _ = writeln!(stderr(), "\nerror: {failure}");
    }

    /// A short time.
    pub(crate) fn milliseconds(time: Duration) -> String {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Prints a line. Somebody who has stopped reading still gets a demo that cleans up.
fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}
