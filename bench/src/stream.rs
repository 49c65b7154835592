//! Streams as the output plugins print them, made once and sent over and over.

use std::fmt::Write as _;

use pgnudge::Plugin;
use pgnudge_testkit::frames;

/// What a stream is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) plugin: Plugin,
    pub(crate) row: Row,
    /// Tables that change in turn.
    pub(crate) tables: usize,
    /// Rows of one transaction.
    pub(crate) transaction: usize,
    /// Rows of the whole stream, at least.
    pub(crate) changes: usize,
}

/// What a row looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Row {
    /// Five columns, of which a text is as long as it takes for the message, its header included, to
    /// have this many bytes.
    Of(usize),
    /// Fifty columns, numbers and short texts in turn.
    Wide,
}

/// A stream: a block of whole transactions, and how often it is sent. Each time the positions in it go
/// on, as those of a server do.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    block: Vec<u8>,
    /// Where in the block the positions are, each of them twice: as start and as end.
    positions: Vec<usize>,
    /// Bytes of the server's log that a block stands for.
    span: u64,
    repetitions: usize,
    changes: usize,
}

impl Stream {
    /// Where the stream starts.
    pub(crate) const START: u64 = 0x1_0000_0000;
    /// A block is as long as this, or as long as one transaction.
    const BLOCK: usize = 4 << 20;

    pub(crate) fn new(shape: &Shape) -> Self {
        let mut stream = Self { block: vec![], positions: vec![], span: 0, repetitions: 0, changes: 0 };
        let mut in_block = 0;
        for xid in 748.. {
            stream.push(&begin(shape.plugin, xid));
            for _ in 0..shape.transaction {
                let row = shape.row.print(shape.plugin, xid, in_block % shape.tables, in_block);
                stream.push(&row);
                in_block += 1;
            }
            stream.push(&commit(shape.plugin, xid));
            if stream.block.len() >= Self::BLOCK || in_block >= shape.changes {
                break;
            }
        }
        stream.repetitions = shape.changes.div_ceil(in_block);
        stream.changes = in_block * stream.repetitions;
        stream
    }

    /// The same for twice as long.
    pub(crate) fn twice(&self) -> Self {
        Self { repetitions: 2 * self.repetitions, changes: 2 * self.changes, ..self.clone() }
    }

    /// Rows that it changes.
    pub(crate) fn changes(&self) -> usize {
        self.changes
    }

    /// Messages of the whole stream, transactions' ends included.
    pub(crate) fn messages(&self) -> usize {
        self.positions.len() / 2 * self.repetitions
    }

    /// Bytes of the whole stream.
    pub(crate) fn bytes(&self) -> usize {
        self.block.len() * self.repetitions
    }

    /// Bytes per change, transactions' ends included.
    pub(crate) fn bytes_per_change(&self) -> usize {
        self.bytes() / self.changes
    }

    pub(crate) fn repetitions(&self) -> usize {
        self.repetitions
    }

    /// The position of the last message, as the server writes it.
    pub(crate) fn end(&self) -> String {
        let at = self.positions.last().and_then(|&at| self.block.get(at..)?.first_chunk());
        let end =
            u64::from_be_bytes(at.copied().unwrap_or_default()) + self.span * (self.repetitions as u64 - 1);
        format!("{:X}/{:X}", end >> 32, end & 0xffff_ffff)
    }

    /// The block as it is sent, and from the second time on with positions further on.
    pub(crate) fn block(&mut self, repetition: usize) -> &[u8] {
        if repetition > 0 {
            for &at in &self.positions {
                if let Some(lsn) = self.block.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                    *lsn = (u64::from_be_bytes(*lsn) + self.span).to_be_bytes();
                }
            }
        }
        &self.block
    }

    fn push(&mut self, printed: &str) {
        let lsn = Self::START + self.span;
        let message = frames::xlog_data(lsn, lsn, printed.as_bytes());
        let data = self.block.len() + 6; // behind the header and the kind
        self.positions.extend([data, data + 8]);
        // A row's record in the log is about half as long as its text.
        self.span += message.len() as u64 / 2;
        self.block.extend(message);
    }
}

impl Row {
    /// A row as `plugin` prints it with the options that we ask for.
    fn print(self, plugin: Plugin, xid: u32, table: usize, id: usize) -> String {
        let table = ["orders", "items", "customers", "invoices", "payments", "shipments", "stock", "events"]
            .get(table)
            .copied()
            .unwrap_or("others");
        let id = (1_000_000 + id).to_string();
        match self {
            Self::Of(bytes) => {
                let print = |note: &str| print(plugin, xid, table, &narrow(&id, note));
                let header = frames::xlog_data(0, 0, b"").len();
                print(
                    &"leave it at the door ".repeat(bytes / 21 + 1)
                        [..bytes.saturating_sub(header + print("").len())],
                )
            }
            Self::Wide => print(plugin, xid, table, &wide(&id)),
        }
    }
}

/// A column: its name, type and value, and whether that is quoted.
type Column<'a> = (String, &'a str, &'a str, bool);

fn narrow<'a>(id: &'a str, note: &'a str) -> Vec<Column<'a>> {
    vec![
        ("id".into(), "bigint", id, false),
        ("customer_id".into(), "integer", "4711", false),
        ("status".into(), "text", "shipped", true),
        ("amount".into(), "numeric", "129.90", false),
        ("note".into(), "text", note, true),
    ]
}

fn wide(id: &str) -> Vec<Column<'_>> {
    let column = |n: usize| {
        let name = format!("column_{n:02}");
        if n.is_multiple_of(2) { (name, "bigint", id, false) } else { (name, "text", "a short text", true) }
    };
    (0..50).map(column).collect()
}

fn print(plugin: Plugin, xid: u32, table: &str, columns: &[Column<'_>]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match plugin {
        Plugin::TestDecoding => write!(text, "table public.{table}: INSERT:"),
        Plugin::Wal2Json => {
            write!(text, r#"{{"action":"I","xid":{xid},"schema":"public","table":"{table}","columns":["#)
        }
    };
    for (n, (name, kind, value, quoted)) in columns.iter().enumerate() {
        let _ = match (plugin, quoted) {
            (Plugin::TestDecoding, true) => write!(text, " {name}[{kind}]:'{value}'"),
            (Plugin::TestDecoding, false) => write!(text, " {name}[{kind}]:{value}"),
            (Plugin::Wal2Json, _) => {
                let (comma, quote) = (if n > 0 { "," } else { "" }, if *quoted { "\"" } else { "" });
                write!(text, r#"{comma}{{"name":"{name}","value":{quote}{value}{quote}}}"#)
            }
        };
    }
    if plugin == Plugin::Wal2Json {
        text.push_str("]}");
    }
    text
}

fn begin(plugin: Plugin, xid: u32) -> String {
    match plugin {
        Plugin::TestDecoding => format!("BEGIN {xid}"),
        Plugin::Wal2Json => format!(r#"{{"action":"B","xid":{xid}}}"#),
    }
}

fn commit(plugin: Plugin, xid: u32) -> String {
    match plugin {
        Plugin::TestDecoding => format!("COMMIT {xid}"),
        Plugin::Wal2Json => format!(r#"{{"action":"C","xid":{xid}}}"#),
    }
}
