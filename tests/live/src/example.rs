//! The programs of `examples/`, on a server whose table changes.

use std::path::PathBuf;
use std::process::Command;

use pgnudge_testkit::Scratch;

use crate::{Failure, product};

/// One of the programs, and what it prints of a table with two users: at first, and when a third one is there and
/// the first is called Augusta.
#[derive(Debug)]
pub struct Example {
    /// The name of its file.
    pub name: &'static str,
    /// A part of its first line.
    pub first: &'static str,
    /// A part of a later one.
    pub then: Option<&'static str>,
}

/// All of them.
pub const ALL: [Example; 8] = [
    example("minimal", "reload everything (connected)", Some("reload public.users (2 rows)")),
    example("live", "2 users", Some("3 users")),
    example("cache", "user 1 is called Ada", Some("user 1 is called Augusta")),
    example("replica", "2 users", Some("3 users")),
    example("blocking", "reload everything (connected)", Some("reload public.users")),
    example("sse", "listening at http://127.0.0.1:", None),
    example("testing", "all is well", None),
    example("codec", "BEGIN", Some("table public.users: INSERT: id[integer]:3")),
];

const fn example(name: &'static str, first: &'static str, then: Option<&'static str>) -> Example {
    Example { name, first, then }
}

impl Example {
    /// The one of that name.
    ///
    /// # Errors
    /// When there is none: which there are.
    pub fn find(name: &str) -> Result<&'static Self, Failure> {
        let names: Vec<_> = ALL.iter().map(|example| example.name).collect();
        let found = ALL.iter().find(|example| example.name == name);
        found.ok_or_else(|| {
            Failure::new(format!("there is no example {name:?}; there are {}", names.join(", ")))
        })
    }

    /// The program, for that database.
    ///
    /// # Errors
    /// When it is not built.
    pub fn command(&self, scratch: &Scratch) -> Result<Command, Failure> {
        let path = directory()?.join(self.name);
        if !path.is_file() {
            return Err(Failure::new(format!("there is no {}: {BUILD}", path.display())));
        }
        let (url, mut command) = (scratch.dsn(), Command::new(path));
        command.env("DATABASE_URL", &url).envs(libpq(&url)).env("PGDATABASE", scratch.name());
        Ok(command)
    }
}

/// Builds them.
///
/// # Errors
/// When they do not build.
pub fn build() -> Result<(), Failure> {
    product::cargo_build(&["--package", "pgnudge-examples", "--examples"])
}

/// The table, with two users.
pub const TABLE: &str = "CREATE TABLE public.users (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO public.users VALUES (1, 'Ada'), (2, 'Grace');
    GRANT SELECT ON public.users TO nudger";

/// One transaction of two rows.
pub const CHANGE: &str = "BEGIN; INSERT INTO public.users VALUES (3, 'Edsger');
    UPDATE public.users SET name = 'Augusta' WHERE id = 1; COMMIT";

/// The example that knows no URI has libpq's variables.
fn libpq(url: &str) -> Vec<(&'static str, String)> {
    let place = url.rsplit('@').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "5432"));
    [("PGHOST", host), ("PGPORT", port), ("PGUSER", "nudger"), ("PGPASSWORD", "nudger")]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
}

/// `target/<profile>/examples`, of the profile that this program was built with.
fn directory() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let above = own.ancestors().skip(1).find(|above| above.join("examples").is_dir());
    Ok(above.ok_or_else(|| Failure::new(BUILD))?.join("examples"))
}

const BUILD: &str = "run `cargo build --package pgnudge-examples --examples`";
