//! How the messages of one stream are to be read.

use crate::{Decoded, Plugin, RowPrefix, ServerEncoding, TableFilter, test_decoding, wal2json};
use alloc::{borrow::Cow, vec::Vec};

/// What to ask of a plugin, and how to read what it then prints.
///
/// The session that streams needs the settings [`SESSION`](Self::SESSION); the stream is started
/// with [`options`](Self::options); its messages go through [`decode`](Self::decode), its notices
/// through [`decode_notice`](Self::decode_notice). All of that belongs together: a stream that was
/// started with the options of another decoder is not read rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoder {
    plugin: Plugin,
    pub(crate) encoding: ServerEncoding,
    pub(crate) keys: bool,
    pub(crate) messages: bool,
    pub(crate) markers: bool,
}

impl Decoder {
    /// Settings of the session, as names and values for SET: what a role or a database has set
    /// instead must not change what is read.
    ///
    /// - `client_encoding`: messages come in the database's encoding, notices in the client's, and
    ///   a notice that cannot be converted ends the stream. With SQL_ASCII nothing is converted.
    /// - `client_min_messages`: wal2json's warnings stand for changes (rule R8).
    /// - The others make a key's text exact (a rounded number or half a `bytea` is another key),
    ///   and the same for everybody.
    pub const SESSION: &[(&str, &str)] = &[
        ("client_encoding", "SQL_ASCII"),
        ("client_min_messages", "warning"),
        ("bytea_output", "hex"),
        ("datestyle", "ISO"),
        ("extra_float_digits", "1"),
        ("intervalstyle", "postgres"),
        ("lc_monetary", "C"),
        ("quote_all_identifiers", "off"),
        ("search_path", "pg_catalog"),
        ("timezone", "UTC"),
    ];

    /// Reads tables, in a database whose encoding is UTF-8.
    pub fn new(plugin: Plugin) -> Self {
        Self { plugin, encoding: ServerEncoding::UTF8, keys: false, messages: false, markers: true }
    }

    /// Reads primary keys too; only [`Plugin::Wal2Json`] tells them.
    ///
    /// The key is the last thing in a message. Where it cannot be told (the message is cut, the
    /// table has no primary key, an UPDATE or DELETE prints the columns of another index, a
    /// number is NaN or infinite, for which wal2json prints `null`) the change is one of the
    /// table as a whole: coarser, never wrong.
    #[must_use]
    pub fn with_keys(mut self) -> Self {
        self.keys = true;
        self
    }

    /// Reads nudges that an application sends, `pg_logical_emit_message(true, 'pgnudge',
    /// 'public.orders')`: a change of the table that the content names, whether there is such a
    /// table or not.
    ///
    /// Names are written as in a [`TablePattern`](crate::TablePattern). A content that is no
    /// `schema.table` is [`Unreadable::Nudge`](crate::Unreadable::Nudge).
    ///
    /// Messages with another prefix are silent, and so are those that are not transactional:
    /// they arrive before their transaction commits, and also if it never does, so that whoever
    /// refetches on them may read the old state for good.
    #[must_use]
    pub fn with_messages(mut self) -> Self {
        self.messages = true;
        self
    }

    /// Does without [`Decoded::Begin`] and [`Decoded::Commit`], the markers of transactions, which cost
    /// the server as much as a small transaction's changes do.
    ///
    /// What is left of a transaction is the id that each of its changes tells ([`xid`](Self::xid)); where
    /// it ends nobody knows, and one without changes, such as most DDL, does not show at all.
    /// [`Plugin::TestDecoding`] always prints them: there this changes nothing.
    #[must_use]
    pub fn without_markers(mut self) -> Self {
        self.markers = self.plugin == Plugin::TestDecoding;
        self
    }

    /// Whether the begin and the commit of every transaction are read.
    #[inline]
    pub fn has_markers(&self) -> bool {
        self.markers
    }

    /// Reads names in a database of this encoding.
    #[must_use]
    pub fn with_encoding(mut self, encoding: ServerEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// The options of START_REPLICATION that make the plugin print what is read here.
    ///
    /// Values are plain text: quoting them is left to whoever writes the command.
    /// Where the plugin can apply `filter` exactly, the options say so; that saves work, and
    /// is no replacement for [`TableFilter::matches`], since not every filter can be pushed.
    /// The plugin compares names as it prints them: it knows a partition's row under the
    /// partition's name alone. A filter that means more than that must not be given here.
    pub fn options(&self, filter: &TableFilter) -> Vec<(&'static str, Cow<'static, str>)> {
        match self.plugin {
            Plugin::TestDecoding => test_decoding::options(),
            Plugin::Wal2Json => wal2json::options(self, filter),
        }
    }

    /// Reads a message of the stream from its `head`; `cut` says that the message goes on.
    ///
    /// A cut head is never wrong: the result is that of the whole message, or its tables without
    /// their keys, or unreadable.
    pub fn decode<'a>(&self, head: &'a [u8], cut: bool) -> Decoded<'a> {
        match self.plugin {
            Plugin::TestDecoding if self.messages => test_decoding::look_closer(self, head, cut),
            Plugin::TestDecoding => test_decoding::decode(self.encoding, head, cut),
            Plugin::Wal2Json if self.keys || self.messages => wal2json::look_closer(self, head, cut),
            Plugin::Wal2Json => wal2json::decode(self.encoding, head, cut),
        }
    }

    /// The transaction that a message of [`Plugin::Wal2Json`] belongs to: the lower half of its id, if the
    /// plugin printed it where it does with these options. It is read at a glance: nothing else is.
    #[inline(never)] // Rare, in the midst of what is not.
    pub fn xid(&self, head: &[u8]) -> Option<u32> {
        match self.plugin {
            Plugin::TestDecoding => None,
            Plugin::Wal2Json => wal2json::xid(head),
        }
    }

    /// How the messages begin that say the same as this one does, if it is a change and the beginning of
    /// a message tells all that is read of it.
    pub fn row_prefix(&self, head: &[u8]) -> Option<RowPrefix> {
        match self.plugin {
            Plugin::TestDecoding => test_decoding::row_prefix(self.encoding, head),
            Plugin::Wal2Json if self.keys => None,
            Plugin::Wal2Json => wal2json::row_prefix(self.encoding, head),
        }
    }

    /// Reads the `message` of a notice (field `M` of NoticeResponse) that came within the stream;
    /// `cut` as for [`decode`](Self::decode).
    ///
    /// wal2json raises a warning for a change that it cannot print: that is a change, too
    /// (rule R8). Other notices are silent.
    pub fn decode_notice<'a>(&self, message: &'a [u8], cut: bool) -> Decoded<'a> {
        match self.plugin {
            Plugin::TestDecoding => Decoded::Silent,
            Plugin::Wal2Json => wal2json::decode_notice(self, message, cut),
        }
    }
}
