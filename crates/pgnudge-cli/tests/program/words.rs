//! What a server says, through each outlet that needs no feed: errors, logs, the service manager, HTTP, the doctor.

use crate::hostile_server::{IN_JSON, SHOWN, refusing_with, steers};
use crate::http::get;
use crate::running::{Running, finished, pgnudge};

/// A syntax error is permanent, and an unknown code brings the server's own hint along.
#[test]
fn an_error_and_its_hint_are_two_lines() {
    let (status, stdout, words) = finished(pgnudge().args(["watch", &refusing_with("42P17")]));
    assert_eq!((status, &*stdout), (1, ""), "{words}");
    let lines: Vec<_> = words.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[0].contains(SHOWN), "{words:?}");
    assert!(lines[1] == format!("hint: {SHOWN}") && !steers(&words), "{words:?}");
}

#[test]
fn the_log_has_a_line_per_event() {
    let server = refusing_with("57P03");
    for (format, shown) in [("text", SHOWN), ("json", IN_JSON)] {
        let flags = ["-vvv", "--log-format", format, "watch", "--backoff=10ms..10ms", &server];
        let running = Running::start(pgnudge().args(flags));
        let log = running.until(|log| log.matches(shown).count() > 3);
        assert!(!steers(&log), "{log:?}");
        assert!(!log.lines().any(|line| line.starts_with("MAINPID")), "{log}");
    }
}

/// Names are told, for a value may be a password; an empty variable says nothing.
#[test]
fn variables_that_are_no_options_are_warned_about() {
    let mut program = pgnudge();
    program.env("PGNUDGE_DEBOUNSE", "hunter2").env("PGNUDGE_DEBOUNCE", "").env("PGNUDGE_NOTHING", "hunter2");
    let running = Running::start(program.args(["watch", &refusing_with("57P03")]));
    let log = running.until(|log| log.contains("trying again"));
    assert!(log.contains("did you mean PGNUDGE_DEBOUNCE?"), "{log}");
    assert!(log.contains("PGNUDGE_NOTHING") && !log.contains("hunter2"), "{log}");
}

#[cfg(unix)]
#[test]
fn the_service_manager_is_told_one_line() {
    let directory = std::env::temp_dir().join(format!("pgnudge-notify-{}", std::process::id()));
    let socket = std::os::unix::net::UnixDatagram::bind(&directory).unwrap();
    socket.set_read_timeout(Some(crate::running::LIMIT)).unwrap();
    let server = refusing_with("57P03");
    let running = Running::start(pgnudge().args(["watch", &server]).env("NOTIFY_SOCKET", &directory));
    let mut datagram = [0; 4096];
    let told = loop {
        let length = socket.recv(&mut datagram).unwrap();
        let text = String::from_utf8(datagram[..length].to_vec()).unwrap();
        if text.contains("failed") {
            break text;
        }
    };
    std::fs::remove_file(directory).unwrap();
    assert_eq!(told.trim_end().lines().count(), 1, "{told:?}");
    assert!(told.starts_with("STATUS=") && told.contains(SHOWN) && !steers(&told), "{told:?}");
    drop(running);
}

#[test]
fn the_status_over_http_is_json_without_anything_unseen() {
    let server = refusing_with("57P03");
    let flags = ["-v", "bridge", "--http=0", "--backoff=10s..10s", &server];
    let running = Running::start(pgnudge().args(flags));
    let serving = "serving HTTP address=";
    let log = running.until(|log| log.contains(serving) && log.contains("trying again"));
    let address = log.split(serving).nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let mut status = get(address, "/status", "localhost");
    let report =
        std::iter::repeat_with(|| status.event()).find(|report| report.contains("backing_off")).unwrap();
    assert!(report.contains(IN_JSON) && !steers(&report), "{report:?}");
    let metrics = get(address, "/metrics", "localhost").body();
    assert!(metrics.contains("pgnudge_state") && !metrics.contains("MAINPID"), "no label is from outside");
}

#[test]
fn the_doctor_shows_one_line_per_finding() {
    let server = refusing_with("42P17");
    let (_, text, _) = finished(pgnudge().args(["doctor", &server]));
    let fixes: Vec<_> = text.lines().filter(|line| line.contains("fix:")).collect();
    assert!(fixes.len() == 1 && fixes[0].ends_with(SHOWN) && !steers(&text), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("MAINPID")), "{text}");
    let (_, json, _) = finished(pgnudge().args(["doctor", "--output=json", &server]));
    assert!(json.contains(IN_JSON) && !steers(&json), "{json:?}");
}

/// Whatever was typed wrong is told before anything is done, with the status that no service manager restarts at.
#[test]
fn what_was_typed_wrong_ends_with_status_2() {
    for arguments in [
        &["watch", "pot=1"][..],
        &["watch", "host=127.0.0.1 sslmode=maybe"],
        &["watch", "postgres://u:p@ss/word@h/d"],
        &["watch", "-t", "orders", "host=127.0.0.1"],
        &["watch", "--debounce=1s", "--max-batch-wait=1ms", "host=127.0.0.1"],
        &["watch", "--name=", "host=127.0.0.1"],
        &["watch", "--payload=pk", "--plugin=test_decoding", "host=127.0.0.1"],
        &["watch", "--edge=sideways"],
        &["watch", "--config=/nowhere/pgnudge.toml"],
        &["bridge", "host=127.0.0.1"],
        &["bridge", "--http=0", "-t", "orders", "host=127.0.0.1"],
        &["bridge", "--http=0.0.0.0:0", "host=127.0.0.1"],
        &["nonsense"],
        &[],
    ] {
        let (status, _, log) = finished(pgnudge().args(arguments));
        assert_eq!(status, 2, "{arguments:?}: {log}");
        assert!(log.starts_with("error: ") && log.contains("hint: ") && !log.contains("word@"), "{log}");
    }
}
