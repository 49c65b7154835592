//! The HTTP side of a bridge whose server refuses every connection: so it tries again, and serves what it can.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::http::{get, send};
use crate::running::{Running, clean, finished, pgnudge};

/// Started through a shell, which may set limits before.
fn bridge(before: &str, flags: &[&str]) -> (Running, SocketAddr) {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut shell = clean(Command::new("sh"));
    shell.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]);
    shell.args([env!("CARGO_BIN_EXE_pgnudge"), "-v", "bridge", "--http=0", "--backoff=50ms..50ms"]);
    let running =
        Running::start(shell.args(flags).arg(format!("host=127.0.0.1 port={nobody} user=u dbname=d")));
    let serving = "serving HTTP address=";
    let log = running.until(|log| log.contains(serving) || log.contains("error: "));
    let address = log.split(serving).nth(1).unwrap_or_else(|| panic!("{log}"));
    (running, address.split_whitespace().next().unwrap().parse().unwrap())
}

#[test]
fn silent_connections_stop_neither_the_others_nor_the_feed() {
    let (running, address) = bridge("ulimit -n 96;", &[]);
    let silent: Vec<_> = (0..120).map(|_| TcpStream::connect(address).unwrap()).collect();
    let attempts = |log: &str| log.matches("Connection refused").count();
    let before = attempts(&running.stderr());
    assert_eq!(get(address, "/healthz", "localhost").status, 200);
    let log = running.until(|log| attempts(log) > before + 3);
    assert!(!log.contains("Too many open files"), "{log}");
    drop(silent);
}

#[test]
fn every_event_stream_takes_a_seat() {
    let (_running, address) = bridge("", &["--http-max-subscribers=2"]);
    let mut streams: Vec<_> = (0..2).map(|_| get(address, "/status", "localhost")).collect();
    for stream in &mut streams {
        assert_eq!(stream.status, 200, "{:?}", stream.headers);
        assert!(stream.headers.iter().any(|line| line == "x-accel-buffering: no"), "{:?}", stream.headers);
        stream.event();
    }
    let refused = get(address, "/status", "localhost");
    assert_eq!((refused.status, refused.body()), (503, "every seat is taken\n".into()));
    assert_eq!(get(address, "/healthz", "localhost").status, 200, "others have connections left");
    drop(streams);
    while get(address, "/status", "localhost").status == 503 {}
}

#[test]
fn without_a_token_only_names_of_this_host_are_served() {
    let (_running, address) = bridge("", &["--http-host=app.example"]);
    let port = address.port();
    for host in ["localhost", "127.0.0.1", "[::1]", "app.example", "LOCALHOST"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            assert_eq!(get(address, "/metrics", &host).status, 200, "{host}");
        }
    }
    for path in ["/", "/events", "/status", "/metrics", "/healthz", "/readyz", "/none"] {
        let answer = get(address, path, "evil.example");
        assert_eq!(answer.status, 421, "{path}");
        let body = answer.body();
        assert!(body.contains("\"evil.example\"") && body.contains("--http-host"), "{body}");
    }
    let target = "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(send(address, target).status, 421);
    let twice = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n";
    assert!([400, 421].contains(&send(address, twice).status));
    assert_eq!(send(address, "GET /metrics HTTP/1.0\r\n\r\n").status, 421);
}

#[test]
fn with_a_token_every_name_is_served() {
    let (_running, address) = bridge("", &["--http-token=secret"]);
    assert_eq!(get(address, "/metrics?access_token=secret", "app.example").status, 200);
    assert_eq!(get(address, "/metrics", "app.example").status, 401);
}

#[cfg(target_os = "linux")]
#[test]
fn running_out_of_files_is_logged_with_the_remedy_and_survived() {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let (running, address) = bridge("", &[]);
    let pid = Pid::from_raw(running.pid().try_into().unwrap());
    running.until(|log| log.contains("trying again"));
    let own = getrlimit(Resource::Nofile);
    let limit = |current| prlimit(pid, Resource::Nofile, Rlimit { current, ..own }).unwrap();
    limit(Some(3));
    let waiting = TcpStream::connect(address).unwrap();
    let refused = "no connection can be accepted";
    let lost = "the connection failed while connecting: Too many open files";
    let log = running.until(|log| log.contains(refused) && log.contains(lost));
    for line in log.lines().filter(|line| line.contains(refused) || line.contains(lost)) {
        assert!(line.contains("Too many open files") && line.contains("ulimit -n"), "{line}");
    }
    drop(waiting);
    limit(own.current);
    assert_eq!(get(address, "/healthz", "localhost").status, 200);
    assert_eq!(running.stderr().matches(refused).count(), 1, "once per row: {}", running.stderr());
}

#[test]
fn too_few_files_for_a_bridge_are_an_error_with_the_remedy() {
    let mut shell = clean(Command::new("sh"));
    shell.args([
        "-c",
        "ulimit -n 40; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_pgnudge"),
        "bridge",
        "--http=0",
    ]);
    let (status, _, words) = finished(&mut shell);
    assert!(status == 1 && words.contains("40 open files") && words.contains("ulimit -n"), "{words}");
}

