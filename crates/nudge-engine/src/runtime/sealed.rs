//! An item that is due and waits until it can be seen (rule R13).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::policy::visibility::{self, Snapshot, Unseen};
use crate::runtime::witness::Witness;
use crate::runtime::{Route, Status, clock};
use crate::{Error, FeedItem};

/// Out of the window and not delivered yet. New changes go into the next window.
pub(crate) struct Sealed {
    item: FeedItem,
    unseen: Unseen,
    /// The server that it came from.
    route: Arc<dyn Route>,
    step: Step,
    tries: u32,
    /// When it goes out although nobody answers.
    blind_at: Instant,
}

enum Step {
    Asking(BoxFuture<'static, (Witness, Result<Snapshot, Error>)>),
    /// Before the next question; the witness is at rest.
    Pausing(Pin<Box<Sleep>>, Option<Witness>),
}

impl Sealed {
    pub(crate) fn new(item: FeedItem, unseen: Unseen, route: Arc<dyn Route>, witness: Witness) -> Self {
        let blind_at = clock::now() + visibility::BLIND;
        Self { item, unseen, route, step: Step::Asking(Box::pin(witness.look())), tries: 0, blind_at }
    }

    /// Whether it came from the server at the end of this route.
    pub(crate) fn is_from(&self, route: &Arc<dyn Route>) -> bool {
        Arc::ptr_eq(&self.route, route)
    }

    /// The item, once it may go out.
    pub(crate) fn into_item(self) -> FeedItem {
        self.item
    }

    /// Resolves when the item may go out. Gives the witness back.
    pub(crate) fn poll_seen(
        &mut self,
        cx: &mut Context<'_>,
        status: &watch::Sender<Status>,
    ) -> Poll<Option<Witness>> {
        loop {
            match &mut self.step {
                Step::Asking(question) => {
                    let (witness, answer) = std::task::ready!(question.as_mut().poll(cx));
                    show(status, answer.as_ref().err());
                    let pause = answer.as_ref().map_or(visibility::RETRY, |_| visibility::pause(self.tries));
                    if self.is_settled(answer) {
                        return Poll::Ready(Some(witness));
                    }
                    self.tries = self.tries.saturating_add(1);
                    self.step =
                        Step::Pausing(Box::pin(clock::sleep_until(clock::now() + pause)), Some(witness));
                }
                Step::Pausing(pause, witness) => {
                    std::task::ready!(pause.as_mut().poll(cx));
                    let Some(witness) = witness.take() else { return Poll::Ready(None) };
                    self.step = Step::Asking(Box::pin(witness.look()));
                }
            }
        }
    }

    fn is_settled(&mut self, answer: Result<Snapshot, Error>) -> bool {
        match answer {
            Ok(snapshot) => {
                // Somebody answers: then there is no hurry.
                self.blind_at = clock::now() + visibility::BLIND;
                let seen = self.unseen.confirm(&snapshot);
                if seen && self.unseen.is_unfinished() {
                    self.item.raise_lsn(snapshot.lsn);
                }
                seen
            }
            Err(error) if clock::now() >= self.blind_at => {
                tracing::warn!(%error, "nobody tells whether an item is visible yet: it goes out");
                true
            }
            Err(_) => false,
        }
    }
}

/// An operator sees that items are not checked.
fn show(status: &watch::Sender<Status>, error: Option<&Error>) {
    status.send_if_modified(|status| match status {
        Status::Streaming { unchecked, .. } if unchecked.is_some() != error.is_some() => {
            *unchecked = error.cloned();
            true
        }
        _ => false,
    });
}
