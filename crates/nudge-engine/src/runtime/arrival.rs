//! From a target to a server that will do.

use std::ffi::CString;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nudge_decode::TableFilter;
use nudge_proto::{DataRow, Printable};
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::session::{self, Prepared, ServerFacts};
use crate::policy::{Progress, Round, Try, question};
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::runtime::{Dial, Route};
use crate::{Error, ErrorKind, Knobs, LOG, SessionAttributes};

/// How servers are reached and chosen.
pub(crate) struct Arrival {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) login: Arc<Login>,
    pub(crate) attributes: SessionAttributes,
    /// For each route: TCP, TLS and authentication.
    pub(crate) connect_timeout: Duration,
}

impl Arrival {
    /// Logs in to the servers in turn, and returns what `go_on` makes of a session of the first one that will
    /// do. A server with which it fails will not.
    pub(crate) async fn first_fit<T, F: Future<Output = Result<T, Error>>>(
        &self,
        purpose: Purpose,
        go_on: impl Fn(Conversation, Arc<dyn Route>) -> F,
    ) -> Result<T, Error> {
        let routes = self.dial.routes(self.connect_timeout).await?;
        match self.round(&routes, self.attributes, purpose, &go_on).await {
            Err(error) if self.attributes == SessionAttributes::PreferStandby && !error.is_permanent() => {
                self.round(&routes, SessionAttributes::Any, purpose, &go_on).await
            }
            outcome => outcome,
        }
    }

    /// The routes in turn, each to its end.
    async fn round<T, F: Future<Output = Result<T, Error>>>(
        &self,
        routes: &[Arc<dyn Route>],
        wanted: SessionAttributes,
        purpose: Purpose,
        go_on: &impl Fn(Conversation, Arc<dyn Route>) -> F,
    ) -> Result<T, Error> {
        let mut round = Round::default();
        for route in routes {
            if route.is_alternative() && round.was_let_in() {
                continue;
            }
            tracing::debug!(target: LOG, route = route.name(), "connecting");
            let session = self.log_in(&**route, wanted, purpose).await;
            let outcome = match session {
                Ok(session) => {
                    go_on(session, Arc::clone(route)).await.map_err(|error| (Progress::LetIn, error))
                }
                Err(failure) => Err(failure),
            };
            let (progress, error) = match outcome {
                Ok(found) => return Ok(found),
                Err((progress, error)) => (progress, route.platform().tune(error)),
            };
            tracing::debug!(target: LOG, route = route.name(), %error, "this route leads to no server that will do");
            let failed = Try { host: route.host(), route: route.name(), progress, error };
            round.failed(failed, route.is_alternative());
        }
        Err(round.error())
    }

    /// Logs in by one route, to a server of the kind that is wanted. It has told its kind with its parameters.
    async fn log_in(
        &self,
        route: &dyn Route,
        wanted: SessionAttributes,
        purpose: Purpose,
    ) -> Result<Conversation, (Progress, Error)> {
        let conversation = self.login.perform(route, purpose, self.connect_timeout).await;
        let conversation = conversation.map_err(|error| (Progress::at_login(&error), error))?;
        let suits = session::check_attributes(conversation.session.parameters(), wanted);
        suits.map(|()| conversation).map_err(|error| (Progress::Unsuited, error))
    }

    /// Settings for this session alone, and what the server tells about itself. They are sent with
    /// SET: poolers refuse what they do not know in a startup message.
    pub(crate) async fn prepare(
        &self,
        conversation: Conversation,
        knobs: &Knobs,
    ) -> Result<(Conversation, ServerFacts), Error> {
        let preparation = session::preparation(knobs.slot_timeout, knobs.status_interval, &knobs.view());
        let sql = format!("{preparation}; {}", question::rights(knobs.partition_root));
        let sql = CString::new(sql).map_err(|error| Error::config(error.to_string(), ""))?;
        let stage = Stage::Session;
        let late = |_| Err(diagnosis::timeout(stage, "connect_timeout"));
        let (mut prepared, mut understood) = (Prepared::default(), true);
        let each = |row: DataRow<'_>| {
            let columns: Vec<_> = row.columns().map(lossy).collect();
            understood &= prepared.read(&columns).is_some();
        };
        let asked = timeout(self.connect_timeout, conversation.query_rows(&sql, stage, each)).await;
        let (conversation, outcome) = asked.unwrap_or_else(late)?;
        outcome.map_err(|response| diagnosis::server(stage, &response))?;
        let facts = prepared.finish(knobs.status_interval).filter(|_| understood).ok_or_else(unreadable)?;
        Ok((conversation, facts))
    }
}

fn unreadable() -> Error {
    Error::permanent(ErrorKind::Protocol, "the server's answer about its state cannot be read")
        .with_hint("check that this is a PostgreSQL server, and not something in between")
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
            tracing::warn!(target: LOG, pattern = %Printable(pattern), "no table matches this pattern yet: check schema, name and case");
        }
    };
    let late = |_| Err(diagnosis::timeout(Stage::Session, "connect_timeout"));
    let asked = timeout(limit, conversation.query_rows(&sql, Stage::Session, warn)).await;
    let (conversation, outcome) = asked.unwrap_or_else(late)?;
    outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
    Ok(conversation)
}
