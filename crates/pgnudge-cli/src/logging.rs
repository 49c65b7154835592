//! Logs, to stderr.

mod priority;

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::io::{self, IsTerminal, Write};

use console::Style;
use pgnudge::Printable;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::arguments::LogFormat;
use crate::json;
use crate::screen::Screen;
use priority::WithPriority;

/// From that level on, and more with each `-v`. `RUST_LOG` has the last word. What is drawn on the screen makes
/// room for each line.
///
/// Lines go out from a thread of their own, for as long as what is returned is kept: a log that nobody reads, or that
/// cannot be written, holds nothing up. Lines are lost then.
pub(crate) fn start(
    least: LevelFilter,
    verbose: u8,
    format: LogFormat,
    screen: Option<Screen>,
) -> WorkerGuard {
    let level = match verbose {
        0 => least,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let json = format == LogFormat::Json;
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(Stderr { screen, json });
    // It would be told on standard error.
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false).with_writer(writer);
    let journal = priority::is_read_here();
    match format {
        LogFormat::Text => {
            let log = log.with_ansi(is_coloured()).fmt_fields(debug_fn(field).delimited(" "));
            log.map_event_format(|lines| WithPriority { lines, journal }).init();
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true);
            log.map_event_format(|lines| WithPriority { lines, journal }).init();
        }
    }
    guard
}

/// Lines that wait for a reader of the log: some megabytes at most.
const LINES: usize = 8192;

/// One field of a line. Values may quote what came from outside; the formatter of the library lets line ends and
/// marks of direction through, and in the fields everything.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let value = Printable(format_args!("{value:?}"));
    match field.name() {
        "message" => write!(writer, "{value}"),
        name => {
            let style = Style::new().force_styling(writer.has_ansi_escapes());
            write!(writer, "{}{}{value}", style.clone().italic().apply_to(name), style.dim().apply_to("="))
        }
    }
}

/// On a terminal, unless NO_COLOR asks for none (<https://no-color.org>).
fn is_coloured() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Standard error, which may share its terminal with a screen.
struct Stderr {
    screen: Option<Screen>,
    /// Whether lines are JSON, whose strings are escaped here.
    json: bool,
}

impl Write for Stderr {
    /// A whole line, or lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = if self.json { escaped_lines(line).into() } else { Cow::Borrowed(line) };
        let write = || io::stderr().write_all(&shown);
        match &self.screen {
            Some(screen) => screen.aside(write),
            None => write(),
        }?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Objects, each in a line of its own.
fn escaped_lines(lines: &[u8]) -> Vec<u8> {
    let lines = String::from_utf8_lossy(lines);
    let escaped = lines.lines().map(|line| json::escaped(line.to_owned()) + "\n");
    escaped.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_of_the_log_stays_one_line() {
        let (sink, name) = (Sink::default(), "x\nWARN forged\x1b[2J\u{202e}\u{9b}");
        let writer = sink.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false);
        let log = log.fmt_fields(debug_fn(field).delimited(" ")).finish();
        tracing::subscriber::with_default(log, || {
            tracing::warn!(error = %name, text = name, n = 1, "about {name}");
        });
        let line = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let shown = r"x\nWARN forged\u{1b}[2J\u{202e}\u{9b}";
        let expect = format!("about {shown} error={shown} text=\"{shown}\" n=1\n");
        assert!(line.ends_with(&expect), "{line}");
    }

    #[test]
    fn lines_of_json_keep_their_ends() {
        assert_eq!(escaped_lines("{\"a\":\"\u{9b}\"}\n{}\n".as_bytes()), b"{\"a\":\"\\u009b\"}\n{}\n");
    }
}
