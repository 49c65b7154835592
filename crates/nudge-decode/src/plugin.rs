//! The output plugins that this crate reads.

use crate::{TableFilter, wal2json};
use core::{fmt, str::FromStr};
use thiserror::Error;

/// An output plugin. What to ask of it, and how to read what it prints, is in
/// [`Decoder`](crate::Decoder).
///
/// Exhaustive on purpose: a further plugin is one that callers must choose when to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// PostgreSQL's example plugin, installed nearly everywhere.
    TestDecoding,
    /// A third-party plugin that can filter by table on the server, and prints primary keys.
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

    /// Whether the server would apply `filter`, in a database whose encoding is UTF-8 or where
    /// the names in `filter` are ASCII.
    pub fn filters(self, filter: &TableFilter) -> bool {
        match self {
            Self::TestDecoding => false,
            Self::Wal2Json => wal2json::filters(filter),
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
