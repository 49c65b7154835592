//! The consumer that the checker watches: it holds a copy, and refetches what it is told.

use std::convert::Infallible;
use std::sync::Arc;

use pgnudge::{FeedItem, Hub, Live, Plugin, PluginChoice, Status};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::Failure;
use crate::consistency::consumer::{self, Place};
use crate::consistency::copy::Copy;
use crate::consistency::database::Database;
use crate::consistency::manner::{Manner, Servers};
use crate::consistency::reader::{Name, Reader};
use crate::consistency::source::{Source, sit_down};
use crate::consistency::timeline::{Kind, Recorder};
use crate::consistency::{Consumer, Leak};

/// A subscriber of one round.
pub(crate) struct Subscriber {
    /// Where it refetches.
    pub(crate) reads: Database,
    /// The name of the database.
    pub(crate) database: String,
    /// The proxies', in the order of the servers.
    pub(crate) ports: Vec<u16>,
    pub(crate) plugin: PluginChoice,
    pub(crate) manner: Manner,
    pub(crate) leak: Leak,
    pub(crate) consumer: Consumer,
    pub(crate) recorder: Recorder,
    /// Told when it is to take another seat.
    pub(crate) rejoin: Arc<Notify>,
    /// What it has fetched last, for whoever looks at it.
    pub(crate) copy: watch::Sender<Copy>,
}

impl Subscriber {
    /// Keeps the copy as it ought to be, until it is aborted.
    ///
    /// # Errors
    /// When the feed cannot be had, or the tables cannot be read for a minute.
    pub(crate) async fn run(self) -> Result<Infallible, Failure> {
        let mut reader = Reader::new(self.reads.clone(), self.manner.scope);
        let (mut source, status) = Source::connect(&self).await?;
        tokio::spawn(reconnections(status, self.recorder.clone()));
        if self.consumer != Consumer::Refetch {
            return self.hold(&source.into_hub()).await;
        }
        loop {
            tokio::select! {
                item = source.next() => self.take(item, &mut reader).await?,
                () = self.rejoin.notified() => source.rejoin(&self.manner)?,
            }
            sleep(self.manner.pause).await;
        }
    }

    /// As what the facade offers for it.
    async fn hold(self, hub: &Hub) -> Result<Infallible, Failure> {
        let Self { reads, manner, copy, consumer, .. } = self;
        let (scope, from_replica) = (manner.scope, manner.from_replica);
        let place = Place { reads, scope, from_replica, copy };
        match consumer {
            Consumer::Live => {
                let patterns = scope.patterns();
                let builder = || match &patterns[..] {
                    [] => Live::builder(hub),
                    patterns => Live::builder(hub).tables(patterns),
                };
                consumer::live(place, builder).await
            }
            _ => consumer::cache(place, sit_down(hub, &manner)?, consumer == Consumer::Cache).await,
        }
    }

    async fn take(&self, item: FeedItem, reader: &mut Reader) -> Result<(), Failure> {
        if self.manner.from_replica {
            let (FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. }) = &item;
            reader.reaches(&lsn.to_string()).await?;
        }
        match item {
            FeedItem::Resync { reason, .. } => {
                self.recorder.note(Kind::Resync { reason: reason.to_string() });
                self.copy.send_replace(reader.everything().await?);
            }
            FeedItem::Batch { events, .. } => {
                self.recorder.note(Kind::Item { tables: events.len() });
                let told = events.iter().map(|event| &event.table).filter(|_| !self.leak.loses());
                let names = told.map(|table| (table.schema().to_owned(), table.table().to_owned()));
                let fetched = reader.tables(&names.collect::<Vec<Name>>()).await?;
                self.copy.send_modify(|copy| copy.replace(fetched));
            }
        }
        Ok(())
    }

    /// What a program would be given as its connection text.
    pub(crate) fn text(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
        let (hosts, ports) = (vec!["127.0.0.1"; ports.len()].join(","), ports.join(","));
        let sslmode = if self.manner.tls { "require" } else { "disable" };
        let wanted = if self.manner.servers == Servers::Both { "read-write" } else { "any" };
        format!(
            "host={hosts} port={ports} dbname={} sslmode={sslmode} target_session_attrs={wanted} user=nudger password=nudger",
            self.database
        )
    }

    /// Whether it has the markers of transactions.
    pub(crate) fn has_markers(&self) -> bool {
        self.manner.markers || self.plugin == PluginChoice::Only(Plugin::TestDecoding)
    }
}

/// Writes down every stream but the first. It ends with the feed.
async fn reconnections(mut status: watch::Receiver<Status>, recorder: Recorder) {
    let mut streamed: Option<i32> = None;
    loop {
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
        if status.changed().await.is_err() {
            return;
        }
    }
}
