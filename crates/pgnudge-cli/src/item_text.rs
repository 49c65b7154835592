//! Items as lines that people read.

use std::fmt;
use std::time::SystemTime;

use pgnudge::FeedItem;

/// One line: the time, and what happened. Names and keys are escaped: they may hold anything.
pub(crate) struct ItemText<'a> {
    pub(crate) item: &'a FeedItem,
    pub(crate) now: SystemTime,
}

impl fmt::Display for ItemText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ", humantime::format_rfc3339_millis(self.now))?;
        match self.item {
            FeedItem::Resync { reason, lsn } => write!(f, "resync  {reason}  (at {lsn})"),
            FeedItem::Batch { events, lsn } => {
                f.write_str("batch   ")?;
                for (n, event) in events.iter().enumerate() {
                    let (comma, payload) = (if n > 0 { ", " } else { "" }, event.payload());
                    write!(f, "{comma}{} ×{}", payload.escape_debug(), event.count)?;
                }
                write!(f, "  (at {lsn})")
            }
        }
    }
}
