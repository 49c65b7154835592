//! The second session: it asks the server what the stream does not say.
//!
//! It is opened as the stream begins, and kept. It never stops the feed: without an answer items wait for a
//! bounded time and then go out. A session at rest may be dead without a sign, since routers forget
//! connections that are idle: so the server probes it (`tcp_keepalives_idle`), and when an answer is late a new
//! session is opened beside the old one.

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, Either, select};
use nudge_proto::DataRow;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::question::{self, Question};
use crate::policy::server_view::ServerView;
use crate::policy::{session, visibility};
use crate::runtime::Route;
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::{Error, ErrorKind};

/// A way to ask one server.
pub(crate) struct SideSession {
    door: Door,
    /// `None` until the first question, and after a failure.
    live: Option<Live>,
    /// A login that takes longer than an item waits: the next question goes on with it.
    opening: Option<BoxFuture<'static, Result<Live, Error>>>,
}

/// How sessions are opened.
#[derive(Clone)]
struct Door {
    login: Arc<Login>,
    route: Arc<dyn Route>,
    /// What is asked about the server itself, in SQL.
    view: Arc<str>,
    connect_timeout: Duration,
}

/// A session that is logged in.
struct Live {
    conversation: Conversation,
    /// A pooler is in between and may give each transaction another server process: nothing may be left there,
    /// and nothing is found again.
    shared: bool,
    view: Arc<str>,
}

impl SideSession {
    /// Opens it in a task of its own, ahead of the first question. A failure shows with that.
    pub(crate) fn open(
        login: Arc<Login>,
        route: Arc<dyn Route>,
        view: Arc<str>,
        connect_timeout: Duration,
    ) -> Self {
        let door = Door { login, route, view, connect_timeout };
        let mut task = AbortOnDrop(tokio::spawn(door.clone().open()));
        let opening = Box::pin(async move { (&mut task.0).await.unwrap_or_else(|_| Err(unreadable())) });
        Self { door, live: None, opening: Some(opening) }
    }

    /// Asks. Gives itself back, for the next question.
    pub(crate) async fn ask(mut self, question: Arc<Question>) -> (Self, Result<ServerView, Error>) {
        let late = |_| Err(diagnosis::timeout(Stage::Session, "the wait of a second for the second session"));
        let answer = timeout(visibility::BLIND, self.converse(&question)).await.unwrap_or_else(late);
        (self, answer)
    }

    /// A session at rest may be dead: then a new one is asked.
    async fn converse(&mut self, question: &Question) -> Result<ServerView, Error> {
        let rested = match (self.live.take(), self.opening.is_some()) {
            (Some(live), _) => live,
            (None, true) => match self.log_in().await {
                Ok(live) => live,
                Err(_) => return self.ask_another(question).await,
            },
            (None, false) => return self.ask_another(question).await,
        };
        let mut asked = Box::pin(rested.ask(question));
        match timeout(PATIENCE, &mut asked).await {
            Ok(Ok((live, view))) => {
                self.live = Some(live);
                return Ok(view);
            }
            // It was ended meanwhile, by the server or by something in between.
            Ok(Err(_)) => return self.ask_another(question).await,
            Err(_) => {}
        }
        let (live, view) = match select(asked, Box::pin(self.ask_another(question))).await {
            Either::Left((Ok(answer), _)) => answer,
            Either::Left((Err(_), another)) => return another.await,
            Either::Right((answer, _)) => return answer,
        };
        (self.live, self.opening) = (Some(live), None);
        Ok(view)
    }

    /// Over a new session.
    async fn ask_another(&mut self, question: &Question) -> Result<ServerView, Error> {
        let (live, view) = self.log_in().await?.ask(question).await?;
        self.live = Some(live);
        Ok(view)
    }

    /// Goes on with the login that is under way, or begins one.
    async fn log_in(&mut self) -> Result<Live, Error> {
        let door = &self.door;
        let outcome = self.opening.get_or_insert_with(|| Box::pin(door.clone().open())).await;
        self.opening = None;
        outcome
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    async fn open(self) -> Result<Live, Error> {
        let Self { login, route, view, connect_timeout } = self;
        let conversation = login.perform(&*route, Purpose::Question, connect_timeout).await?;
        let late = |_| Err(diagnosis::timeout(Stage::Session, "connect_timeout"));
        timeout(connect_timeout, Live::prepare(conversation, view)).await.unwrap_or_else(late)
    }
}

impl Live {
    /// Finds out whether the session is ours alone, and if so settles in.
    async fn prepare(conversation: Conversation, view: Arc<str>) -> Result<Self, Error> {
        let told = conversation.session.backend_key().pid();
        let (conversation, outcome) = conversation.query(WHICH_PROCESS, Stage::Session).await?;
        let row = outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
        let pid =
            row.and_then(|row| row.into_iter().next().flatten()).and_then(|pid| pid.parse::<i32>().ok());
        let shared = pid != Some(told);
        if shared {
            return Ok(Self { conversation, shared, view });
        }
        let sql = session::side_preparation() + &question::prepare(&view);
        let sql = CString::new(sql).map_err(|_| unreadable())?;
        let (conversation, outcome) = conversation.query(&sql, Stage::Session).await?;
        outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
        Ok(Self { conversation, shared, view })
    }

    /// A session that fails half way is not used again.
    async fn ask(self, question: &Question) -> Result<(Self, ServerView), Error> {
        let Self { conversation, shared, view: state } = self;
        let sql = if shared { question.whole(&state) } else { question.prepared() };
        // Names in a catalog have no zero byte.
        let sql = CString::new(sql).map_err(|_| unreadable())?;
        let (mut view, mut understood) = (ServerView::default(), true);
        let mut room = LONGEST_ANSWER + question.tables.len() * ROOM_PER_TABLE;
        let each = |row: DataRow<'_>| {
            room = room.saturating_sub(row.columns().flatten().map(<[u8]>::len).sum());
            let columns: Vec<_> = row.columns().map(lossy).collect();
            understood &= room > 0 && view.read(&columns).is_some();
        };
        let (conversation, outcome) = conversation.query_rows(&sql, Stage::Session, each).await?;
        outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
        if !understood || !view.is_complete() {
            return Err(unreadable());
        }
        Ok((Self { conversation, shared, view: state }, view))
    }
}

/// In its own transaction, and with nothing set beyond it.
const WHICH_PROCESS: &CStr =
    c"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.pg_backend_pid()";

/// How long an answer takes before a new session is opened beside the old one. A question takes a fraction of a
/// millisecond; a login with TLS a few, on a server that is not far.
const PATIENCE: Duration = Duration::from_millis(250);

/// Bytes of an answer beyond which it is not believed, so that nothing fills our memory with it: twice
/// what a server with as many processes as PostgreSQL can have (2¹⁸) has to say.
const LONGEST_ANSWER: usize = 16 << 20;

/// And so many for the names of what lies above each table.
const ROOM_PER_TABLE: usize = 4096;

fn unreadable() -> Error {
    Error::transient(ErrorKind::Protocol, "the server's answer about its state cannot be read")
}
