//! A throwaway server for the shell: prints its connection URI, and lives until its standard
//! input ends (or until it is killed, in whatever way).
//!
//! The arguments are directories of server programs to look into; without any it searches.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use pgnudge_testserver::{Cluster, Error, Installation};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let directories: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let cluster = Cluster::builder().start(&Installation::find(&directories)?)?;
    let line = format!("{} {}\n", cluster.dsn("nudger", "nudger", "app"), cluster.data_dir().display());
    // A closed standard output, or the end of the input, ends it: the cluster is dropped.
    if std::io::stdout().write_all(line.as_bytes()).is_ok() {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }
    Ok(())
}
