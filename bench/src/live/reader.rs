//! Who reads the stream in a process of its own, and what that process and its walsender have used.

use std::process::Stdio;
use std::time::{Duration, Instant};

use pgnudge::Plugin;
use pgnudge_testkit::{Memory, Sender, Signal};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::ground::{Ground, PATIENCE};
use super::usage::Usage;
use super::{recvlogical, socket};
use crate::failure::Failure;
use crate::product_options::options_of;

/// A program that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads as soon as there is something, and throws it away.
    Eager,
    /// The same, with 10 ms of sleep after each read.
    Napping,
    /// A feed with that debounce, in milliseconds.
    Feed {
        debounce: u32,
    },
    /// A feed whose items nobody takes.
    Stalled,
    PgRecvlogical,
}

/// One that runs, and sees everything from now on.
pub(crate) struct Reader {
    kind: Kind,
    process: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    pid: u32,
    walsender: Sender,
    port: u16,
}

/// What both sides have used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) client: Usage,
    pub(crate) walsender: Usage,
    /// Seconds of CPU of the server's processes for the client's other sessions: a feed asks there what can be
    /// seen.
    pub(crate) others: f64,
}

impl Kind {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Eager => "recv and discard".to_owned(),
            Self::Napping => "recv and discard, 10 ms naps".to_owned(),
            Self::Feed { debounce } => format!("pgnudge {debounce} ms"),
            Self::Stalled => "pgnudge, items not taken".to_owned(),
            Self::PgRecvlogical => "pg_recvlogical".to_owned(),
        }
    }

    /// Starts it, and waits until it reads. `changes`: how many a feed announces to have counted.
    pub(crate) async fn start(
        self,
        ground: &Ground,
        plugin: Plugin,
        changes: usize,
    ) -> Result<Reader, Failure> {
        ground.alone().await?;
        let (process, lines) = match self {
            Self::PgRecvlogical => {
                recvlogical::create_slot(ground, plugin).await?;
                let options = options_of(plugin);
                (recvlogical::start(ground, &options, "/dev/null", Stdio::null())?, None)
            }
            Self::Eager => follow(ground, plugin, "eager", 0, changes).await?,
            Self::Napping => follow(ground, plugin, "napping", 0, changes).await?,
            Self::Feed { debounce } => follow(ground, plugin, "feed", debounce, changes).await?,
            Self::Stalled => follow(ground, plugin, "stalled", 50, changes).await?,
        };
        let walsender = ground.walsender().await?;
        let port = format!("SELECT client_port FROM pg_stat_activity WHERE pid = {}", walsender.pid);
        let port = ground.query(&port).await?.parse()?;
        let pid = process.id().ok_or_else(|| Failure::new("a reader has ended"))?;
        Ok(Reader { kind: self, process, lines, pid, walsender, port })
    }
}

async fn follow(
    ground: &Ground,
    plugin: Plugin,
    kind: &str,
    debounce: u32,
    changes: usize,
) -> Result<(Child, Option<Lines<BufReader<ChildStdout>>>), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["follow", kind, "--plugin", plugin.name(), "--database", ground.database()]);
    command.args(["--port", &ground.port()?.to_string(), "--debounce", &debounce.to_string()]);
    command.args(["--changes", &changes.to_string()]);
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = process.stdout.take().ok_or_else(|| Failure::new("no pipe"))?;
    let mut lines = BufReader::new(stdout).lines();
    line(&mut lines).await?;
    Ok((process, Some(lines)))
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String, Failure> {
    let line =
        timeout(PATIENCE, lines.next_line()).await.map_err(|_| Failure::new("a reader says nothing"))?;
    line?.ok_or_else(|| Failure::new("a reader has ended"))
}

impl Reader {
    /// What has been used since it started.
    pub(crate) async fn used(&self, ground: &Ground) -> Result<Used, Failure> {
        let mut others = 0.0;
        for pid in ground.sessions_beside(self.walsender.pid).await? {
            others += Usage::of(pid)?.cpu;
        }
        let walsender = Usage::of(self.walsender.pid.unsigned_abs())?;
        Ok(Used { client: Usage::of(self.pid)?, walsender, others })
    }

    /// Waits until everything that was committed so far is read: the walsender has sent it, and nothing of it
    /// lies in the connection. A feed must have counted exactly what was announced. Returns when it was read.
    pub(crate) async fn has_read(&mut self, ground: &Ground, changes: usize) -> Result<Instant, Failure> {
        let end = ground.mark().await?;
        while !ground.has_sent(&self.walsender, end).await? || socket::unread(self.port)? > 0 {
            self.must_run()?;
            sleep(PAUSE).await;
        }
        let read = Instant::now();
        if let (Kind::Feed { .. }, Some(lines)) = (self.kind, &mut self.lines) {
            let counted = line(lines).await?;
            if counted != changes.to_string() {
                return Err(Failure::new(format!("{counted} changes of {changes}")));
            }
        }
        Ok(read)
    }

    /// One that counts too much ends by itself.
    fn must_run(&mut self) -> Result<(), Failure> {
        let ended = self.process.try_wait()?;
        ended.map_or(Ok(()), |status| Err(Failure::new(format!("{}: {status}", self.kind.name()))))
    }

    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        Ok(Memory::of(self.pid)?)
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        Ok(signal.send(self.pid)?)
    }

    pub(crate) fn walsender(&self) -> &Sender {
        &self.walsender
    }

    /// Ends it, and waits until nothing of it is left on the server.
    pub(crate) async fn stop(mut self, ground: &Ground) -> Result<(), Failure> {
        self.must_run()?;
        if self.kind == Kind::PgRecvlogical {
            return recvlogical::stop(ground, self.process).await;
        }
        self.process.kill().await?;
        ground.alone().await
    }
}

impl std::ops::Sub for Used {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            client: self.client - earlier.client,
            walsender: self.walsender - earlier.walsender,
            others: self.others - earlier.others,
        }
    }
}

/// Between two looks: what a backlog takes is told to so much.
const PAUSE: Duration = Duration::from_millis(5);
