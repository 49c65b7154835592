//! What changes and feeds cost in memory: an item allocates, a change does not.
//!
//! The whole way, as users have it: a feed with default knobs on a runtime of one thread, over TCP. The
//! server is on a thread of its own; allocations are counted on ours alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test")]

use std::sync::{Arc, Mutex};

use nudge_engine::{FeedItem, Payload, Plugin, PluginChoice};
use nudge_proto::Inbox;
use pgnudge::Feed;
use pgnudge_testkit::{Walsender, frames};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Bytes = Vec<u8>;

/// A server that streams what it is told to. Returns its port.
fn serve() -> (u16, UnboundedSender<Bytes>) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = unbounded_channel();
    let stream = Arc::new(Mutex::new(Some(receiver)));
    let accept = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(converse(socket, Arc::clone(&stream)));
        }
    };
    std::thread::spawn(|| runtime().block_on(accept));
    (port, sender)
}

async fn converse(socket: TcpStream, stream: Arc<Mutex<Option<UnboundedReceiver<Bytes>>>>) {
    let mut walsender = Walsender::new(socket).answering_feeds();
    // The sessions beside the stream end while they are listened to.
    if walsender.stream_from(0x100).await.is_ok() {
        let mut stream = stream.lock().unwrap().take().unwrap();
        while let Some(bytes) = stream.recv().await {
            walsender.send(&bytes).await.unwrap();
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What the measured feed reads.
#[derive(Clone, Copy)]
struct Case {
    plugin: Plugin,
    payload: Payload,
    /// Tables that change in turn; with keys, rows of one table.
    identities: usize,
    /// Rows of a transaction.
    transaction: usize,
}

impl Case {
    /// As many changes as [`CHANGES`], as long as rows usually are: in some hundred reads.
    fn bytes(self) -> Bytes {
        let json = self.plugin == Plugin::Wal2Json;
        let (begin, commit) = if json {
            (r#"{"action":"B","xid":748}"#, r#"{"action":"C","xid":748}"#)
        } else {
            ("BEGIN 748", "COMMIT 748")
        };
        let mut bytes = Bytes::new();
        let mut print = |text: &str| bytes.extend(frames::xlog_data(0x200, 0x200, text.as_bytes()));
        for rows in (0..CHANGES).collect::<Vec<_>>().chunks(self.transaction) {
            print(begin);
            rows.iter().for_each(|row| print(&self.row(row % self.identities)));
            print(commit);
        }
        bytes
    }

    fn row(self, identity: usize) -> String {
        let note = "leave it at the door ".repeat(14);
        let (table, id, pk) = match self.payload {
            Payload::PrimaryKey => (0, identity, r#","pk":[{"name":"id"}]"#),
            _ => (identity, 1, ""),
        };
        match self.plugin {
            Plugin::TestDecoding => {
                format!("table public.t{table}: INSERT: id[bigint]:{id} note[text]:'{note}'")
            }
            _ => format!(
                r#"{{"action":"I","xid":748,"schema":"public","table":"t{table}","columns":[{{"name":"id","value":{id}}},{{"name":"note","value":"{note}"}}]{pk}}}"#
            ),
        }
    }

    /// How often a feed that knows all of it already allocates, and for how many items.
    fn measure(self) -> (u64, u64) {
        let (port, stream) = serve();
        let runtime = runtime();
        let mut feed = runtime.block_on(live(port, self.plugin, self.payload));
        let bytes = self.bytes();
        stream.send(bytes.clone()).unwrap();
        runtime.block_on(take(&mut feed));
        stream.send(bytes).unwrap();
        let mut items = 0;
        let counted = allocation_counter::measure(|| items = runtime.block_on(take(&mut feed)));
        (counted.count_total, items)
    }
}

/// A feed whose `Resync(Connected)` is taken.
async fn live(port: u16, plugin: Plugin, payload: Payload) -> Feed {
    let target = format!("host=127.0.0.1 port={port} user=u dbname=d sslmode=disable");
    let builder = Feed::builder(target).plugin(PluginChoice::Only(plugin)).payload(payload);
    let mut feed = builder.connect().await.unwrap();
    feed.next().await;
    feed
}

/// Takes [`CHANGES`], and tells how many items they were.
async fn take(feed: &mut Feed) -> u64 {
    let (mut counted, mut items) = (0, 0);
    while counted < CHANGES as u64 {
        match feed.next().await {
            FeedItem::Batch { events, .. } => counted += events.iter().map(|event| event.count).sum::<u64>(),
            FeedItem::Resync { reason, .. } => panic!("a resync: {reason}"),
        }
        items += 1;
    }
    assert_eq!(counted, CHANGES as u64);
    items
}

const CHANGES: usize = 100_000;

/// Allocations of one item of eight events, and of asking whether it can be seen. There is one item, unless
/// the machine is so busy that the window closes meanwhile.
const PER_ITEM: u64 = 64;

/// One allocation per read would be some hundreds.
#[test]
fn neither_changes_nor_reads_allocate() {
    for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
        for (identities, transaction) in [(1, 1), (1, 10_000), (8, 100)] {
            let case = Case { plugin, payload: Payload::Table, identities, transaction };
            let (allocations, items) = case.measure();
            assert!(
                allocations <= PER_ITEM * items,
                "{plugin:?}, {identities} tables, {transaction} rows per transaction: {allocations} for {items} items"
            );
        }
    }
}

/// More tables than can be known by how their messages begin: the others allocate once per read each. How
/// many reads there are is up to the machine; once per change would be four or five allocations of each.
#[test]
fn of_many_tables_in_turn_each_allocates_once_per_read() {
    for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
        let case = Case { plugin, payload: Payload::Table, identities: 40, transaction: 100 };
        let (allocations, items) = case.measure();
        assert!(
            allocations <= 2 * CHANGES as u64 + PER_ITEM * items,
            "{plugin:?}: {allocations} for {items} items"
        );
    }
}

/// A key is read column by column into lists of its own; to count it again costs no more.
#[test]
fn a_key_allocates_when_it_is_read_and_not_when_it_is_counted() {
    let case =
        Case { plugin: Plugin::Wal2Json, payload: Payload::PrimaryKey, identities: 1, transaction: 100 };
    let (allocations, items) = case.measure();
    let read = 4 * CHANGES as u64;
    assert!(allocations <= read + read / 20 + PER_ITEM * items, "{allocations} for {items} items");
}

/// The first one pays for what all of them share. The second session is part of it.
#[test]
fn one_more_feed_keeps_little_beside_its_inbox() {
    let runtime = runtime();
    let mut feeds = Vec::with_capacity(2);
    let [_, kept] = [(); 2].map(|()| {
        let (port, stream) = serve();
        let connect =
            || feeds.push((runtime.block_on(live(port, Plugin::TestDecoding, Payload::Table)), stream));
        allocation_counter::measure(connect).bytes_current
    });
    let beside = kept - i64::try_from(Inbox::DEFAULT_CAPACITY).unwrap();
    assert!((0..32 * 1024).contains(&beside), "{beside} bytes");
}
