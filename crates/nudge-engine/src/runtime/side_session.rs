//! The second session: it asks the server what the stream does not say.
//!
//! It is opened as the stream begins, and kept. It never stops the feed: without an answer items wait for a
//! bounded time and then go out. A session at rest may be dead without a sign, since routers forget
//! connections that are idle: so the server probes it (`tcp_keepalives_idle`), and when an answer is late a new
//! session is opened beside the old one.

use std::ffi::{CStr, CString};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use nudge_proto::{DataRow, Printable};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tracing::Instrument;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::question::{self, Question};
use crate::policy::server_view::ServerView;
use crate::policy::{session, synchronous, visibility};
use crate::runtime::Route;
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::{Error, ErrorKind, LOG};

/// A way to ask one server. The session is a task's, which ends with the last way to it: it goes on while the consumer
/// does something else.
#[derive(Clone)]
pub(crate) struct SideSession {
    questions: UnboundedSender<Asked>,
}

/// A question, and where its answer goes.
struct Asked {
    question: Arc<Question>,
    answer: oneshot::Sender<Result<ServerView, Error>>,
}

/// On its way to the one who asked.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<ServerView, Error>> + Send + Sync>>;

impl SideSession {
    /// `ahead`: it is opened before the first question.
    pub(crate) fn start(door: Door, lookout: Lookout, ahead: bool) -> Self {
        let (questions, asked) = unbounded_channel();
        let opening = ahead.then(|| door.clone().open_later());
        tokio::spawn(Desk { door, lookout, live: None, opening }.serve(asked).in_current_span());
        Self { questions }
    }

    /// Asks. There is an answer within a second.
    pub(crate) fn ask(&self, question: Arc<Question>) -> Answer {
        let (sender, answer) = oneshot::channel();
        let _ = self.questions.send(Asked { question, answer: sender });
        Box::pin(async {
            let late = |_| {
                Ok(Err(diagnosis::timeout(Stage::Session, "the wait of a second for the second session")))
            };
            timeout(visibility::BLIND, answer)
                .await
                .unwrap_or_else(late)
                .unwrap_or_else(|_| Err(unreadable()))
        })
    }
}

/// What is looked for in every answer: whether the server takes the feed for a synchronous standby.
pub(crate) struct Lookout {
    /// What the server calls the feed; `None`: it may count.
    pub(crate) uncounted: Option<String>,
    /// Notified when it does.
    pub(crate) counted: Arc<Notify>,
}

impl Lookout {
    /// Once is enough: the stream ends, and items that still wait go on asking.
    fn inspect(&mut self, view: &ServerView) {
        if self.uncounted.take_if(|name| synchronous::counts(view, name)).is_some() {
            tracing::error!(target: LOG,
                synchronous_standby_names = %Printable(&view.synchronous_standby_names),
                "the server takes this feed for a synchronous standby: it withdraws until it does not"
            );
            self.counted.notify_one();
        }
    }
}

/// Where the questions are answered, one after the other.
struct Desk {
    door: Door,
    lookout: Lookout,
    /// `None` until the first question, and after a failure.
    live: Option<Live>,
    /// A login ahead of the first question, or one that takes longer than an item waits: the next question goes on
    /// with it.
    opening: Option<BoxFuture<'static, Result<Live, Error>>>,
}

/// How sessions are opened.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) login: Arc<Login>,
    pub(crate) route: Arc<dyn Route>,
    /// What is asked about the server itself, in SQL.
    pub(crate) view: Arc<str>,
    pub(crate) connect_timeout: Duration,
}

/// A session that is logged in.
struct Live {
    conversation: Conversation,
    /// A pooler is in between and may give each transaction another server process: nothing may be left there,
    /// and nothing is found again.
    shared: bool,
    view: Arc<str>,
}

impl Desk {
    async fn serve(mut self, mut asked: UnboundedReceiver<Asked>) {
        loop {
            let next = tokio::select! {
                biased;
                next = asked.recv() => next,
                () = self.arrive(), if self.opening.is_some() => continue,
            };
            let Some(Asked { question, mut answer }) = next else { return };
            let heard = tokio::select! {
                biased;
                // The caller has given up.
                () = answer.closed() => continue,
                heard = Box::pin(self.converse(&question)) => heard,
            };
            if let Ok(view) = &heard {
                self.lookout.inspect(view);
            }
            let _ = answer.send(heard);
        }
    }

    /// A failure shows with the next question.
    async fn arrive(&mut self) {
        self.live = self.log_in().await.ok();
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
        let outcome = self.opening.get_or_insert_with(|| door.clone().open_later()).await;
        self.opening = None;
        outcome
    }
}

impl Door {
    fn open_later(self) -> BoxFuture<'static, Result<Live, Error>> {
        Box::pin(self.open())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    /// Items that wait go on asking the server that has come to count the feed, many times a second.
    #[test]
    fn what_counts_is_told_once_in_a_stream() {
        let counted = Arc::new(Notify::new());
        let mut lookout = Lookout { uncounted: Some("pgnudge".into()), counted: Arc::clone(&counted) };
        let told = |lookout: &mut Lookout, standbys: &str| {
            let view = ServerView { synchronous_standby_names: standbys.into(), ..ServerView::default() };
            lookout.inspect(&view);
            counted.notified().now_or_never().is_some()
        };
        assert!(!told(&mut lookout, "s1"));
        assert!(told(&mut lookout, "*"));
        assert!(!told(&mut lookout, "*"));
    }
}
