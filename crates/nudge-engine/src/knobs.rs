//! The knobs of a feed, checked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use nudge_decode::{Plugin, TableFilter};
use nudge_proto::{Limits, is_invisible};

use crate::named::named;
use crate::policy::{Backoff, Debouncer, Edge, ParentOf, Visibility, question};
use crate::{Error, UnknownName};

/// Which output plugin decodes on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PluginChoice {
    /// wal2json when there is a table filter that it can apply on the server; test_decoding otherwise.
    /// When the server lacks or refuses the one, the other. The payload `pk` needs wal2json, and then there
    /// is no other.
    #[default]
    Auto,
    /// This one, or an error.
    Only(Plugin),
}

impl fmt::Display for PluginChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Only(plugin) => plugin.name(),
        })
    }
}

impl FromStr for PluginChoice {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let unknown =
            |_| UnknownName { text: text.to_owned(), names: &["auto", "wal2json", "test_decoding"] };
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Only).map_err(unknown) }
    }
}

/// What events tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Tables.
    #[default]
    Table,
    /// Rows, by primary key. It needs wal2json, larger messages and more memory. Where the key cannot be
    /// told it is the table: coarser, never wrong.
    PrimaryKey,
}

named! {
    Payload:
    Table = "table",
    PrimaryKey = "pk",
}

/// Everything that can be set about a feed, apart from where it connects to. The defaults are those of
/// the contract; [`check`](Self::check) holds its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Knobs {
    /// What the feed is called in logs and metrics.
    pub name: Option<String>,
    /// Which tables nudge; empty: all.
    pub tables: TableFilter,
    /// Which output plugin decodes.
    pub plugin: PluginChoice,
    /// What events tell apart.
    pub payload: Payload,
    /// Bytes of a message that are looked at; `None`: 8 KiB, and 1 MiB with the payload `pk`. A key behind
    /// them is not seen. The connection's receive buffer holds as much.
    pub head_limit: Option<usize>,
    /// Quiet time that closes a window.
    pub debounce: Duration,
    /// Longest time that a window stays open; `None`: 20 × `debounce`.
    pub max_batch_wait: Option<Duration>,
    /// Which end of a burst wakes.
    pub edge: Edge,
    /// A Resync when there was none for this long.
    pub failsafe: Option<Duration>,
    /// Distinct tables (or rows) in one window beyond which it becomes a Resync.
    pub max_pending: usize,
    /// Longest time between two standby status messages.
    pub status_interval: Duration,
    /// Silence after which the server counts as gone.
    pub liveness_timeout: Option<Duration>,
    /// TCP, TLS and authentication of one attempt; and then each answer that the server owes at once.
    pub connect_timeout: Duration,
    /// How long one attempt waits for its slot.
    pub slot_timeout: Duration,
    /// Delays between attempts.
    pub backoff: Backoff,
    /// Which items wait until their transactions can be seen.
    pub visibility: Visibility,
    /// Whether a change in a partition is also told under the names of the partitioned tables above.
    pub partition_root: bool,
    /// Whether a change in a table is also told under the parent that the program names.
    pub parent_of: Option<ParentOf>,
    /// Whether applications may nudge with a logical message.
    pub messages: bool,
    /// Whether wal2json prints where a transaction begins and ends. (test_decoding always does.)
    pub transaction_markers: bool,
    /// Whether the feed may count as a synchronous standby.
    pub synchronous_standby: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            name: None,
            tables: TableFilter::default(),
            plugin: PluginChoice::Auto,
            payload: Payload::Table,
            head_limit: None,
            debounce: Duration::from_millis(50),
            max_batch_wait: None,
            edge: Edge::Trailing,
            failsafe: None,
            max_pending: 8192,
            status_interval: Duration::from_secs(10),
            liveness_timeout: Some(Duration::from_secs(30)),
            connect_timeout: Duration::from_secs(10),
            slot_timeout: Duration::from_secs(30),
            backoff: Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(5) },
            visibility: Visibility::Always,
            partition_root: true,
            parent_of: None,
            messages: false,
            transaction_markers: true,
            synchronous_standby: false,
        }
    }
}

