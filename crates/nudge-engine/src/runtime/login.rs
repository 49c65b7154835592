//! A connection from its first message to the commands it runs before it streams.

use std::ffi::{CStr, CString};
use std::time::Duration;

use nudge_proto::{
    AllowedMethods, ChannelBinding, Credentials, DataRow, ErrorResponse, Inbox, Limits, Printable,
    QueryEvent, Security, Session, StartReplication, Startup, Stream, StreamEvent,
};
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::runtime::link::Link;
use crate::runtime::{Connected, Route, random};
use crate::{Error, LOG, Target};

/// Who logs in, in the form in which the startup message wants it.
pub(crate) struct Login {
    user: CString,
    /// For an ordinary session; the first one turns it into a walsender's.
    parameters: Vec<(CString, CString)>,
    channel_binding: ChannelBinding,
    allowed: AllowedMethods,
    /// Of the stream.
    limits: Limits,
}

impl Login {
    /// As the target says.
    pub(crate) fn new(target: &Target, limits: Limits) -> Result<Self, Error> {
        // What is asked of the catalogs is asked in UTF-8, whatever the database's own encoding.
        let fixed = [
            ("replication", "database"),
            ("database", target.database.as_str()),
            ("client_encoding", "UTF8"),
        ];
        let more = target.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters = fixed.into_iter().chain(more).map(|(name, value)| Ok((text(name)?, text(value)?)));
        Ok(Self {
            user: text(&target.user)?,
            parameters: parameters.collect::<Result<_, Error>>()?,
            channel_binding: target.channel_binding,
            allowed: target.allowed,
            limits,
        })
    }

    /// Opens the route and logs in. All of it together may take `limit`.
    pub(crate) async fn perform(
        &self,
        route: &dyn Route,
        purpose: Purpose,
        limit: Duration,
    ) -> Result<Conversation, Error> {
        let attempt = async { self.start_up(route.open().await?, purpose).await };
        let late = |_| Err(diagnosis::timeout(Stage::Connect, "connect_timeout"));
        timeout(limit, attempt).await.unwrap_or_else(late)
    }

