//! Between the window and the consumer: may the item go out, and under which names?

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nudge_decode::TableFilter;
use nudge_proto::Lsn;
use tokio::sync::watch;

use crate::policy::lineage::{self, Lineage};
use crate::policy::visibility::{Unseen, Visibility};
use crate::policy::{Above, ParentOf, Taken};
use crate::runtime::handover::{Handover, Source};
use crate::runtime::login::Login;
use crate::runtime::sealed::{Opened, Sealed};
use crate::runtime::witness::Witness;
use crate::runtime::{Route, Status, clock};
use crate::{FeedItem, Knobs, Reason};

/// Holds items back until the server has answered what has to be known about them. At most one.
pub(crate) struct Inspection {
    visibility: Visibility,
    partition_root: bool,
    parent_of: Option<ParentOf>,
    connect_timeout: Duration,
    filter: TableFilter,
    login: Arc<Login>,
    handover: Arc<Handover>,
    status: watch::Sender<Status>,
    /// What waits, and for which version of the catalog the answer will be.
    waiting: Option<(Box<Sealed>, u64)>,
    /// The second session, while no question is under way.
    witness: Option<Witness>,
    /// The position of a batch while it gets its names. The program's callback may panic in there.
    unnamed: Option<Lsn>,
}

impl Inspection {
    /// As the knobs say. `login` is for the second session.
    pub(crate) fn new(
        knobs: &Knobs,
        login: Arc<Login>,
        handover: Arc<Handover>,
        status: watch::Sender<Status>,
    ) -> Self {
        let Knobs { visibility, partition_root, connect_timeout, .. } = *knobs;
        let (filter, parent_of) = (knobs.tables.clone(), knobs.parent_of.clone());
        Self {
            visibility,
            partition_root,
            parent_of,
            connect_timeout,
            filter,
            login,
            handover,
            status,
            waiting: None,
            witness: None,
            unnamed: None,
        }
    }

    /// Takes in what is due. Yields it when nothing has to be known about it.
    pub(crate) fn admit(&mut self, taken: Taken) -> Option<FeedItem> {
        let Some(Source { route, facts, markers, .. }) = self.handover.source() else {
            return self.pass(taken);
        };
        let (resolve, version) = self.has_to_be_resolved(&taken);
        let taken = match taken {
            // A standby decodes what it has replayed, and that can be seen. But without markers nobody else
            // has told a position at or after the commits.
            Taken::Item(item, _) if facts.standby && markers => Taken::Item(item, Unseen::default()),
            taken => taken,
        };
        let doubtful = match &taken {
            Taken::Item(_, unseen) => unseen.is_in_doubt(self.visibility, facts.synchronous, clock::now()),
            Taken::Look => true,
        };
        if !doubtful && !resolve {
            return self.pass(taken);
        }
        let witness = self.witness_of(&route);
        self.waiting = Some((Box::new(Sealed::new(taken, doubtful, resolve, route, witness)), version));
        None
    }

    /// What waits, if it need not wait any longer. `None`: nothing waits, or nothing came of it.
    pub(crate) fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        // A panic has come out of the last call.
        if let Some(lsn) = self.unnamed.take() {
            return Poll::Ready(Some(FeedItem::Resync { reason: Reason::Undecodable, lsn }));
        }
        let Some((sealed, version)) = &mut self.waiting else { return Poll::Ready(None) };
        if !self.handover.source().is_some_and(|source| sealed.is_from(&source.route)) {
            // A later connection begins with a Resync, which stands for this item too; but the first
            // reason is kept (rule R6).
            if let Some(FeedItem::Resync { reason, .. }) = sealed.item() {
                self.handover.gate.window().put_back(*reason, clock::now());
            }
            self.waiting = None;
            return Poll::Ready(None);
        }
        let (opened, version) = (ready!(sealed.poll_open(cx, &self.status)), *version);
        let Opened { item, tables, lineage, partitioned, witness } = opened;
        (self.waiting, self.witness) = (None, witness);
        let mut window = self.handover.gate.window();
        match partitioned {
            None => window.catalog().unanswered(clock::now()),
            Some(yes) if window.catalog().learn(yes, &tables, version) => self.handover.outgrown.notify_one(),
            Some(_) => {}
        }
        drop(window);
        Poll::Ready(item.and_then(|item| self.name(item, &lineage)))
    }

    fn pass(&mut self, taken: Taken) -> Option<FeedItem> {
        match taken {
            Taken::Item(item, _) => self.name(item, &Lineage::default()),
            Taken::Look => None,
        }
    }

    /// The item under all names that its changes have, as far as they are asked for. When the program's
    /// callback panics, that comes out of `next` like any panic of the program's own; who goes on after it
    /// gets a Resync in place of the item (rule R7).
    fn name(&mut self, item: FeedItem, lineage: &Lineage) -> Option<FeedItem> {
        let FeedItem::Batch { events, lsn } = item else { return Some(item) };
        self.unnamed = Some(lsn);
        let mut above = Above::new(lineage, self.parent_of.as_ref());
        let events = lineage::expand(events, |table| above.of(table), &self.filter);
        self.unnamed = None;
        (!events.is_empty()).then_some(FeedItem::Batch { events, lsn })
    }

    /// Whether a table of the item may be a partition; and for which version of the catalog the answer
    /// will be.
    fn has_to_be_resolved(&self, taken: &Taken) -> (bool, u64) {
        let mut window = self.handover.gate.window();
        let catalog = window.catalog();
        let resolve = match taken {
            Taken::Item(FeedItem::Batch { events, .. }, _) if self.partition_root => {
                let is_plain = |table| catalog.plain().is_some_and(|plain| plain.contains(table));
                !events.iter().all(|event| is_plain(&event.table))
            }
            _ => false,
        };
        (resolve, catalog.version())
    }

    fn witness_of(&mut self, route: &Arc<dyn Route>) -> Witness {
        let kept = self.witness.take().filter(|witness| witness.asks(route));
        kept.unwrap_or_else(|| Witness::new(Arc::clone(&self.login), Arc::clone(route), self.connect_timeout))
    }
}
