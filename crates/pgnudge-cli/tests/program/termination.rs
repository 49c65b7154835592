//! SIGTERM and SIGINT end the program, whatever its threads wait for: name servers and file systems may hang.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::running::{LIMIT, pgnudge};

#[test]
fn nothing_that_hangs_holds_up_the_end() {
    let scratch = Scratch::new();
    let library = scratch.resolver_that_hangs();
    let fifo = scratch.fifo();
    // It accepts connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let here = format!("host=127.0.0.1 port={port} user=u dbname=d");
    let fifo = fifo.display();
    let hanging: [(&str, String); 4] = [
        ("the resolver", "host=db.example user=u dbname=d".into()),
        ("the server", here.clone()),
        ("the root certificate", format!("{here} sslmode=verify-ca sslrootcert={fifo}")),
        ("the password file", format!("{here} passfile={fifo}")),
    ];
    std::thread::scope(|scope| {
        for (what, dsn) in &hanging {
            let library = &library;
            scope.spawn(move || {
                for arguments in [&["watch"][..], &["bridge", "--http=127.0.0.1:0"], &["doctor"]] {
                    for signal in ["TERM", "INT"] {
                        let mut command = pgnudge();
                        command.args(arguments).arg(dsn).env("LD_PRELOAD", library);
                        let status = told_to_end(&mut command, signal);
                        let ended = status.code() == Some(0) || status.signal().is_some();
                        assert!(ended, "{arguments:?} with {what} hanging, after SIG{signal}: {status}");
                    }
                }
            });
        }
    });
}

/// Starts it, gives it time to hang, and tells it to end.
fn told_to_end(command: &mut Command, signal: &str) -> ExitStatus {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    wait(&mut child).unwrap_or_else(|| {
        let _ = child.kill();
        panic!("{command:?} goes on after SIG{signal}");
    })
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let told = Instant::now();
    while told.elapsed() < LIMIT / 6 {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("pgnudge-termination-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Whoever opens it waits for a writer that never comes.
    fn fifo(&self) -> PathBuf {
        let path = self.0.join("fifo");
        run(Command::new("mkfifo").args(["-m", "600"]).arg(&path));
        path
    }

    /// A library in whose `getaddrinfo` a name server takes ten minutes.
    fn resolver_that_hangs(&self) -> PathBuf {
        let (source, library) = (self.0.join("resolver.c"), self.0.join("resolver.so"));
        std::fs::write(&source, RESOLVER).unwrap();
        run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]));
        library
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

const RESOLVER: &str = "#include <unistd.h>
int getaddrinfo(const char *node, const char *service, const void *hints, void **result) {
    sleep(600);
    return -2;
}
";
