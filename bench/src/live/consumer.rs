//! Who is told of commits, in this process: the time of arrival and that of the commit are then of one clock.

use std::future::poll_fn;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use pgnudge::{Edge, Feed, FeedItem, Plugin, PluginChoice, Reason, Visibility};
use pgnudge_testkit::tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket, connect, tls};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::ground::Ground;
use super::recvlogical;
use crate::failure::Failure;
use crate::product_options::options_of;

/// A way to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A session that LISTENs, and a trigger that notifies.
    Listen,
    /// Lines of pg_recvlogical on a pipe.
    PgRecvlogical,
    /// A feed.
    Pgnudge { debounce: Duration, edge: Edge, visibility: Visibility },
}

/// One who is connected, and told of every commit from now on.
pub(crate) enum Consumer {
    Listen { _client: Client, connection: Connection<Socket, tls::NoTlsStream> },
    PgRecvlogical { program: Child, lines: Lines<BufReader<ChildStdout>>, commit: &'static str },
    Pgnudge(Box<Feed>),
}

impl Kind {
    pub(crate) fn name(self) -> String {
        let Self::Pgnudge { debounce, edge, visibility } = self else {
            return if let Self::Listen = self { "LISTEN" } else { "pg_recvlogical" }.to_owned();
        };
        let edge = if edge == Edge::Leading { ", leading edge" } else { "" };
        let unchecked = if visibility == Visibility::Off { ", visibility off" } else { "" };
        format!("pgnudge {} ms{edge}{unchecked}", debounce.as_millis())
    }

    pub(crate) async fn connect(self, ground: &Ground, plugin: Plugin) -> Result<Consumer, Failure> {
        match self {
            Self::Listen => listen(ground).await,
            Self::PgRecvlogical => receive(ground, plugin).await,
            Self::Pgnudge { debounce, edge, visibility } => {
                let builder = Feed::builder(ground.dsn()).plugin(PluginChoice::Only(plugin));
                let builder = builder.debounce(debounce).edge(edge).visibility(visibility);
                let mut feed = builder.connect().await?;
                match feed.next().await {
                    FeedItem::Resync { reason: Reason::Connected, .. } => Ok(Consumer::Pgnudge(feed.into())),
                    other => Err(Failure::new(format!("the first item was {other:?}"))),
                }
            }
        }
    }
}

impl Consumer {
    /// Waits until it is told, and says of how many commits.
    pub(crate) async fn next(&mut self) -> Result<usize, Failure> {
        match self {
            Self::Listen { connection, .. } => loop {
                if let AsyncMessage::Notification(_) = message(connection).await? {
                    return Ok(1);
                }
            },
            Self::PgRecvlogical { lines, commit, .. } => loop {
                let line = lines.next_line().await?.ok_or_else(|| Failure::new("pg_recvlogical ended"))?;
                if line.starts_with(*commit) {
                    return Ok(1);
                }
            },
            Self::Pgnudge(feed) => match feed.next().await {
                FeedItem::Batch { events, .. } => {
                    Ok(usize::try_from(events.iter().map(|event| event.count).sum::<u64>())?)
                }
                FeedItem::Resync { reason, .. } => Err(Failure::new(format!("a resync: {reason}"))),
            },
        }
    }

    /// Leaves, and nothing of it on the server.
    pub(crate) async fn leave(self, ground: &Ground) -> Result<(), Failure> {
        match self {
            Self::PgRecvlogical { program, .. } => recvlogical::stop(ground, program).await,
            Self::Listen { .. } => Ok(()),
            Self::Pgnudge(feed) => {
                drop(feed);
                ground.alone().await
            }
        }
    }
}

async fn listen(ground: &Ground) -> Result<Consumer, Failure> {
    let (client, mut connection) = connect(&ground.superuser_dsn(), NoTls).await?;
    {
        let mut asked = pin!(client.batch_execute("LISTEN bench"));
        loop {
            tokio::select! {
                listening = &mut asked => break listening?,
                message = message(&mut connection) => drop(message?),
            }
        }
    }
    Ok(Consumer::Listen { _client: client, connection })
}

async fn message(connection: &mut Connection<Socket, tls::NoTlsStream>) -> Result<AsyncMessage, Failure> {
    let message = poll_fn(|cx| connection.poll_message(cx)).await;
    Ok(message.ok_or_else(|| Failure::new("the listener is gone"))??)
}

async fn receive(ground: &Ground, plugin: Plugin) -> Result<Consumer, Failure> {
    recvlogical::create_slot(ground, plugin).await?;
    let mut program = recvlogical::start(ground, &options_of(plugin), "-", Stdio::piped())?;
    let stdout = program.stdout.take().ok_or_else(|| Failure::new("no pipe"))?;
    ground.walsender().await?;
    let commit = match plugin {
        Plugin::TestDecoding => "COMMIT",
        Plugin::Wal2Json => r#"{"action":"C""#,
    };
    Ok(Consumer::PgRecvlogical { program, lines: BufReader::new(stdout).lines(), commit })
}