/// Neither waits for a lock on a server that is not there: what is wrong is said before.
#[test]
fn absurd_pauses_are_refused_before_they_are_used() {
    for wrong in [
        &["--ha", "--backoff=0..0"][..],
        &["--ha", "--backoff=1s..500000years"],
        &["--ha", "--backoff=2s..1s"],
        &["--ha", "--http-heartbeat=0"],
        &["--ha", "--http-heartbeat=500000years"],
        &["--backoff=0..0"],
        &["--http-heartbeat=1ms"],
    ] {
        let given = ["bridge", "--http=0", "host=127.0.0.1 port=1"];
        let (status, _, words) = finished(pgnudge().args(given).args(wrong));
        assert!([1, 2].contains(&status) && words.starts_with("error: "), "{wrong:?}: {words}");
        assert_eq!(words.matches("hint: ").count(), 1, "{wrong:?}: {words}");
    }
}

#[test]
fn who_does_not_reach_the_lock_is_no_standby() {
    let (running, address) = bridge("", &["--ha"]);
    running.until(|log| log.contains("fails again and again"));
    assert!(running.stderr().contains(" ERROR "), "{}", running.stderr());
    let word = get(address, "/readyz", "localhost").body();
    assert!(["backing_off\n", "connecting\n"].contains(&word.as_str()), "{word}");
}

/// The unit's own command line, with the smallest file.
#[test]
fn the_shipped_unit_starts() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/pgnudge.service");
    let Ok(unit) = std::fs::read_to_string(unit) else { return }; // A package has no unit.
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/pgnudge ")).unwrap();
    let directory = std::env::temp_dir().join(format!("pgnudge-unit-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(
        directory.join("pgnudge.toml"),
        "dsn = 'host=127.0.0.1 port=1 user=u'\nhttp = '127.0.0.1:0'\n",
    )
    .unwrap();
    let line = line.replace("%d", directory.to_str().unwrap());
    let mut program = pgnudge();
    let running = Running::start(program.arg("-v").args(line.split_whitespace()));
    let log = running.until(|log| log.contains("serving HTTP") || log.contains("error: "));
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(log.contains("serving HTTP"), "{log}");
}

/// By systemd itself, where it is.
#[test]
fn the_shipped_unit_is_valid() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/pgnudge.service");
    let Ok(unit) = std::fs::read_to_string(unit) else { return }; // A package has no unit.
    let path = std::env::temp_dir().join(format!("pgnudge-verified-{}.service", std::process::id()));
    std::fs::write(&path, unit.replace("/usr/bin/pgnudge", env!("CARGO_BIN_EXE_pgnudge"))).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output();
    std::fs::remove_file(&path).unwrap();
    match verified {
        Ok(verified) => {
            let words = String::from_utf8_lossy(&verified.stderr);
            assert!(verified.status.success() && words.is_empty(), "{words}");
        }
        Err(error) => eprintln!("SKIPPED: there is no systemd-analyze here ({error})"),
    }
}

#[test]
fn whoever_comes_during_an_outage_keeps_the_seat() {
    let (_running, address) = bridge("", &[]);
    let mut stream = get(address, "/events", "localhost");
    assert_eq!(stream.status, 200, "{:?}", stream.headers);
    let greeting = stream.block();
    assert!(
        greeting.contains("retry: ") && greeting.contains(": the feed is not connected yet"),
        "{greeting}"
    );
    assert!(!greeting.contains("data:"), "nothing is told before there is a feed: {greeting}");
}

#[test]
fn what_nobody_knows_is_no_request_for_everything() {
    let (_running, address) = bridge("", &[]);
    for (query, why) in [
        ("tables=public.a", "\"tables\""),
        ("table=a", "the schema is missing"),
        ("table=a%1b[31m.b", r"\u{1b}"),
        ("table=a.%00", "U+0000"),
        ("x", "\"x\""),
    ] {
        let refused = get(address, &format!("/events?{query}"), "localhost");
        assert_eq!(refused.status, 400, "{query}");
        let body = refused.body();
        assert!(body.contains(why) && !body.contains(['\u{1b}', '\0']), "{body:?}");
    }
}

#[test]
fn a_container_asks_how_its_bridge_is() {
    let (_running, address) = bridge("", &[]);
    let ask =
        |flags: &[&str]| finished(pgnudge().args(["healthcheck", &format!("--http={address}")]).args(flags));
    assert_eq!(ask(&[]), (0, "alive\n".to_owned(), String::new()));
    let (status, told, words) = ask(&["--ready"]);
    assert!(status == 1 && told.is_empty() && words.contains("/readyz: 503"), "{words}");
    let (status, _, words) = finished(pgnudge().args(["healthcheck", "--http=127.0.0.1:1"]));
    assert!(status == 1 && words.contains("refused") && words.contains("hint: "), "{words}");
}

/// Accepts, and says nothing.
#[test]
fn a_bridge_that_does_not_answer_is_not_well() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = format!("--http={}", silent.local_addr().unwrap());
    let (status, _, words) = finished(pgnudge().args(["healthcheck", &http, "--answer-timeout=100ms"]));
    assert!(status == 1 && words.contains("no answer within 100ms"), "{words}");
}
