//! The output plugins that this crate reads.

use crate::{Decoded, TableFilter, test_decoding, wal2json};
use alloc::{borrow::Cow, vec::Vec};
use core::{fmt, str::FromStr};
use thiserror::Error;

/// An output plugin: what to ask of it, and how to read what it then prints.
///
/// Exhaustive on purpose: a further plugin is one that callers must choose when to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// PostgreSQL's example plugin, installed nearly everywhere.
    TestDecoding,
    /// A third-party plugin that can filter by table on the server.
    Wal2Json,
}

impl Plugin {
    /// The plugin's name on the server, for CREATE_REPLICATION_SLOT.
    pub fn name(self) -> &'static str {
        match self {
            Self::TestDecoding => "test_decoding",
            Self::Wal2Json => "wal2json",
        }
    }

    /// The options of START_REPLICATION that make the plugin print what [`decode`](Self::decode)
    /// reads.
    ///
    /// Values are plain text: quoting them is left to whoever writes the command.
    /// Where the plugin can apply `filter` exactly, the options say so; that saves work, and
    /// is no replacement for [`TableFilter::matches`], since not every filter can be pushed.
    /// The plugin compares names as it prints them: it knows a partition's row under the
    /// partition's name alone. A filter that means more than that must not be given here.
    pub fn options(self, filter: &TableFilter) -> Vec<(&'static str, Cow<'static, str>)> {
        match self {
            Self::TestDecoding => test_decoding::options(),
            Self::Wal2Json => wal2json::options(filter),
        }
    }

    /// Whether the server would apply `filter`, so that [`options`](Self::options) holds it.
    pub fn filters(self, filter: &TableFilter) -> bool {
        match self {
            Self::TestDecoding => false,
            Self::Wal2Json => wal2json::filters(filter),
        }
    }

    /// Reads a message of the stream from its `head`; `cut` says that the message goes on.
    ///
    /// A cut head is never wrong: the result is that of the whole message, or unreadable.
    pub fn decode(self, head: &[u8], cut: bool) -> Decoded<'_> {
        match self {
            Self::TestDecoding => test_decoding::decode(head, cut),
            Self::Wal2Json => wal2json::decode(head, cut),
        }
    }

    /// Reads the `message` of a notice (field `M` of NoticeResponse) that came within the stream;
    /// `cut` as for [`decode`](Self::decode).
    ///
    /// wal2json raises a warning for a change that it cannot print: that is a change, too
    /// (rule R8). Other notices are silent.
    pub fn decode_notice(self, message: &[u8], cut: bool) -> Decoded<'_> {
        match self {
            Self::TestDecoding => Decoded::Silent,
            Self::Wal2Json => wal2json::decode_notice(message, cut),
        }
    }
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Takes the name on the server.
impl FromStr for Plugin {
    type Err = UnknownPlugin;

    fn from_str(name: &str) -> Result<Self, UnknownPlugin> {
        [Self::TestDecoding, Self::Wal2Json]
            .into_iter()
            .find(|plugin| plugin.name() == name)
            .ok_or(UnknownPlugin(()))
    }
}

/// The name of no plugin that this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the plugins are test_decoding and wal2json")]
pub struct UnknownPlugin(());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_server() {
        for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
            assert_eq!(plugin.name().parse(), Ok(plugin));
        }
        assert_eq!("pgoutput".parse::<Plugin>(), Err(UnknownPlugin(())));
    }

    #[test]
    fn only_wal2json_filters_and_only_what_it_can() {
        let filter = |text: &str| TableFilter::from_iter([text.parse().unwrap()]);
        assert!(Plugin::Wal2Json.filters(&filter("public.orders")));
        assert!(!Plugin::Wal2Json.filters(&filter("public.à")));
        assert!(!Plugin::Wal2Json.filters(&TableFilter::default()));
        assert!(!Plugin::TestDecoding.filters(&filter("public.orders")));
    }
}
