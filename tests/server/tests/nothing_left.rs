//! A cluster leaves nothing behind, whether it is dropped or its owner is killed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgnudge_testserver::{Cluster, Installation, Signal, StopMode};

fn installation() -> Installation {
    Installation::find(&[]).unwrap_or_else(|error| panic!("this test needs a server: {error}"))
}

#[test]
fn a_cluster_has_what_the_suites_expect_and_goes_when_it_is_dropped() {
    let cluster = Cluster::builder().line("work_mem = '5MB'").start(&installation()).unwrap();
    let role = "SELECT rolcanlogin, rolreplication, rolsuper FROM pg_roles WHERE rolname = 'nudger'";
    assert_eq!(cluster.psql(role).unwrap(), "t|t|f");
    let told = |name: &str| cluster.psql(&format!("SHOW {name}")).unwrap();
    assert_eq!(told("wal_level"), "logical");
    assert_eq!(told("work_mem"), "5MB");
    assert_eq!(told("ssl") == "on", cluster.certificate().is_ok(), "{:?}", cluster.certificate());
    assert_eq!(told("server_version").split(' ').next(), Some(&*cluster.version().to_string()));
    if cluster.installation().has_wal2json() {
        let slot = "SELECT slot_name FROM pg_create_logical_replication_slot('s', 'wal2json', true)";
        assert_eq!(cluster.psql(slot).unwrap(), "s");
    }
    let error = cluster.psql("SELECT nothing").unwrap_err();
    assert!(error.cause().contains("column \"nothing\" does not exist"), "{error}");

    let (directory, pid) = (cluster.socket_dir().to_path_buf(), cluster.postmaster_pid().unwrap());
    drop(cluster);
    assert!(!directory.exists());
    wait_for_end(pid);
}

#[test]
fn a_stopped_server_starts_again_with_its_data_and_port() {
    let cluster = Cluster::builder().tls(false).wal_level("replica").start(&installation()).unwrap();
    assert_eq!(cluster.psql("SHOW ssl; SHOW wal_level").unwrap(), "off\nreplica");
    assert!(cluster.certificate().is_err());
    let (pid, port) = (cluster.postmaster_pid().unwrap(), cluster.port());
    for mode in [StopMode::Fast, StopMode::Immediate] {
        cluster.psql(&format!("CREATE TABLE t_{mode:?} ()")).unwrap();
        cluster.stop(mode).unwrap();
        assert!(cluster.postmaster_pid().is_err());
        assert!(cluster.stop(mode).is_err(), "it was stopped already");
        cluster.start().unwrap();
    }
    assert_ne!(cluster.postmaster_pid().unwrap(), pid);
    assert_eq!(cluster.port(), port);
    let tables = "SELECT relname FROM pg_class WHERE relname LIKE 't\\_%' ORDER BY 1";
    assert_eq!(cluster.psql(tables).unwrap(), "t_fast\nt_immediate");
}

#[test]
fn a_server_that_does_not_start_tells_why_and_leaves_nothing() {
    let error = Cluster::builder().line("wal_level = nonsense").start(&installation()).unwrap_err();
    assert!(error.cause().contains("invalid value for parameter \"wal_level\": \"nonsense\""), "{error}");
}

#[test]
fn a_killed_owner_leaves_neither_server_nor_files() {
    let mut owner = Owner::start("running");
    let mut line = String::new();
    BufReader::new(owner.process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let data = PathBuf::from(line.split_whitespace().nth(1).expect("a data directory"));
    let pid = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().parse().unwrap();
    assert!(runs(pid), "the server runs");

    owner.kill();
    owner.assert_nothing_left();
    wait_for_end(pid);
}

#[test]
fn an_owner_killed_while_it_makes_its_cluster_leaves_nothing_either() {
    let mut owner = Owner::start("starting");
    let limit = Instant::now() + Duration::from_secs(60);
    while !owner.directories().iter().any(|dir| dir.join("data/base").exists()) {
        assert!(Instant::now() < limit, "no cluster appears");
        std::thread::yield_now();
    }
    owner.kill();
    owner.assert_nothing_left();
}

/// A process that holds a cluster, in a temporary directory of its own.
struct Owner {
    process: Child,
    temporary: PathBuf,
}

impl Owner {
    fn start(name: &str) -> Self {
        let unique = format!("pgnudge-{name}-{}", std::process::id());
        let temporary = std::env::temp_dir().join(unique);
        std::fs::create_dir(&temporary).unwrap();
        // As root we are not the user who runs the server.
        std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o777)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgnudge-testserver"));
        command.env("TMPDIR", &temporary).stdin(Stdio::piped());
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { process, temporary }
    }

    fn directories(&self) -> Vec<PathBuf> {
        self.temporary.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Kills it and waits for the guardian, which has inherited its standard error.
    fn kill(&mut self) {
        Signal::Kill.send(self.process.id()).unwrap();
        assert!(!self.process.wait().unwrap().success(), "it ended before it was killed");
        let mut words = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        assert_eq!(words, "");
    }

    fn assert_nothing_left(&self) {
        assert_eq!(self.directories(), Vec::<PathBuf>::new());
        std::fs::remove_dir(&self.temporary).unwrap();
    }
}

/// Whether that process runs. One that ended and that nobody has reaped yet does not.
fn runs(pid: u32) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    !matches!(state.stdout.trim_ascii_start().first(), None | Some(b'Z'))
}

/// A server takes its pid file away shortly before it ends, and that is what pg_ctl waits for.
fn wait_for_end(pid: u32) {
    let limit = Instant::now() + Duration::from_secs(60);
    while runs(pid) {
        assert!(Instant::now() < limit, "server {pid} still runs");
    }
}
