//! Confirms what has arrived, once the server has been asked whether anything waits for it.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use nudge_proto::Lsn;

use crate::policy::confirmation::Confirmation;
use crate::policy::question::Question;
use crate::runtime::side_session::{Answer, SideSession};
use crate::{Error, ErrorKind, LOG};

/// One stream's.
pub(crate) struct Confirmer {
    confirmation: Confirmation,
    side: SideSession,
    asking: Option<Answer>,
}

impl Confirmer {
    pub(crate) fn new(confirmation: Confirmation, side: SideSession) -> Self {
        Self { confirmation, side, asking: None }
    }

    /// Everything before the position has arrived: asks about it when that is due.
    pub(crate) fn arrived(&mut self, position: Lsn, now: Instant) {
        let is_due = self.asking.is_none() && self.confirmation.is_due(position, now);
        if is_due && self.confirmation.consider(position, now) {
            self.asking = Some(self.side.ask(Arc::new(Question::default())));
        }
    }

    /// When to look again if nothing arrives.
    pub(crate) fn due(&self, position: Lsn) -> Option<Instant> {
        if self.asking.is_some() { None } else { self.confirmation.due(position) }
    }

    /// Takes in the answer when it comes. Never resolves while no question is under way. Cancel-safe.
    pub(crate) async fn answered(&mut self) {
        let Some(asking) = &mut self.asking else { return pending().await };
        let answer = asking.await;
        self.asking = None;
        if let Err(error) = &answer {
            tracing::debug!(target: LOG, %error, "the second session does not answer: what has arrived may not be confirmed");
        }
        self.confirmation.answered(answer.ok().as_ref());
    }

    /// What is to be confirmed now. Calling it counts as saying it.
    pub(crate) fn take(&mut self) -> Option<Lsn> {
        self.confirmation.take()
    }

    /// The flushed position of a status that is not one of a confirmation. Calling it counts as saying it.
    pub(crate) fn standing(&mut self, position: Lsn) -> Lsn {
        self.confirmation.standing(position)
    }

    /// An error when the server keeps too much log for the want of answers.
    pub(crate) fn check(&self, position: Lsn) -> Result<(), Error> {
        if !self.confirmation.is_stuck(position) {
            return Ok(());
        }
        let error = "the server keeps its log for this feed: it waits for synchronous standbys, and the second \
                     session does not answer whether any commit still does";
        Err(Error::transient(ErrorKind::Unavailable, error)
            .with_hint("see that the role can open another session"))
    }
}
