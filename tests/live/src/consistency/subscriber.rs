//! The consumer that the checker watches: it holds a copy, and refetches what it is told, at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use pgnudge::{Event, Feed, FeedItem, Hub, Plugin, PluginChoice, Status, Subscription};
use pgnudge_testkit::Scratch;
use tokio::sync::watch;

use crate::Failure;
use crate::consistency::Leak;
use crate::consistency::copy::Copy;
use crate::consistency::plan::Manner;
use crate::consistency::reader::{Reader, quoted};
use crate::consistency::timeline::{Kind, Recorder};

/// A subscriber of one round.
pub(crate) struct Subscriber {
    pub(crate) scratch: Arc<Scratch>,
    /// The proxy's.
    pub(crate) port: u16,
    pub(crate) plugin: PluginChoice,
    pub(crate) manner: Manner,
    pub(crate) leak: Leak,
    pub(crate) recorder: Recorder,
    /// What it has fetched last, for whoever looks at it.
    pub(crate) copy: watch::Sender<Copy>,
}

/// A feed, or a seat at the hub of one.
enum Source {
    Feed(Box<Feed>),
    Hub(Subscription),
}

impl Subscriber {
    /// Keeps the copy as it ought to be, until it is aborted.
    ///
    /// # Errors
    /// When the feed cannot be had, or the tables cannot be read for a minute.
    pub(crate) async fn run(self) -> Result<Infallible, Failure> {
        let mut reader = Reader::new(Arc::clone(&self.scratch), self.manner.schema);
        let mut source = self.connect().await?;
        loop {
            match source.next().await {
                FeedItem::Resync { reason, .. } => {
                    self.recorder.note(Kind::Resync { reason: reason.to_string() });
                    self.copy.send_replace(reader.everything().await?);
                }
                FeedItem::Batch { events, .. } => {
                    self.recorder.note(Kind::Item { tables: events.len() });
                    let told = events.iter().filter(|_| !self.leak.loses());
                    let name = |event: &Event| quoted(event.table.schema(), event.table.table());
                    let fetched = reader.tables(&told.map(name).collect::<Vec<_>>()).await?;
                    self.copy.send_modify(|copy| copy.replace(fetched));
                }
            }
        }
    }

    /// Impatient, so that a round is short.
    async fn connect(&self) -> Result<Source, Failure> {
        let Manner { tls, debounce, edge, max_pending, hub, schema, markers } = self.manner;
        let (sslmode, database) = (if tls { "require" } else { "disable" }, self.scratch.name());
        let server = format!("host=127.0.0.1 port={} dbname={database} sslmode={sslmode}", self.port);
        let patterns = schema.map(|schema| format!("{schema}.*"));
        let builder = Feed::builder(format!("{server} user=nudger password=nudger"))
            .plugin(self.plugin)
            .tables(patterns.clone())
            .transaction_markers(markers || self.plugin == PluginChoice::Only(Plugin::TestDecoding))
            .debounce(if hub { Duration::ZERO } else { debounce })
            .edge(edge)
            .max_pending(if hub { usize::MAX } else { max_pending })
            .status_interval(STATUS)
            .liveness_timeout(Some(LIVENESS))
            .connect_timeout(CONNECT)
            .slot_timeout(CONNECT)
            .backoff(Duration::from_millis(5), Duration::from_millis(50));
        tokio::spawn(reconnections(builder.status(), self.recorder.clone()));
        let feed = builder.connect().await?;
        if !hub {
            return Ok(Source::Feed(Box::new(feed)));
        }
        let seat = Hub::new(feed).subscribe().tables(patterns);
        Ok(Source::Hub(seat.debounce(debounce).edge(edge).max_pending(max_pending).join()?))
    }
}

impl Source {
    async fn next(&mut self) -> FeedItem {
        match self {
            Self::Feed(feed) => feed.next().await,
            Self::Hub(seat) => seat.next().await,
        }
    }
}

/// Writes down every stream but the first. It ends with the feed.
async fn reconnections(mut status: watch::Receiver<Status>, recorder: Recorder) {
    let mut streamed: Option<i32> = None;
    while status.changed().await.is_ok() {
        let now = match &*status.borrow_and_update() {
            Status::Streaming { backend_pid, .. } => Some(*backend_pid),
            _ => None,
        };
        if now.is_some() && now != streamed {
            if streamed.is_some() {
                recorder.note(Kind::Reconnect);
            }
            streamed = now;
        }
    }
}

const STATUS: Duration = Duration::from_millis(200);
/// Longer than any stall, so that some faults are noticed and others are sat out.
const LIVENESS: Duration = Duration::from_millis(800);
const CONNECT: Duration = Duration::from_secs(1);
