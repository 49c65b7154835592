//! The command of `--exec`: one run per item, with the item as JSON on its standard input.
//!
//! While it runs nobody asks the feed, so what arrives meanwhile is merged there (rule R5). The command
//! leads a group of processes, so that whatever it has started ends with it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use pgnudge::FeedItem;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::variables::{self, Variables};
use crate::failure::Failure;
use crate::json;

/// A shell command, and its run if there is one.
pub(super) struct Exec {
    command: String,
    limit: Option<Duration>,
    /// Whether an item is kept until a run with it succeeds.
    retries: bool,
    running: Option<Group>,
    /// How the last run failed, if it did.
    failed: Option<String>,
}

impl Exec {
    /// As the options say.
    pub(super) fn new(command: &str, limit: Option<Duration>, retries: bool) -> Self {
        Self { command: command.to_owned(), limit, retries, running: None, failed: None }
    }

    /// Runs the command to its end, or to the end of its time, and where it retries, until it succeeds. How it
    /// ended goes to the log; only a command that cannot be started at all is an error.
    pub(super) async fn run(&mut self, item: &FeedItem) -> Result<(), Failure> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            self.run_once(item).await?;
            if self.failed.is_none() || !self.retries {
                return Ok(());
            }
            tracing::warn!(command = self.command, again_in = ?pause, "the item is kept for the next run");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn run_once(&mut self, item: &FeedItem) -> Result<(), Failure> {
        let json = json::line(item).map_err(std::io::Error::from)? + "\n";
        let group = self.running.insert(Group::start(&self.command, variables::of(item))?);
        let limit = self.limit.unwrap_or(Duration::MAX);
        self.failed = match timeout(limit, group.finish(json)).await {
            Ok(status) => {
                let status = status?;
                (!status.success()).then(|| format!("the command ended with {status}"))
            }
            Err(_) => {
                group.stop().await;
                Some(format!("the command ran longer than {limit:?}, and was ended"))
            }
        };
        self.running = None;
        match &self.failed {
            Some(failure) => tracing::warn!(command = self.command, "{failure}"),
            None => tracing::info!(command = self.command, "the command succeeded"),
        }
        Ok(())
    }

    /// How the last run ended.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        self.failed.as_ref().map_or(Ok(()), |failure| Err(Failure::command(failure)))
    }

    /// Ends the run that there is.
    pub(super) async fn stop(&mut self) {
        if let Some(mut group) = self.running.take() {
            group.stop().await;
        }
    }
}

/// A shell and all that it has started.
struct Group {
    shell: Child,
    /// Its process id, and the group's: known also when the shell has ended, and others have not.
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    fn start(command: &str, variables: Variables) -> Result<Self, Failure> {
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut shell = Command::new(shell);
        shell.arg(flag).arg(command).stdin(Stdio::piped()).kill_on_drop(true);
        for (name, value) in variables {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        #[cfg(unix)]
        shell.process_group(0);
        let shell = shell.spawn()?;
        Ok(Self {
            #[cfg(unix)]
            leader: shell.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?)),
            shell,
        })
    }

    /// Hands the item over and waits for the end. A command that does not read is as good as any.
    async fn finish(&mut self, json: String) -> std::io::Result<ExitStatus> {
        let mut stdin = self.shell.stdin.take();
        let hand_over = async {
            if let Some(stdin) = &mut stdin {
                let _ = stdin.write_all(json.as_bytes()).await;
            }
            drop(stdin.take());
            std::future::pending().await
        };
        tokio::select! {
            status = self.shell.wait() => status,
            never = hand_over => never,
        }
    }

    /// Asks the group to end, and soon makes it.
    async fn stop(&mut self) {
        self.signal(Kind::Ask);
        let _ = timeout(PATIENCE, self.shell.wait()).await;
        self.signal(Kind::Make);
        let _ = self.shell.wait().await;
    }

    /// A group that is gone already has nobody to tell.
    #[cfg(unix)]
    fn signal(&self, kind: Kind) {
        use rustix::process::{Signal, kill_process_group};
        let signal = match kind {
            Kind::Ask => Signal::TERM,
            Kind::Make => Signal::KILL,
        };
        if let Some(leader) = self.leader {
            let _ = kill_process_group(leader, signal);
        }
    }

    #[cfg(not(unix))]
    fn signal(&mut self, kind: Kind) {
        if kind == Kind::Make {
            let _ = self.shell.start_kill();
        }
    }
}

/// SIGTERM or SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ask,
    Make,
}

/// Less than what is left after a signal to ourselves.
const PATIENCE: Duration = Duration::from_millis(300);

/// Between two runs with the same item.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