impl Knobs {
    /// What the server is asked about itself, in SQL. Tables above others are of interest if they are watched; where
    /// the program names parents, the one of any table may be.
    pub(crate) fn view(&self) -> String {
        let any = TableFilter::default();
        question::view(if self.parent_of.is_some() { &any } else { &self.tables })
    }

    /// Holds the rules of the contract; the error names the knob, its value and the rule.
    pub fn check(&self) -> Result<(), Error> {
        let zero = Duration::ZERO;
        let rule = |holds: bool, knob: &str, value: String, rule: &str| {
            let message = || format!("{knob} is {value}, but it has to be {rule}");
            if holds {
                Ok(())
            } else {
                Err(Error::config(message(), format!("set {knob} to a value that is {rule}")))
            }
        };
        let duration =
            |holds, knob, value: Duration, text: &str| rule(holds, knob, format!("{value:?}"), text);
        if let Some(name) = &self.name {
            let fits = (1..=Self::LONGEST_NAME).contains(&name.len()) && !name.contains(is_invisible);
            rule(fits, "name", format!("{name:?}"), "1 to 32 bytes of visible characters")?;
        }
        self.check_payload()?;
        self.check_markers()?;
        let head = self.limits().head;
        let heads = Limits::MIN_HEAD..=Self::LARGEST_HEAD;
        rule(heads.contains(&head), "head_limit", head.to_string(), "from 1 KiB to 1 GiB, in bytes")?;
        let Backoff { initial, max } = self.backoff;
        let wait = self.debouncer().max_batch_wait;
        duration(wait >= self.debounce, "max_batch_wait", wait, "at least debounce")?;
        if let Some(failsafe) = self.failsafe {
            duration(failsafe > zero, "failsafe", failsafe, "more than 0")?;
        }
        rule(self.max_pending >= 1, "max_pending", self.max_pending.to_string(), "at least 1")?;
        duration(self.status_interval > zero, "status_interval", self.status_interval, "more than 0")?;
        if let Some(liveness) = self.liveness_timeout {
            duration(
                liveness > self.status_interval,
                "liveness_timeout",
                liveness,
                "more than status_interval, or off",
            )?;
        }
        duration(self.connect_timeout > zero, "connect_timeout", self.connect_timeout, "more than 0")?;
        duration(self.slot_timeout > zero, "slot_timeout", self.slot_timeout, "more than 0")?;
        duration(initial > zero, "the initial backoff", initial, "more than 0")?;
        duration(max >= initial, "the maximal backoff", max, "at least the initial one")?;
        let longest =
            [self.debounce, wait, self.status_interval, self.connect_timeout, self.slot_timeout, max];
        let longest =
            longest.into_iter().chain(self.failsafe).chain(self.liveness_timeout).max().unwrap_or(zero);
        duration(longest <= Self::LONGEST, "a duration", longest, "at most 10 years")
    }

    /// Primary keys are printed by one plugin only.
    fn check_payload(&self) -> Result<(), Error> {
        let Self { payload: Payload::PrimaryKey, plugin: PluginChoice::Only(Plugin::TestDecoding), .. } =
            self
        else {
            return Ok(());
        };
        Err(Error::config(
            "plugin is test_decoding, which does not tell the keys that payload = pk asks for",
            "set plugin to wal2json or auto, or payload to table",
        ))
    }

    /// Without markers an item's position is one at or after its commits only because it is checked; and
    /// one plugin always prints them.
    fn check_markers(&self) -> Result<(), Error> {
        if self.transaction_markers {
            return Ok(());
        }
        if self.plugin == PluginChoice::Only(Plugin::TestDecoding) {
            return Err(Error::config(
                "transaction_markers is off, and plugin is test_decoding, which always prints them",
                "set plugin to wal2json or auto, or transaction_markers to on",
            ));
        }
        if self.visibility == Visibility::Off {
            return Err(Error::config(
                "transaction_markers is off, and so is visibility: positions could be before their commits",
                "set visibility to always, or transaction_markers to on",
            ));
        }
        Ok(())
    }

