//! The guardian: a small shell that owns everything a cluster puts on the machine.
//!
//! It makes the directory, runs every step that leaves something behind (initdb, start, stop),
//! one after another, and reads the next step from a pipe that only we can write to. When the
//! pipe closes, because the cluster is dropped or because our process died by whatever signal,
//! it finishes the step at hand, stops the server and removes the directory. As steps and the
//! end come through the same pipe, there is no moment in which a server escapes it.
//!
//! Its standard error is ours: whoever reads ours to its end waits for the guardian too.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::account::Account;
use crate::error::Error;

/// The guardian of one directory and of the server in its `data`.
#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
    steps: Option<ChildStdin>,
    results: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Guardian {
    /// Starts a guardian with a fresh directory below `parent`.
    ///
    /// # Errors
    /// When the shell cannot be started or the directory cannot be made.
    pub(crate) fn start(account: &Account, parent: &Path, pg_ctl: &Path) -> Result<Self, Error> {
        let mut command = account.command("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg("pgnudge-guardian").arg(parent).arg(pg_ctl);
        // A group of its own: what ends our whole group (Ctrl-C, a CI runner) must spare it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().map_err(|error| not_started(parent, &error.to_string()))?;
        let (Some(steps), Some(results)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(not_started(parent, "its pipes are missing"));
        };
        let mut guardian =
            Self { shell, steps: Some(steps), results: BufReader::new(results), directory: PathBuf::new() };
        guardian.directory = guardian
            .answer()
            .map(PathBuf::from)
            .ok_or_else(|| not_started(parent, "it could not make a directory there"))?;
        Ok(guardian)
    }

    /// The directory that it will remove.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a program to its end, under the account of the server.
    ///
    /// # Errors
    /// When it fails: what it printed. When the guardian is gone: that.
    pub(crate) fn run<S: AsRef<OsStr>>(&mut self, step: &[S]) -> Result<(), Error> {
        let line: Vec<String> = step.iter().map(|word| quoted(word.as_ref())).collect();
        let sent = self.steps.as_mut().map(|steps| writeln!(steps, "{}", line.join(" ")));
        match (sent, self.answer().as_deref()) {
            (Some(Ok(())), Some("0")) => Ok(()),
            (Some(Ok(())), Some(status)) => Err(self.step_failed(&line, status)),
            _ => Err(Error::new("the guardian shell of the cluster is gone; something killed it")),
        }
    }

    /// One line of the guardian's, or nothing when it has ended.
    fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.results.read_line(&mut line).ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    }

    fn step_failed(&self, line: &[String], status: &str) -> Error {
        let words = std::fs::read_to_string(self.directory.join("step.log")).unwrap_or_default();
        let step = line.first().map_or("", String::as_str);
        Error::new(format!("{step} failed with status {status}: {}", words.trim()))
    }
}

impl Drop for Guardian {
    /// Closes the pipe and waits until the guardian has cleaned up.
    fn drop(&mut self) {
        self.steps = None;
        // It cannot be helped here if the guardian was killed; it has no child of ours to reap.
        let _ = self.shell.wait();
    }
}

/// `$1` is the parent of the directory, `$2` the path of `pg_ctl`. The signals are ignored so
/// that only the end of the pipe ends it. The umask is for the key of the certificate, which
/// PostgreSQL refuses when others may read it. CONT lets a paused server hear that it shall end.
const SCRIPT: &str = r#"
trap '' HUP INT TERM PIPE
umask 077
directory=$(mktemp -d "$1/pgnudge.XXXXXX") || exit 1
echo "$directory"
while IFS= read -r step; do
    eval "$step" >"$directory/step.log" 2>&1 </dev/null
    echo $? 2>/dev/null
done
if [ -f "$directory/data/postmaster.pid" ]; then
    kill -s CONT "$(head -n 1 "$directory/data/postmaster.pid")" 2>/dev/null
    "$2" -D "$directory/data" -m immediate -w stop >/dev/null 2>&1
fi
rm -rf "$directory"
"#;

/// A word as the shell reads it back. Newlines would end the step; no step has one.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''").replace('\n', " "))
}

fn not_started(parent: &Path, why: &str) -> Error {
    Error::new(format!("no guardian shell for a cluster below {}: {why}", parent.display()))
        .with_remedy("set TMPDIR to a directory that the user who runs the server may write to")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guardian() -> Guardian {
        let account = Account::for_servers().expect("an account");
        Guardian::start(&account, Path::new("/tmp"), Path::new("false")).expect("a guardian")
    }

    #[test]
    fn a_failing_step_is_reported_with_its_words() {
        let step = ["sh", "-c", "echo it\\'s \"$1\"; exit 3", "sh", "a 'quoted' $word"];
        let error = guardian().run(&step).expect_err("a failing step");
        assert_eq!(error.cause(), "'sh' failed with status 3: it's a 'quoted' $word");
    }

    #[test]
    fn the_directory_goes_with_the_guardian() {
        let mut guardian = guardian();
        let directory = guardian.directory().to_path_buf();
        guardian.run(&[OsStr::new("touch"), directory.join("data").as_os_str()]).expect("a step");
        assert!(directory.join("data").exists());
        drop(guardian);
        assert!(!directory.exists());
    }
}
