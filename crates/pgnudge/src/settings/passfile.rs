//! Password files: `host:port:dbname:user:password`, one a line.
//!
//! Follows "The Password File" of the manual. The first line that fits a host
//! has its password. Like libpq, a file that cannot be trusted is left alone
//! with a warning instead of an error: the server may not ask for a password.

use std::io;
use std::path::{Path, PathBuf};

use super::environment::{Environment, Platform};
use super::files::FileKind;
use super::password::Password;
use super::warning::Warning;

/// A password file in memory.
pub(super) struct Passfile {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// What the four fields of a line are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

impl Passfile {
    /// Reads a file, unless it is missing or not to be trusted.
    ///
    /// A missing file is worth a warning if the user `named` it.
    pub(super) fn open(
        path: PathBuf,
        named: bool,
        environment: &Environment,
    ) -> Result<Option<Self>, Warning> {
        match Self::read(&path, environment) {
            Ok(bytes) => Ok(Some(Self { path, bytes })),
            Err(Refusal::Error(error)) if error.kind() == io::ErrorKind::NotFound && !named => Ok(None),
            Err(Refusal::Error(error)) => {
                let reason = error.to_string();
                Err(Warning::PassfileUnreadable { path, reason })
            }
            Err(Refusal::NotPlain) => Err(Warning::PassfileNotPlain { path }),
            Err(Refusal::Exposed) => Err(Warning::PassfileExposed { path }),
            Err(Refusal::TooLarge) => Err(Warning::PassfileTooLarge { path }),
        }
    }

    fn read(path: &Path, environment: &Environment) -> Result<Vec<u8>, Refusal> {
        let files = environment.files();
        let facts = files.facts(path)?;
        if facts.kind != FileKind::Regular {
            return Err(Refusal::NotPlain);
        }
        if environment.platform() == Platform::Unix && facts.is_open_to_others() {
            return Err(Refusal::Exposed);
        }
        let bytes = files.read(path, FILE_LIMIT + 1)?;
        if bytes.len() > FILE_LIMIT {
            return Err(Refusal::TooLarge);
        }
        Ok(bytes)
    }

    /// The password of a login, if a line has one.
    pub(super) fn password(&self, login: &Login<'_>) -> Result<Option<Password>, Warning> {
        let mut lines = self.bytes.split(|byte| *byte == b'\n');
        let Some(found) = lines.find_map(|line| password_field(line, login)) else {
            return Ok(None);
        };
        String::from_utf8(unescape(found)).map(Password::new).map_err(|_| {
            let path = self.path.clone();
            Warning::PassfileNotUtf8 { path }
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

enum Refusal {
    NotPlain,
    Exposed,
    TooLarge,
    Error(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Error(error)
    }
}

/// The fifth field of a line whose first four fit.
fn password_field<'a>(line: &'a [u8], login: &Login<'_>) -> Option<&'a [u8]> {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    let line = &line[..end];
    if line.starts_with(b"#") {
        return None;
    }
    let port = login.port.to_string();
    [login.host, &port, login.database, login.user]
        .into_iter()
        .try_fold(line, |rest, value| skip_field(rest, value.as_bytes()))
}

/// What follows the first field and its colon, if the field is `*` or the value.
///
/// A backslash takes the next byte as it is. A colon that the value has too needs
/// none: that is libpq's rule, and it lets a bare `::1` stand in a file.
fn skip_field<'a>(line: &'a [u8], value: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let (mut rest, mut value) = (line, value.iter());
    loop {
        let (escaped, byte, tail) = match *rest {
            [b'\\', byte, ref tail @ ..] => (true, byte, tail),
            [byte, ref tail @ ..] => (false, byte, tail),
            [] => return None,
        };
        match value.next() {
            None if byte == b':' && !escaped => return Some(tail),
            Some(expected) if *expected == byte => rest = tail,
            _ => return None,
        }
    }
}

/// The password without its backslashes. It ends at a colon, or with the line.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = field.iter().copied();
    let mut password = Vec::with_capacity(field.len());
    while let Some(byte) = bytes.next().filter(|byte| *byte != b':') {
        match byte {
            b'\\' => password.push(bytes.next().unwrap_or(b'\\')),
            byte => password.push(byte),
        }
    }
    password
}

/// libpq has no limit. A line with a token for cloud logins has some 2 KiB.
const FILE_LIMIT: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, expected: Option<&str>) {
        let passfile = Passfile { path: PathBuf::from("pgpass"), bytes: file.as_bytes().to_vec() };
        let login = Login { host: "h", port: 5432, database: "d:b", user: r"u\" };
        let password = passfile.password(&login).unwrap();
        assert_eq!(password.as_ref().map(Password::reveal), expected, "{file}");
    }

    #[test]
    fn fields_are_values_or_wildcards() {
        check(r"h:5432:d\:b:u\\:pw", Some("pw"));
        check("*:*:*:*:pw", Some("pw"));
        check(r"h:5433:d\:b:u\\:pw", None);
        check(r"h\:5432:d\:b:u\\:pw", None);
        check("**:*:*:*:pw", None);
        check("h*:*:*:*:pw", None);
        check("h:5432:*:*", None);
        check("", None);
    }

    #[test]
    fn a_colon_that_the_value_has_needs_no_backslash() {
        check(r"h:5432:d:b:u\\:pw", Some("pw"));
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        check("*:*:*:*:first\n*:*:*:*:second", Some("first"));
        check("other:*:*:*:first\r\n*:*:*:*:second\r\n", Some("second"));
        check("*:*:*:*:\n*:*:*:*:second", None);
    }

    #[test]
    fn comments_start_in_the_first_column() {
        check("#*:*:*:*:pw\n", None);
        check(" *:*:*:*:pw\n", None);
    }

    #[test]
    fn passwords_are_unescaped_and_end_at_a_colon() {
        check(r"*:*:*:*:a\:b\\c\d", Some(r"a:b\cd"));
        check("*:*:*:*:a:b", Some("a"));
        check(r"*:*:*:*:a\", Some(r"a\"));
        check("*:*:*:*:p w ", Some("p w "));
    }

    #[test]
    fn long_lines_are_read_whole() {
        let long = "x".repeat(100_000);
        check(&format!("*:*:*:*:{long}"), Some(&long));
    }
}
