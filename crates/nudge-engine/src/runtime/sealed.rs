//! What is due and waits for an answer: an item that may not be visible yet (rule R13), or whose tables
//! may be partitions; or the mere question whether there are partitioned tables.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use indexmap::IndexSet;
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::policy::visibility::{self, Unseen};
use crate::policy::{Lineage, Taken};
use crate::runtime::witness::{Testimony, Witness};
use crate::runtime::{Route, Status, clock};
use crate::{Error, FeedItem, Reason, TableName};

/// Out of the window and not delivered yet. New changes go into the next window.
pub(crate) struct Sealed {
    /// `None`: nothing is to be delivered, only to be known.
    item: Option<FeedItem>,
    unseen: Unseen,
    /// The tables to ask about.
    tables: Arc<[TableName]>,
    /// The server that it came from.
    route: Arc<dyn Route>,
    step: Step,
    tries: u32,
    /// When it goes out although nobody answers.
    blind_at: Instant,
}

/// The end of the wait.
pub(crate) struct Opened {
    pub(crate) item: Option<FeedItem>,
    /// The tables that were asked about.
    pub(crate) tables: Arc<[TableName]>,
    pub(crate) lineage: Lineage,
    /// Whether there are partitioned tables, if the server has told.
    pub(crate) partitioned: Option<bool>,
    pub(crate) witness: Option<Witness>,
}

enum Step {
    Asking(BoxFuture<'static, (Witness, Result<Testimony, Error>)>),
    /// Before the next question; the witness is at rest.
    Pausing(Pin<Box<Sleep>>, Option<Box<Witness>>),
}

impl Step {
    fn asking(witness: Witness, tables: &Arc<[TableName]>) -> Self {
        Self::Asking(Box::pin(witness.ask(Arc::clone(tables))))
    }

    fn pausing(pause: Duration, witness: Witness) -> Self {
        Self::Pausing(Box::pin(clock::sleep_until(clock::now() + pause)), Some(Box::new(witness)))
    }
}

impl Sealed {
    /// `hidden`: its transactions may not be visible yet. `resolve`: its tables may be partitions.
    pub(crate) fn new(
        taken: Taken,
        hidden: bool,
        resolve: bool,
        route: Arc<dyn Route>,
        witness: Witness,
    ) -> Self {
        let (item, unseen) = match taken {
            Taken::Item(item, unseen) if hidden => (Some(item), unseen),
            Taken::Item(item, _) => (Some(item), Unseen::default()),
            Taken::Look => (None, Unseen::default()),
        };
        let tables: Arc<[TableName]> = match &item {
            Some(FeedItem::Batch { events, .. }) if resolve => {
                // Many rows may be of one table.
                let tables: IndexSet<_> = events.iter().map(|event| &event.table).collect();
                tables.into_iter().cloned().collect()
            }
            _ => Arc::default(),
        };
        let step = Step::asking(witness, &tables);
        let blind_at = clock::now() + visibility::BLIND;
        Self { item, unseen, tables, route, step, tries: 0, blind_at }
    }

    /// Whether it came from the server at the end of this route.
    pub(crate) fn is_from(&self, route: &Arc<dyn Route>) -> bool {
        Arc::ptr_eq(&self.route, route)
    }

    /// What is to be delivered.
    pub(crate) fn item(&self) -> Option<&FeedItem> {
        self.item.as_ref()
    }

    /// Resolves when the wait is over. Afterwards it is used up.
    pub(crate) fn poll_open(&mut self, cx: &mut Context<'_>, status: &watch::Sender<Status>) -> Poll<Opened> {
        loop {
            match &mut self.step {
                Step::Asking(question) => {
                    let (witness, answer) = ready!(question.as_mut().poll(cx));
                    show(status, answer.as_ref().err());
                    let pause =
                        answer.as_ref().map_or(Some(visibility::RETRY), |_| visibility::pause(self.tries));
                    if let Some(testimony) = self.settle(answer) {
                        return Poll::Ready(self.open(testimony, Some(witness)));
                    }
                    self.tries = self.tries.saturating_add(1);
                    self.step = match pause {
                        Some(pause) => Step::pausing(pause, witness),
                        None => Step::asking(witness, &self.tables),
                    };
                }
                Step::Pausing(pause, witness) => {
                    ready!(pause.as_mut().poll(cx));
                    let Some(witness) = witness.take() else { return Poll::Ready(self.open(None, None)) };
                    self.step = Step::asking(*witness, &self.tables);
                }
            }
        }
    }

    /// Whether the wait is over; with the answer that ended it, if an answer did.
    fn settle(&mut self, answer: Result<Testimony, Error>) -> Option<Option<Testimony>> {
        match answer {
            Ok(testimony) => {
                // Somebody answers: then there is no hurry.
                self.blind_at = clock::now() + visibility::BLIND;
                self.unseen.confirm(&testimony.snapshot).then_some(Some(testimony))
            }
            Err(error) if clock::now() >= self.blind_at => {
                tracing::warn!(%error, "nobody answers what an item has to wait for: it goes out");
                Some(None)
            }
            Err(_) => None,
        }
    }

    fn open(&mut self, testimony: Option<Testimony>, witness: Option<Witness>) -> Opened {
        let (mut item, tables) = (self.item.take(), Arc::clone(&self.tables));
        let Some(Testimony { snapshot, partitioned, lineage }) = testimony else {
            // What lies above the tables is not known: reload everything is coarser, and never wrong.
            if let (false, Some(FeedItem::Batch { lsn, .. })) = (self.tables.is_empty(), &item) {
                item = Some(FeedItem::Resync { reason: Reason::Undecodable, lsn: *lsn });
            }
            return Opened { item, tables, lineage: Lineage::default(), partitioned: None, witness };
        };
        if let (true, Some(item)) = (self.unseen.is_unfinished(), &mut item) {
            item.raise_lsn(snapshot.lsn);
        }
        Opened { item, tables, lineage, partitioned: Some(partitioned), witness }
    }
}

/// An operator sees that items go out without an answer.
fn show(status: &watch::Sender<Status>, error: Option<&Error>) {
    status.send_if_modified(|status| match status {
        Status::Streaming { unchecked, .. } if unchecked.is_some() != error.is_some() => {
            *unchecked = error.cloned();
            true
        }
        _ => false,
    });
}
