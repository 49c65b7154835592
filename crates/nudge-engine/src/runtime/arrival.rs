//! From a target to a session that is ready for its slot.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use nudge_decode::TableFilter;
use nudge_proto::{DataRow, Printable};
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::question;
use crate::policy::session::{self, ServerFacts};
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::runtime::{Dial, Route};
use crate::{Error, ErrorKind, Knobs, SessionAttributes};

/// How servers are reached and chosen.
pub(crate) struct Arrival {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) login: Arc<Login>,
    pub(crate) attributes: SessionAttributes,
    /// For each route: TCP, TLS and authentication.
    pub(crate) connect_timeout: Duration,
}

impl Arrival {
    /// Logs in to the first server that will do.
    pub(crate) async fn log_in(&self, purpose: Purpose) -> Result<(Conversation, Arc<dyn Route>), Error> {
        let late = |_| Err(diagnosis::timeout(Stage::Connect, "connect_timeout"));
        let routes = timeout(self.connect_timeout, self.dial.routes()).await.unwrap_or_else(late)?;
        match self.first_of(&routes, self.attributes, purpose).await {
            Err(error) if self.attributes == SessionAttributes::PreferStandby && !error.is_permanent() => {
                self.first_of(&routes, SessionAttributes::Any, purpose).await
            }
            outcome => outcome,
        }
    }

    /// The routes in turn. What trying again does not cure ends the round, unless the same address can
    /// be reached in another manner.
    async fn first_of(
        &self,
        routes: &[Arc<dyn Route>],
        wanted: SessionAttributes,
        purpose: Purpose,
    ) -> Result<(Conversation, Arc<dyn Route>), Error> {
        let mut failure: Option<Error> = None;
        for route in routes {
            match failure {
                Some(error) if error.is_permanent() && !route.is_alternative() => return Err(error),
                _ => tracing::debug!(route = route.name(), "connecting"),
            }
            let attempt = self.login.perform(&**route, purpose, self.connect_timeout).await;
            match attempt.and_then(|conversation| suits(conversation, wanted)) {
                Ok(conversation) => return Ok((conversation, Arc::clone(route))),
                Err(error) => {
                    let error = route.platform().tune(error);
                    tracing::debug!(route = route.name(), %error, "no connection by this route");
                    // Of several manners the preferred one's failure says most.
                    failure = failure.filter(|_| route.is_alternative()).or(Some(error));
                }
            }
        }
        Err(failure
            .unwrap_or_else(|| Error::transient(ErrorKind::Network, "there is no route to the server")))
    }

    /// Settings for this session alone, and what the server tells about itself. They are sent with
    /// SET: poolers refuse what they do not know in a startup message.
    pub(crate) async fn prepare(
        &self,
        conversation: Conversation,
        knobs: &Knobs,
    ) -> Result<(Conversation, ServerFacts), Error> {
        let sql = session::preparation(knobs.slot_timeout, knobs.status_interval);
        let sql = CString::new(sql).map_err(|error| Error::config(error.to_string(), ""))?;
        let stage = Stage::Session;
        let late = |_| Err(diagnosis::timeout(stage, "connect_timeout"));
        let asked = timeout(self.connect_timeout, conversation.query(&sql, stage)).await;
        let (conversation, outcome) = asked.unwrap_or_else(late)?;
        let row = outcome.map_err(|response| diagnosis::server(stage, &response))?;
        let facts = ServerFacts::new(row, conversation.session.parameters(), knobs.status_interval);
        Ok((conversation, facts))
    }
}

/// Warns of patterns that name no table: a slip of the pen would otherwise look like a quiet database.
pub(crate) async fn warn_of_empty_patterns(
    conversation: Conversation,
    filter: &TableFilter,
    limit: Duration,
) -> Result<Conversation, Error> {
    let sql = question::empty_patterns(filter).and_then(|sql| CString::new(sql).ok());
    let Some(sql) = sql else { return Ok(conversation) };
    let warn = |row: DataRow<'_>| {
        let index = row.columns().next().map(lossy).and_then(|index| index);
        if let Some(pattern) = index.and_then(|index| question::pattern_of(filter, &index)) {
            tracing::warn!(pattern = %Printable(pattern), "no table matches this pattern yet: check schema, name and case");
        }
    };
    let late = |_| Err(diagnosis::timeout(Stage::Session, "connect_timeout"));
    let asked = timeout(limit, conversation.query_rows(&sql, Stage::Session, warn)).await;
    let (conversation, outcome) = asked.unwrap_or_else(late)?;
    outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
    Ok(conversation)
}

/// Whether the server is of the kind that is wanted. It has told so with its parameters.
fn suits(conversation: Conversation, wanted: SessionAttributes) -> Result<Conversation, Error> {
    session::check_attributes(conversation.session.parameters(), wanted).map(|()| conversation)
}
