//! Where a server loads its output plugins from, and whether wal2json is among them.

use std::path::{Path, PathBuf};

use crate::program;

/// Whether the server whose `postgres` this is can load that library.
pub(crate) fn has_library(postgres: &Path, name: &str) -> bool {
    library_directory(postgres).is_some_and(|dir| holds(&dir, name))
}

/// The directory that the server calls `$libdir`.
///
/// The server finds it relative to its own program with all symbolic links followed, so a
/// `pg_config` counts only where that program is: beside a link it may be another server's.
fn library_directory(postgres: &Path) -> Option<PathBuf> {
    let bin = postgres.canonicalize().ok()?.parent()?.to_path_buf();
    let told = program::output_of(program::command(bin.join("pg_config")).arg("--pkglibdir"));
    let told = told.ok().map(|line| PathBuf::from(line.trim()));
    let relative = ["../lib/postgresql", "../lib", "../lib64"].map(|layout| bin.join(layout));
    told.into_iter().chain(relative).find(|dir| holds(dir, EVERY_SERVER_HAS))
}

fn holds(dir: &Path, name: &str) -> bool {
    ["so", "dylib"].iter().any(|extension| dir.join(name).with_extension(extension).is_file())
}

/// A library that is part of every server since 9.1, and of no client package.
const EVERY_SERVER_HAS: &str = "libpqwalreceiver";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_root::FakeRoot;

    #[test]
    fn libraries_are_found_beside_the_real_program_behind_a_link() {
        let root = FakeRoot::new("libraries-link");
        let real = root.server("native/bin", "16.14");
        root.file("native/lib/postgresql/libpqwalreceiver.so");
        root.file("native/lib/postgresql/wal2json.so");
        let linked = root.link("bin/postgres", &real.join("postgres"));
        assert!(has_library(&linked, "wal2json"));
        assert!(!has_library(&linked, "decoderbufs"));
    }

    #[test]
    fn pg_config_beside_a_link_does_not_count() {
        let root = FakeRoot::new("libraries-config");
        let real = root.server("native/bin", "16.14");
        root.file("native/lib/libpqwalreceiver.so");
        root.file("client/lib/libpqwalreceiver.so");
        root.file("client/lib/wal2json.so");
        root.script("bin/pg_config", &format!("echo {}", root.path("client/lib").display()));
        let linked = root.link("bin/postgres", &real.join("postgres"));
        assert!(!has_library(&linked, "wal2json"));
    }

    #[test]
    fn the_word_of_the_real_pg_config_comes_first() {
        let root = FakeRoot::new("libraries-told");
        let real = root.server("usr/bin", "17.11");
        root.file("usr/lib64/pgsql/libpqwalreceiver.so");
        root.file("usr/lib64/pgsql/wal2json.so");
        root.script("usr/bin/pg_config", &format!("echo {}", root.path("usr/lib64/pgsql").display()));
        assert!(has_library(&real.join("postgres"), "wal2json"));
    }
}
