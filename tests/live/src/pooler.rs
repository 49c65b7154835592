//! A real PgBouncer in front of a throwaway cluster.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use pgnudge_testkit::{Program, wait_until};

use crate::consumer::PATIENCE;
use crate::{Context, Failure};

/// How many ports are tried.
const PORTS: usize = 8;

/// How long a client keeps a server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PoolMode {
    Session,
    Transaction,
}

/// A running PgBouncer. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Pooler {
    _program: Program,
    port: u16,
    database: String,
}

impl Pooler {
    /// Starts one that has so many server processes for a role.
    pub(crate) async fn start(context: &Context, mode: PoolMode, size: u32) -> Result<Self, Failure> {
        let mut last_words = String::new();
        for _ in 0..PORTS {
            // The port is free now. Another process can take it before PgBouncer does.
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let program = run(context, mode, size, port)?;
            if listens(&program, port).await? {
                return Ok(Self { _program: program, port, database: context.scratch.name().to_owned() });
            }
            last_words = program.stderr();
        }
        Err(Failure::new(format!("PgBouncer finds no free port: {last_words}")))
    }

    /// A connection URI for this role, whose password is its name.
    pub(crate) fn dsn(&self, role: &str) -> String {
        format!("postgres://{role}:{role}@127.0.0.1:{}/{}?sslmode=disable", self.port, self.database)
    }
}

/// Why there is none.
pub(crate) fn missing() -> Option<String> {
    find().is_none().then(|| "there is no PgBouncer here (Debian's package is pgbouncer)".into())
}

/// Whether it passes replication on, which it does from 1.23 on.
pub(crate) fn knows_replication() -> Result<(bool, String), Failure> {
    let program = find().ok_or_else(|| Failure::new("there is no PgBouncer"))?;
    let told = String::from_utf8(Command::new(program).arg("--version").output()?.stdout)?;
    let version = told.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    Ok(((numbers.next(), numbers.next()) >= (Some(1), Some(23)), version))
}

/// `PGNUDGE_PGBOUNCER`, or the one that is installed.
fn find() -> Option<PathBuf> {
    let named = std::env::var_os("PGNUDGE_PGBOUNCER").map(PathBuf::from);
    named.into_iter().chain([PathBuf::from("/usr/sbin/pgbouncer")]).find(|path| path.exists())
}

fn run(context: &Context, mode: PoolMode, size: u32, port: u16) -> Result<Program, Failure> {
    let program = find().ok_or_else(|| Failure::new("there is no PgBouncer"))?;
    let server = context.server.cluster()?.port();
    let users = readable(context, "users.txt", "\"nudger\" \"nudger\"\n\"postgres\" \"postgres\"\n")?;
    let mode = if mode == PoolMode::Session { "session" } else { "transaction" };
    let settings = format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n\
         default_pool_size = {size}\n",
        users.display(),
    );
    let settings = readable(context, "pgbouncer.ini", &settings)?;
    let mut command = tokio::process::Command::new(program);
    if is_root() {
        command.args(["-u", "postgres"]);
    }
    Ok(Program::start(command.arg(settings))?)
}

/// Whether PgBouncer listens on the port. Its log decides: another program can accept a connection there.
async fn listens(program: &Program, port: u16) -> Result<bool, Failure> {
    let listening = format!("listening on 127.0.0.1:{port}");
    let decided = |words: &String| words.contains(&listening) || words.contains("nowhere to listen on");
    let words = wait_until("PgBouncer listens", PATIENCE, async || Ok(program.stderr()), decided).await?;
    Ok(words.contains(&listening))
}

/// A file that the user can read whom the program runs as.
fn readable(context: &Context, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = context.file(name, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
    Ok(path)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
