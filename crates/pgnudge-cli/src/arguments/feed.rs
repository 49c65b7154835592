//! Where to connect, and the knobs of a feed: what every command with a feed takes.

use std::time::Duration;

use clap::{Args, ValueEnum};
use pgnudge::{
    Edge, Feed, FeedBuilder, Hub, Payload, Plugin, PluginChoice, SubscriptionBuilder, TablePattern,
    Visibility,
};

use super::secret::Secret;
use super::size::size;
use super::time::{OrOff, backoff, duration, duration_or_off};

/// Where to connect, and the knobs of the feed.
#[derive(Clone, Debug, Args)]
pub(crate) struct FeedArguments {
    /// What psql accepts: a URI (postgres://user@host/db) or key=value text; PG* variables fill the gaps
    #[arg(id = "dsn", value_name = "DSN", default_value = "", hide_default_value = true)]
    connection: Secret,
    /// What the feed is called in logs, metrics and pg_stat_activity
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only these tables: schema.table, schema.*, *.table, *.* (repeatable, or with commas; quote as in SQL)
    #[arg(short, long = "table", value_name = "PATTERN", value_parser = patterns)]
    tables: Vec<Patterns>,
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
    #[arg(long, value_enum, default_value_t = VisibilityArgument::Always)]
    visibility: VisibilityArgument,
    /// Whether a change in a partition is also told under the partitioned tables above it
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = Switch::On)]
    partition_root: Switch,
    /// Whether wal2json prints where transactions begin and end: off is cheaper for the server
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = Switch::On)]
    transaction_markers: Switch,
    /// Stay where the server takes the feed for a synchronous standby (synchronous_standby_names): commits are then
    /// acknowledged that no standby holds
    #[arg(long)]
    synchronous_standby: bool,
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
    /// Every item
    Always,
    /// Those with a commit younger than 20 ms, and all while the server waits for synchronous standbys: cheaper,
    /// and wrong when a server process is stopped for longer between the flush of its commit and its end
    Recent,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl FeedArguments {
    /// The connection text, for what else is said to the same server.
    pub(crate) fn connection(&self) -> &str {
        self.connection.expose()
    }

    /// The table patterns, one by one.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().flat_map(|Patterns(patterns)| patterns).map(String::as_str)
    }

    /// Whether the feed tells of every table that `pattern` names.
    pub(crate) fn covers(&self, pattern: &TablePattern) -> bool {
        let mut own = self.tables().peekable();
        own.peek().is_none()
            || own.any(|text| TablePattern::try_from(text).is_ok_and(|own| own.covers(pattern)))
    }

    /// The plugins that the feed may use.
    pub(crate) fn plugins(&self) -> Vec<Plugin> {
        match (self.plugin, self.payload) {
            (PluginArgument::Wal2Json, _) | (PluginArgument::Auto, PayloadArgument::Pk) => {
                vec![Plugin::Wal2Json]
            }
            (PluginArgument::TestDecoding, _) => vec![Plugin::TestDecoding],
            (PluginArgument::Auto, PayloadArgument::Table) => vec![Plugin::TestDecoding, Plugin::Wal2Json],
        }
    }

    /// The feed as it was asked for.
    pub(crate) fn builder(&self) -> FeedBuilder {
        let plugin = match self.plugin {
            PluginArgument::Auto => PluginChoice::Auto,
            PluginArgument::Wal2Json => PluginChoice::Only(Plugin::Wal2Json),
            PluginArgument::TestDecoding => PluginChoice::Only(Plugin::TestDecoding),
        };
        let payload = match self.payload {
            PayloadArgument::Table => Payload::Table,
            PayloadArgument::Pk => Payload::PrimaryKey,
        };
        let visibility = match self.visibility {
            VisibilityArgument::Always => Visibility::Always,
            VisibilityArgument::Recent => Visibility::Recent,
            VisibilityArgument::Off => Visibility::Off,
        };
        let mut builder = Feed::builder(self.connection())
            .plugin(plugin)
            .payload(payload)
            .debounce(self.debounce)
            .edge(self.edge.into())
            .max_pending(self.max_pending)
            .status_interval(self.status_interval)
            .liveness_timeout(self.liveness_timeout.0)
            .slot_timeout(self.slot_timeout)
            .backoff(self.backoff.0, self.backoff.1)
            .visibility(visibility)
            .partition_root(self.partition_root == Switch::On)
            .transaction_markers(self.transaction_markers == Switch::On)
            .synchronous_standby(self.synchronous_standby)
            .messages(self.messages);
        if let Some(name) = &self.name {
            builder = builder.name(name);
        }
        if self.tables().next().is_some() {
            builder = builder.tables(self.tables());
        }
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

    /// The feed of a hub: it passes on what is committed at once, and the window is the subscribers'.
    pub(crate) fn hub_builder(&self) -> FeedBuilder {
        self.builder().debounce(Duration::ZERO).max_batch_wait(self.longest_window())
    }

    /// A subscriber of that hub, with the window that the flags describe.
    pub(crate) fn subscription(&self, hub: &Hub) -> SubscriptionBuilder {
        let subscription = hub.subscription().debounce(self.debounce).max_batch_wait(self.longest_window());
        subscription.edge(self.edge.into()).max_pending(self.max_pending)
    }

    /// What the feed is called.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How many tables or rows one item may have.
    pub(crate) fn max_pending(&self) -> usize {
        self.max_pending
    }

    fn longest_window(&self) -> Duration {
        self.max_batch_wait.unwrap_or(self.debounce.saturating_mul(20))
    }

    /// The pauses between attempts.
    pub(crate) fn backoff(&self) -> (Duration, Duration) {
        self.backoff
    }
}

impl From<EdgeArgument> for Edge {
    fn from(edge: EdgeArgument) -> Self {
        match edge {
            EdgeArgument::Trailing => Self::Trailing,
            EdgeArgument::Leading => Self::Leading,
        }
    }
}

/// Table patterns that stand in one argument, separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Patterns(Vec<String>);

/// A comma outside of quotes is no part of a name. What a pattern may be, the library says.
fn patterns(text: &str) -> Result<Patterns, String> {
    let (mut patterns, mut quoted) = (vec![String::new()], false);
    for letter in text.chars() {
        quoted ^= letter == '"';
        match patterns.last_mut() {
            Some(pattern) if letter != ',' || quoted => pattern.push(letter),
            _ => patterns.push(String::new()),
        }
    }
    let patterns = patterns.iter().map(|pattern| pattern.trim().to_owned());
    Ok(Patterns(patterns.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_separate_patterns_unless_they_are_quoted() {
        let check = |text, expect: &[&str]| assert_eq!(patterns(text).unwrap().0, expect, "{text}");
        check("public.orders", &["public.orders"]);
        check("public.a, *.b", &["public.a", "*.b"]);
        check("public.\"a,b\",public.\"say \"\"hi,\"\"\"", &["public.\"a,b\"", "public.\"say \"\"hi,\"\"\""]);
        // An empty one is refused later, in words.
        check("public.a,", &["public.a", ""]);
    }
}
