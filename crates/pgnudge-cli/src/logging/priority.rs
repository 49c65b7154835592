//! The priority in front of each line for systemd's journal, which takes it off again (sd-daemon(3)).

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Lines with their priority, if the journal reads them.
pub(super) struct WithPriority<L> {
    pub(super) lines: L,
    pub(super) journal: bool,
}

impl<S, N, L> FormatEvent<S, N> for WithPriority<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    L: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.journal {
            write!(writer, "<{}>", priority(*event.metadata().level()))?;
        }
        self.lines.format_event(context, writer, event)
    }
}

/// The numbers of syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Whether standard error is the stream to the journal: systemd names that by device and inode in `JOURNAL_STREAM`.
#[cfg(target_os = "linux")]
pub(super) fn is_read_here() -> bool {
    use std::os::linux::fs::MetadataExt;
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_read_here() -> bool {
    false
}
