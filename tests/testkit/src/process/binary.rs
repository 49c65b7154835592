//! Where the binary under test is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The path of `pgnudge`: the one that the environment variable `PGNUDGE_BIN` names, else the
/// one that was built beside the running test.
///
/// # Errors
/// When it is not there: how to build it.
pub fn pgnudge_binary() -> Result<PathBuf, Error> {
    let test = std::env::current_exe().map_err(|error| Error::because("the test's own path", error))?;
    let binary = candidate(std::env::var_os("PGNUDGE_BIN"), &test);
    if binary.is_file() {
        return Ok(binary);
    }
    let cause = format!("there is no {}", binary.display());
    Err(Error::new(format!("{cause}: run `cargo build -p pgnudge-cli`, or name the binary in PGNUDGE_BIN")))
}

/// Tests are in `target/<profile>/deps`, examples in `target/<profile>/examples`, binaries in
/// `target/<profile>`.
fn candidate(named: Option<OsString>, test: &Path) -> PathBuf {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return PathBuf::from(named);
    }
    let directory = test.parent().unwrap_or(test);
    let nested = directory.ends_with("deps") || directory.ends_with("examples");
    let profile = if nested { directory.parent().unwrap_or(directory) } else { directory };
    profile.join(format!("pgnudge{}", std::env::consts::EXE_SUFFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(named: &str, test: &str, expected: &str) {
        assert_eq!(candidate(Some(named.into()), Path::new(test)), Path::new(expected));
    }

    #[test]
    fn the_binary_is_the_named_one_or_beside_the_test() {
        check("/opt/pgnudge", "/t/debug/deps/live-1234", "/opt/pgnudge");
        check("", "/t/debug/deps/live-1234", "/t/debug/pgnudge");
        check("", "/t/release/examples/proof", "/t/release/pgnudge");
        check("", "/t/release/xtask", "/t/release/pgnudge");
    }
}