    /// What the server may make us keep.
    pub(crate) fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let head = match self.payload {
            Payload::Table => defaults.head,
            // wal2json prints the key behind the row.
            Payload::PrimaryKey => 1024 * 1024,
        };
        defaults.with_head(self.head_limit.unwrap_or(head))
    }

    /// The durations of a window.
    pub(crate) fn debouncer(&self) -> Debouncer {
        let wait = self.max_batch_wait.unwrap_or(self.debounce.saturating_mul(20));
        Debouncer { debounce: self.debounce, max_batch_wait: wait, edge: self.edge }
    }

    /// The longest duration of any knob. Deadlines are sums of a clock reading and a few of these: far from where they would overflow.
    pub const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

    /// In bytes: PostgreSQL cuts an `application_name` off behind 63.
    const LONGEST_NAME: usize = 32;

    /// No message of PostgreSQL is longer.
    const LARGEST_HEAD: usize = 1 << 30;
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn refused(change: impl FnOnce(&mut Knobs)) -> String {
        let mut knobs = Knobs::default();
        change(&mut knobs);
        let error = knobs.check().unwrap_err();
        assert!(error.is_permanent() && error.hint().is_some());
        error.to_string()
    }

    #[test]
    fn the_defaults_hold_the_rules() {
        assert!(Knobs::default().check().is_ok());
        assert_eq!(Knobs::default().debouncer().max_batch_wait, 1000 * MS);
        assert!(Knobs { debounce: Duration::ZERO, ..Knobs::default() }.check().is_ok());
    }

    #[test]
    fn each_rule_names_its_knob() {
        assert!(refused(|k| k.max_batch_wait = Some(MS)).starts_with("max_batch_wait is 1ms"));
        assert!(refused(|k| k.failsafe = Some(Duration::ZERO)).starts_with("failsafe"));
        for name in ["", "a\nb", &"n".repeat(33)] {
            assert!(refused(|k| k.name = Some(name.into())).starts_with("name is"));
        }
        assert!(refused(|k| k.max_pending = 0).starts_with("max_pending is 0"));
        assert!(refused(|k| k.status_interval = Duration::ZERO).starts_with("status_interval"));
        assert!(refused(|k| k.liveness_timeout = Some(k.status_interval)).starts_with("liveness_timeout"));
        assert!(refused(|k| k.connect_timeout = Duration::ZERO).starts_with("connect_timeout"));
        assert!(refused(|k| k.slot_timeout = Duration::ZERO).starts_with("slot_timeout"));
        assert!(refused(|k| k.backoff.initial = Duration::ZERO).starts_with("the initial backoff"));
        assert!(refused(|k| k.backoff.max = MS).starts_with("the maximal backoff"));
        assert!(refused(|k| k.debounce = Duration::MAX).starts_with("a duration"));
        assert!(refused(|k| k.head_limit = Some(1023)).starts_with("head_limit is 1023"));
    }

    #[test]
    fn keys_need_the_plugin_that_tells_them() {
        let pk = |plugin| Knobs { payload: Payload::PrimaryKey, plugin, ..Knobs::default() };
        for plugin in [PluginChoice::Auto, PluginChoice::Only(Plugin::Wal2Json)] {
            assert!(pk(plugin).check().is_ok());
        }
        assert!(refused(|k| *k = pk(PluginChoice::Only(Plugin::TestDecoding))).starts_with("plugin is"));
    }

    #[test]
    fn markers_are_left_out_by_one_plugin_of_items_that_are_checked() {
        let without = || Knobs { transaction_markers: false, ..Knobs::default() };
        assert!(without().check().is_ok());
        let only = |plugin| Knobs { plugin: PluginChoice::Only(plugin), ..without() };
        assert!(only(Plugin::Wal2Json).check().is_ok());
        assert!(refused(|k| *k = only(Plugin::TestDecoding)).starts_with("transaction_markers is off"));
        let unchecked = Knobs { visibility: Visibility::Off, ..without() };
        assert!(refused(|k| *k = unchecked).starts_with("transaction_markers is off"));
    }

    #[test]
    fn keys_need_whole_messages() {
        assert_eq!(Knobs::default().limits().head, 8 * 1024);
        assert_eq!(Knobs { payload: Payload::PrimaryKey, ..Knobs::default() }.limits().head, 1024 * 1024);
        assert_eq!(Knobs { head_limit: Some(4096), ..Knobs::default() }.limits().head, 4096);
    }
}
