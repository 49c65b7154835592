//! A running `pgnudge`, and what it says.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Nothing here takes a tenth of it, and nothing depends on it but the end of a test that fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    stderr: Arc<(Mutex<String>, Condvar)>,
}

/// `pgnudge`, in an environment in which no setting of the caller's reaches it.
pub(crate) fn pgnudge() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_pgnudge")))
}

/// Any program in such an environment.
pub(crate) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").env_remove("NOTIFY_SOCKET");
    command
}

/// Runs it to its end: its status, standard output and standard error. One that goes on is killed.
pub(crate) fn finished(command: &mut Command) -> (i32, String, String) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipes = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        pipes.0.read_to_string(&mut stdout).unwrap();
        pipes.1.read_to_string(&mut stderr).unwrap();
        let _ = tell.send((stdout, stderr));
    });
    let Ok((stdout, stderr)) = told.recv_timeout(LIMIT) else {
        child.kill().unwrap();
        panic!("{command:?} goes on");
    };
    (child.wait().unwrap().code().unwrap(), stdout, stderr)
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Arc::<(Mutex<String>, Condvar)>::default();
        let (pipe, said) = (child.stderr.take().unwrap(), Arc::clone(&stderr));
        std::thread::spawn(move || listen(pipe, &said));
        Self { child, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.0.lock().unwrap().clone()
    }

    /// Waits until its standard error is as it should be.
    pub(crate) fn until(&self, is_as_it_should_be: impl Fn(&str) -> bool) -> String {
        let (text, changed) = &*self.stderr;
        let text = text.lock().unwrap();
        let waited = changed.wait_timeout_while(text, LIMIT, |text| !is_as_it_should_be(text)).unwrap();
        assert!(!waited.1.timed_out(), "it says {:?}", *waited.0);
        waited.0.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(pipe: impl Read, said: &(Mutex<String>, Condvar)) {
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let mut text = said.0.lock().unwrap();
        text.push_str(&String::from_utf8_lossy(&line));
        text.push('\n');
        said.1.notify_all();
    }
}
