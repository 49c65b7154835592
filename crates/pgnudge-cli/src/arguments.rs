//! What the command line can say. The flags of a feed are the knobs of the library in kebab case.

use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use pgnudge::{Builder, Edge, Feed, Payload, Plugin, PluginChoice, Visibility};

use crate::failure::Failure;

/// Know now that PostgreSQL data changed
#[derive(Debug, Parser)]
#[command(name = "pgnudge", version, propagate_version = true)]
pub(crate) struct Arguments {
    /// Log to stderr: -v the connection's life, -vv each change, -vvv each message
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print one line per item: a resync, or the tables that changed
    Watch(WatchArguments),
}

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    pub(crate) feed: FeedArguments,
    /// How items are printed
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

/// Where to connect, and the knobs of the feed.
#[derive(Debug, Args)]
pub(crate) struct FeedArguments {
    /// What psql accepts: a URI (postgres://user@host/db) or key=value text; PG* variables fill the gaps
    #[arg(value_name = "DSN", default_value = "", hide_default_value = true)]
    connection: String,
    /// Only these tables: schema.table, schema.*, *.table, *.* (repeatable; quote as in SQL)
    #[arg(short, long = "table", value_name = "PATTERN")]
    tables: Vec<String>,
    /// The output plugin on the server
    #[arg(long, value_enum, default_value_t = PluginArgument::Auto)]
    plugin: PluginArgument,
    /// What events tell apart
    #[arg(long, value_enum, default_value_t = PayloadArgument::Table)]
    payload: PayloadArgument,
    /// Bytes of a message that are looked at: a key behind them is not told [default: 8KiB, with pk 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    head_limit: Option<usize>,
    /// Quiet time that closes a window
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "50ms")]
    debounce: Duration,
    /// Longest time that a window stays open [default: 20 × debounce]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_batch_wait: Option<Duration>,
    /// Which end of a burst wakes
    #[arg(long, value_enum, default_value_t = EdgeArgument::Trailing)]
    edge: EdgeArgument,
    /// A resync whenever there was none for this long [default: off]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    failsafe: Option<Duration>,
    /// Distinct tables (or rows) in a window beyond which it becomes a resync
    #[arg(long, value_name = "N", default_value_t = 8192)]
    max_pending: usize,
    /// Longest time between two status messages to the server
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    status_interval: Duration,
    /// Silence after which the server counts as gone, or "off"
    #[arg(long, value_name = "TIME", value_parser = duration_or_off, default_value = "30s")]
    liveness_timeout: OrOff,
    /// TCP, TLS and authentication of one attempt [default: connect_timeout of the DSN, or 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    connect_timeout: Option<Duration>,
    /// How long one attempt waits for its slot
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    slot_timeout: Duration,
    /// Pauses between attempts: the first and the longest
    #[arg(long, value_name = "MIN..MAX", value_parser = backoff, default_value = "100ms..5s")]
    backoff: (Duration, Duration),
    /// Which items wait until a refetch can see their changes
    #[arg(long, value_enum, default_value_t = VisibilityArgument::Auto)]
    visibility: VisibilityArgument,
    /// Whether a change in a partition is also told under the partitioned tables above it
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = Switch::On)]
    partition_root: Switch,
    /// Let applications nudge: pg_logical_emit_message(true, 'pgnudge', 'schema.table')
    #[arg(long)]
    messages: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PluginArgument {
    Auto,
    #[value(name = "wal2json")]
    Wal2Json,
    #[value(name = "test_decoding", alias = "test-decoding")]
    TestDecoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PayloadArgument {
    Table,
    /// Rows by primary key: needs wal2json
    Pk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EdgeArgument {
    Trailing,
    Leading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum VisibilityArgument {
    /// Those with a young commit, and all when the server has synchronous standbys
    Auto,
    Always,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// A duration, or none.
#[derive(Clone, Copy, Debug)]
struct OrOff(Option<Duration>);

impl Arguments {
    /// Reads the process's arguments. Help and version are printed here and end the program.
    pub(crate) fn parse_process() -> Result<Self, Failure> {
        Self::try_parse()
            .map_err(|error| if error.use_stderr() { Failure::usage(&error) } else { error.exit() })
    }
}

impl FeedArguments {
    pub(crate) fn builder(self) -> Builder {
        let plugin = match self.plugin {
            PluginArgument::Auto => PluginChoice::Auto,
            PluginArgument::Wal2Json => PluginChoice::Only(Plugin::Wal2Json),
            PluginArgument::TestDecoding => PluginChoice::Only(Plugin::TestDecoding),
        };
        let payload = match self.payload {
            PayloadArgument::Table => Payload::Table,
            PayloadArgument::Pk => Payload::Pk,
        };
        let edge = match self.edge {
            EdgeArgument::Trailing => Edge::Trailing,
            EdgeArgument::Leading => Edge::Leading,
        };
        let visibility = match self.visibility {
            VisibilityArgument::Auto => Visibility::Auto,
            VisibilityArgument::Always => Visibility::Always,
            VisibilityArgument::Off => Visibility::Off,
        };
        let mut builder = Feed::builder(self.connection)
            .tables(self.tables)
            .plugin(plugin)
            .payload(payload)
            .debounce(self.debounce)
            .edge(edge)
            .max_pending(self.max_pending)
            .status_interval(self.status_interval)
            .liveness_timeout(self.liveness_timeout.0)
            .slot_timeout(self.slot_timeout)
            .backoff(self.backoff.0, self.backoff.1)
            .visibility(visibility)
            .partition_root(self.partition_root == Switch::On)
            .messages(self.messages);
        if let Some(bytes) = self.head_limit {
            builder = builder.head_limit(bytes);
        }
        if let Some(wait) = self.max_batch_wait {
            builder = builder.max_batch_wait(wait);
        }
        if let Some(interval) = self.failsafe {
            builder = builder.failsafe(interval);
        }
        if let Some(timeout) = self.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        builder
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 50ms, 10s or 5m"))
}

fn duration_or_off(text: &str) -> Result<OrOff, String> {
    if text == "off" { Ok(OrOff(None)) } else { duration(text).map(|time| OrOff(Some(time))) }
}

/// Bytes, or `KiB` and `MiB`.
fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = match text {
        _ if text.ends_with("KiB") => (text.trim_end_matches("KiB"), 1 << 10),
        _ if text.ends_with("MiB") => (text.trim_end_matches("MiB"), 1 << 20),
        _ => (text, 1),
    };
    let number = number.parse().ok().and_then(|number: usize| number.checked_mul(unit));
    number.ok_or_else(|| "write 65536, 64KiB or 1MiB".into())
}

fn backoff(text: &str) -> Result<(Duration, Duration), String> {
    let (initial, max) = text.split_once("..").ok_or("write two times: 100ms..5s")?;
    Ok((duration(initial)?, duration(max)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_the_contract_writes_them() {
        let check = |text, ms| assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        check("50ms", 50);
        check("10s", 10_000);
        check("5m", 300_000);
        check("0", 0);
        for text in ["", "5", "fast", "-1s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(backoff("1s").is_err());
        assert_eq!(backoff("1ms..2s"), Ok((Duration::from_millis(1), Duration::from_secs(2))));
    }
    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [("65536", Ok(65536)), ("64KiB", Ok(65536)), ("2MiB", Ok(2 << 20))] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for text in ["", "KiB", "1.5MiB", "-1", "1GB", "99999999999999999MiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
