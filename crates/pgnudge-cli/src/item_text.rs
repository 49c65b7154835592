//! Items as lines that people read.

use std::fmt;
use std::time::{Duration, SystemTime};

use console::Style;
use pgnudge::{FeedItem, Printable};

/// One line: when, and what happened. Names and keys are escaped: they may hold anything.
pub(crate) struct ItemText<'a> {
    pub(crate) item: &'a FeedItem,
    pub(crate) when: When,
    pub(crate) styles: &'a Styles,
}

/// How a line begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// For files, which are read later: the time of day in UTC.
    At(SystemTime),
    /// For somebody who watches: since the beginning.
    After(Duration),
}

/// What the parts of a line look like.
pub(crate) struct Styles {
    pub(crate) dim: Style,
    pub(crate) table: Style,
    pub(crate) count: Style,
    pub(crate) resync: Style,
}

impl Styles {
    /// With colours or without.
    pub(crate) fn new(coloured: bool) -> Self {
        let style = || Style::new().force_styling(coloured);
        Self { dim: style().dim(), table: style().bold(), count: style().green(), resync: style().yellow() }
    }
}

impl fmt::Display for ItemText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Styles { dim, table, count, resync } = self.styles;
        write!(f, "{}  ", dim.apply_to(self.when))?;
        let lsn = match self.item {
            FeedItem::Resync { reason, lsn } => {
                write!(f, "{}", resync.apply_to(format_args!("resync ({reason})")))?;
                lsn
            }
            FeedItem::Batch { events, lsn } => {
                for (n, event) in events.iter().enumerate() {
                    let comma = if n > 0 { ", " } else { "" };
                    let payload = event.payload();
                    let name = table.apply_to(Printable(payload));
                    write!(f, "{comma}{name} {}", count.apply_to(format_args!("×{}", event.count)))?;
                }
                lsn
            }
        };
        write!(f, "  {}", dim.apply_to(lsn))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "{}", humantime::format_rfc3339_millis(*time)),
            Self::After(time) => write!(f, "{:>9.3}s", time.as_secs_f64()),
        }
    }
}
