//! How a stream is to be read: by which plugin, with which filter on the server, by which decoder.

use nudge_decode::{Decoder, Plugin, ServerEncoding, TableFilter};
use nudge_proto::Parameters;

use crate::policy::server_view::ServerView;
use crate::{Error, ErrorKind, Knobs, Payload, PluginChoice};

/// What the knobs ask for, of a server that is known.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    knobs: &'a Knobs,
    /// What the server may filter by.
    filter: TableFilter,
    encoding: ServerEncoding,
}

impl<'a> Reading<'a> {
    /// A server that does not tell its encoding is taken for one with UTF-8.
    ///
    /// A server sees a row under the name of its partition, so while there are partitioned tables a filter
    /// there would hide rows of those above; and parents that the program names it does not know at all. Nor
    /// must it filter where nobody would notice that the first partitioned table is made.
    pub(crate) fn new(knobs: &'a Knobs, before: &ServerView, parameters: &Parameters) -> Self {
        let hidden = knobs.parent_of.is_some()
            || knobs.partition_root && (before.linked || !knobs.transaction_markers);
        let filter = if hidden { TableFilter::default() } else { knobs.tables.clone() };
        let encoding = parameters.get("server_encoding").map(ServerEncoding::from_name);
        Self { knobs, filter, encoding: encoding.unwrap_or(ServerEncoding::UTF8) }
    }

    /// The plugins to try, best first.
    pub(crate) fn plugins(&self) -> &'static [Plugin] {
        match self.knobs.plugin {
            PluginChoice::Auto if self.knobs.payload == Payload::PrimaryKey => &[Plugin::Wal2Json],
            PluginChoice::Only(Plugin::TestDecoding) => &[Plugin::TestDecoding],
            PluginChoice::Only(Plugin::Wal2Json) => &[Plugin::Wal2Json],
            PluginChoice::Auto if self.suits_wal2json() => &[Plugin::Wal2Json, Plugin::TestDecoding],
            PluginChoice::Auto => &[Plugin::TestDecoding, Plugin::Wal2Json],
        }
    }

    /// Whether it has an advantage: what it can leave out on the server.
    fn suits_wal2json(&self) -> bool {
        !self.knobs.transaction_markers || Plugin::Wal2Json.filters(&self.filter)
    }

    /// What the server may filter by.
    pub(crate) fn filter(&self) -> &TableFilter {
        &self.filter
    }

    /// Whether the server would hide rows of partitions that are made from now on.
    pub(crate) fn hides_partitions(&self, plugin: Plugin) -> bool {
        plugin.filters(&self.filter) && self.knobs.partition_root
    }

    /// How what the plugin prints is read.
    pub(crate) fn decoder(&self, plugin: Plugin) -> Decoder {
        let decoder = Decoder::new(plugin).with_encoding(self.encoding);
        let decoder = if self.knobs.messages { decoder.with_messages() } else { decoder };
        let decoder = if self.knobs.transaction_markers { decoder } else { decoder.without_markers() };
        match self.knobs.payload {
            Payload::Table => decoder,
            Payload::PrimaryKey => decoder.with_keys(),
        }
    }

    /// No other plugin tells keys.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match (self.knobs.payload, error.kind()) {
            (Payload::PrimaryKey, ErrorKind::Plugin) => error.with_better_hint(
                "payload = pk needs wal2json: install it on the server, and add it to output_plugin_libraries \
                 where there is that setting; or set payload to table",
            ),
            _ => error,
        }
    }
}
