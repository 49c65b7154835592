//! A log that nobody reads, or that cannot be written: the feed goes on.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::running::{LIMIT, pgnudge};

/// Killed at the end.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Attempts at a server that hangs up at once, of which each is logged. More of them than any pipe has room for.
fn goes_on(stderr: Stdio) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!(
        "host=127.0.0.1 port={} user=u dbname=d sslmode=disable",
        server.local_addr().unwrap().port()
    );
    let mut program = pgnudge();
    program.args(["-v", "watch", "--backoff=1ms..1ms", &dsn]);
    let mut program = Killed(program.stdout(Stdio::null()).stderr(stderr).spawn().unwrap());
    let attempts = thread::spawn(move || (0..1_000).all(|_| server.accept().is_ok()));
    let end = Instant::now() + LIMIT;
    while !attempts.is_finished() {
        assert!(Instant::now() < end, "it is held up");
        assert!(program.0.try_wait().unwrap().is_none(), "it has ended");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    goes_on(OpenOptions::new().write(true).open("/dev/full").unwrap().into());
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    goes_on(Stdio::piped());
}

/// sd-daemon(3): the journal takes the number in front of a line for its priority.
#[cfg(target_os = "linux")]
#[test]
fn the_journal_is_told_priorities() {
    use std::os::linux::fs::MetadataExt;

    let path = std::env::temp_dir().join(format!("pgnudge-journal-{}", std::process::id()));
    for (format, named, expected) in
        [("text", true, "<4>20"), ("json", true, "<4>{"), ("text", false, "20"), ("json", false, "{")]
    {
        let file = std::fs::File::create(&path).unwrap();
        let about = file.metadata().unwrap();
        let stream = format!("{}:{}", about.st_dev(), about.st_ino() + u64::from(!named));
        let mut program = pgnudge();
        program.args(["--log-format", format, "watch", "--timeout=300ms", "host=127.0.0.1 port=1 user=u"]);
        program.env("JOURNAL_STREAM", stream).stdout(Stdio::null()).stderr(file);
        assert_eq!(program.status().unwrap().code(), Some(4));
        let log = std::fs::read_to_string(&path).unwrap();
        let events: Vec<_> = log.lines().filter(|line| line.contains("trying again")).collect();
        assert!(!events.is_empty() && events.iter().all(|line| line.starts_with(expected)), "{log}");
    }
    std::fs::remove_file(path).unwrap();
}