    async fn start_up(&self, connected: Connected, purpose: Purpose) -> Result<Conversation, Error> {
        let security = connected.security;
        let nonce = random::nonce().map_err(|error| diagnosis::network(Stage::Startup, error))?;
        let credentials = Credentials::new(connected.password, nonce)
            .security(security.clone())
            .channel_binding(self.channel_binding)
            .allowed(self.allowed);
        let parameters = self.parameters.iter().map(|(name, value)| (name.as_c_str(), value.as_c_str()));
        let parameters: Vec<_> = match purpose {
            Purpose::Replication => parameters.collect(),
            Purpose::PhysicalReplication => {
                std::iter::once((c"replication", c"true")).chain(parameters.skip(1)).collect()
            }
            Purpose::Question => parameters.skip(1).collect(),
        };
        let (capacity, limits) = match purpose {
            Purpose::Replication => (Inbox::DEFAULT_CAPACITY, self.limits),
            Purpose::PhysicalReplication | Purpose::Question => (0, Limits::default()),
        };
        let mut link = Link::new(connected.socket, Inbox::new(capacity, &limits));
        let mut startup = Startup::new(&self.user, &parameters, credentials, limits, &mut link.out);
        loop {
            let step = startup.advance(link.inbox.filled(), &mut link.out);
            let step = step.map_err(|error| diagnosis::protocol(Stage::Startup, error))?;
            link.inbox.consume(step.consumed);
            if let Some(session) = step.event {
                return Ok(Conversation { link, session, security });
            }
            link.exchange().await.map_err(|error| diagnosis::network(Stage::Startup, error))?;
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To become a stream: `replication=database`.
    Replication,
    /// The commands of physical replication: `replication=true`, which belongs to no database.
    PhysicalReplication,
    /// A question beside the stream. It needs no walsender of its own.
    Question,
}

fn text(value: &str) -> Result<CString, Error> {
    let refused = |_| {
        let value = Printable(value);
        Error::config(format!("the setting \"{value}\" contains a zero byte"), "remove the zero byte")
    };
    CString::new(value).map_err(refused)
}

/// A connection that is logged in and idle.
pub(crate) struct Conversation {
    link: Link,
    pub(crate) session: Session,
    pub(crate) security: Security,
}

/// The first row of an answer, as text.
pub(crate) type Row = Vec<Option<String>>;

/// What the server said to a command.
pub(crate) type Outcome<T> = Result<T, Box<ErrorResponse>>;

impl Conversation {
    /// Runs a command. Yields the first row of its answer, or the server's error.
    pub(crate) async fn query(
        self,
        sql: &CStr,
        stage: Stage<'_>,
    ) -> Result<(Self, Outcome<Option<Row>>), Error> {
        let mut first = None;
        let keep_first = |row: DataRow<'_>| {
            first.get_or_insert_with(|| row.columns().map(lossy).collect::<Row>());
        };
        let (conversation, outcome) = self.query_rows(sql, stage, keep_first).await?;
        Ok((conversation, outcome.map(|()| first)))
    }

    /// Runs a command and hands each row of its answer to `each`.
    pub(crate) async fn query_rows(
        self,
        sql: &CStr,
        stage: Stage<'_>,
        mut each: impl FnMut(DataRow<'_>),
    ) -> Result<(Self, Outcome<()>), Error> {
        let Self { mut link, session, security } = self;
        let mut query = session.query(sql, &mut link.out);
        loop {
            let step =
                query.advance(link.inbox.filled()).map_err(|error| diagnosis::protocol(stage, error))?;
            let consumed = step.consumed;
            let (mut more, mut done) = (false, None);
            match step.event {
                Some(QueryEvent::Row(row)) => each(row),
                Some(QueryEvent::Notice(notice)) => {
                    let text = String::from_utf8_lossy(notice.message());
                    tracing::debug!(target: LOG, notice = %Printable(text), "server notice");
                }
                Some(QueryEvent::Done { session, outcome }) => done = Some((session, outcome)),
                None => more = true,
            }
            link.inbox.consume(consumed);
            if let Some((session, outcome)) = done {
                return Ok((Self { link, session, security }, outcome));
            }
            if more {
                link.exchange().await.map_err(|error| diagnosis::network(stage, error))?;
            }
        }
    }

    /// Waits until the connection ends. What the server says meanwhile stays for the next command, as far
    /// as there is room; a server that says more than that to a session at rest is not listened to.
    pub(crate) async fn closed(&mut self) -> Error {
        loop {
            if let Err(error) = self.link.exchange().await {
                return diagnosis::network(Stage::Query, error);
            }
        }
    }

    /// Becomes a stream, once the server has agreed to it (rule R1). It may take `limit` to answer.
    pub(crate) async fn start_replication(
        self,
        command: &StartReplication,
        stage: Stage<'_>,
        limit: Duration,
    ) -> Result<(Link, Stream), Error> {
        let late = |_| Err(diagnosis::timeout(stage, "connect_timeout"));
        timeout(limit, self.into_stream(command, stage)).await.unwrap_or_else(late)
    }

    async fn into_stream(
        self,
        command: &StartReplication,
        stage: Stage<'_>,
    ) -> Result<(Link, Stream), Error> {
        let Self { mut link, session, .. } = self;
        let mut stream = session.start_replication(command, &mut link.out);
        loop {
            let step =
                stream.advance(link.inbox.filled()).map_err(|error| diagnosis::protocol(stage, error))?;
            let (consumed, started) = (step.consumed, step.event.map(|event| event == StreamEvent::Started));
            link.inbox.consume(consumed);
            match started {
                Some(true) => {
                    // A stream sends statuses: the room that questions needed is given back.
                    link.out.shrink_to(0);
                    return Ok((link, stream));
                }
                Some(false) => {} // A notice.
                None => {
                    link.exchange().await.map_err(|error| diagnosis::network(stage, error))?;
                }
            }
        }
    }
}

/// A value as text, whatever its bytes are.
pub(crate) fn lossy(column: Option<&[u8]>) -> Option<String> {
    column.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
