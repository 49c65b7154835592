//! Other programs under test, first of all the binary `pgnudge`: started, listened to, signalled.

mod binary;
mod memory;

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgnudge_testserver::Signal;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use binary::pgnudge_binary;
pub use memory::{Memory, open_files};

use crate::error::Error;

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// `None` once our end of its standard output is closed.
    lines: Option<Lines<BufReader<ChildStdout>>>,
    errors: Arc<Mutex<String>>,
    listener: JoinHandle<()>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// Its status.
    pub status: ExitStatus,
    /// The lines of its standard output that had not been read.
    pub stdout: Vec<String>,
    /// Its whole standard error.
    pub stderr: String,
}

impl Program {
    /// Starts `pgnudge` with these arguments.
    ///
    /// # Errors
    /// When it is not built: how to build it.
    pub fn pgnudge<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Self, Error> {
        Self::start(Command::new(pgnudge_binary()?).args(arguments))
    }

    /// Starts any program, with an empty standard input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, Error> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|error| Error::because(name.clone(), error))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Error::new(format!("{name} has no pipes")));
        };
        let errors = Arc::default();
        let listener = tokio::spawn(listen(stderr, Arc::clone(&errors)));
        Ok(Self { child, lines: Some(BufReader::new(stdout).lines()), errors, listener })
    }

    /// The process id.
    ///
    /// # Errors
    /// When it has ended and was waited for.
    pub fn pid(&self) -> Result<u32, Error> {
        self.child.id().ok_or_else(|| Error::new("the program has ended"))
    }

    /// Its next line on standard output. Cancel-safe.
    ///
    /// # Errors
    /// When there is none within the limit, or it closes its standard output: its standard error.
    pub async fn next_line(&mut self, limit: Duration) -> Result<String, Error> {
        let Some(lines) = &mut self.lines else {
            return Err(Error::new("its standard output was closed here"));
        };
        match timeout(limit, lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => {
                // Its last words may still be on the way, but not for ever: a child of its own
                // may hold its standard error open.
                let _ = timeout(Duration::from_secs(5), &mut self.listener).await;
                Err(Error::new(format!("no further line; standard error: {:?}", self.stderr())))
            }
            Ok(Err(error)) => Err(Error::because("the program's standard output", error)),
            Err(_) => {
                Err(Error::new(format!("no line within {limit:?}; standard error: {:?}", self.stderr())))
            }
        }
    }

    /// Closes our end of its standard output, as a reader does that has seen enough.
    pub fn close_stdout(&mut self) {
        self.lines = None;
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a signal to it.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        Ok(signal.send(self.pid()?)?)
    }

    /// Waits for its end and returns what it had to say. Past the limit it is killed.
    ///
    /// # Errors
    /// When it does not end within the limit.
    pub async fn wait(mut self, limit: Duration) -> Result<Finished, Error> {
        let end = async {
            let mut stdout = Vec::new();
            if let Some(lines) = &mut self.lines {
                while let Some(line) = lines.next_line().await? {
                    stdout.push(line);
                }
            }
            Ok::<_, std::io::Error>((self.child.wait().await?, stdout))
        };
        match timeout(limit, end).await {
            Ok(Ok((status, stdout))) => {
                let _ = timeout(Duration::from_secs(5), &mut self.listener).await;
                Ok(Finished { status, stdout, stderr: self.stderr() })
            }
            Ok(Err(error)) => Err(Error::because("the program cannot be waited for", error)),
            Err(_) => Err(Error::new(format!("the program has not ended within {limit:?}"))),
        }
    }
}

/// Reads standard error all along, so that a talkative program never waits for us.
async fn listen(stderr: ChildStderr, errors: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    // What came before a failure is still worth telling.
    while let Ok(Some(line)) = lines.next_line().await {
        let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.push_str(&line);
        errors.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Program {
        Program::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[tokio::test]
    async fn lines_come_as_they_are_written_and_the_rest_with_the_end() {
        let mut program = shell("echo one; echo two; echo three; echo oh >&2; exit 3");
        assert_eq!(program.next_line(LIMIT).await.unwrap(), "one");
        let finished = program.wait(LIMIT).await.unwrap();
        assert_eq!(finished.stdout, ["two", "three"]);
        assert_eq!((finished.status.code(), &*finished.stderr), (Some(3), "oh\n"));
    }

    #[tokio::test]
    async fn a_program_without_a_further_line_is_reported_with_its_last_words() {
        let error = shell("echo error: nothing works >&2").next_line(LIMIT).await.unwrap_err();
        assert_eq!(error.to_string(), "no further line; standard error: \"error: nothing works\\n\"");
    }

    #[tokio::test]
    async fn signals_reach_it() {
        let mut program = shell("trap 'echo caught; exit' TERM; echo ready; while :; do :; done");
        assert_eq!(program.next_line(LIMIT).await.unwrap(), "ready");
        program.signal(Signal::Term).unwrap();
        assert_eq!(program.wait(LIMIT).await.unwrap().stdout, ["caught"]);
    }

    #[tokio::test]
    async fn a_closed_standard_output_is_noticed_by_the_program() {
        let mut program = shell("echo first; while echo more; do :; done 2>/dev/null; exit 3");
        assert_eq!(program.next_line(LIMIT).await.unwrap(), "first");
        program.close_stdout();
        assert!(program.next_line(LIMIT).await.is_err());
        let finished = program.wait(LIMIT).await.unwrap();
        assert!(!finished.status.success() && finished.stdout.is_empty(), "{finished:?}");
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_an_error() {
        let error = shell("exec cat /dev/zero").wait(Duration::ZERO).await.unwrap_err();
        assert_eq!(error.to_string(), "the program has not ended within 0ns");
    }
}
