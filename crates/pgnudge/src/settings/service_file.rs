//! Connection service files: named groups of values in an INI-like file.
//!
//! Follows "The Connection Service File" of the manual. The user's file comes
//! first; the machine's is read if the user's has no such service. A hostile
//! file costs a bounded read and an error that names the line.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::SettingsError;
use super::given::{Given, read_variable};
use super::key_value::is_blank;
use super::keyword::Keyword;
use super::nearest::nearest_keyword;
use super::origin::Origin;
use super::value_error::quoted;

/// Why a service cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// No file defines it.
    #[error("definition of service {} not found", quoted(name))]
    UnknownService {
        /// The service asked for.
        name: String,
    },
    /// The file that was named cannot be read.
    #[error("service file \"{}\" cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file is larger than 1 MiB.
    #[error("service file \"{}\" is larger than {FILE_LIMIT} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A line of the file cannot be used.
    #[error("{problem} in service file \"{}\", line {line}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
}

/// What is wrong with a line of a service file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// Longer than libpq's limit of 1022 bytes.
    #[error("line too long")]
    TooLong,
    /// No `=`.
    #[error("syntax error (missing \"=\")")]
    MissingEquals,
    /// The key is no keyword. Blanks before `=` belong to the key.
    #[error("syntax error (unknown key{})", suggestion(*nearest))]
    UnknownKey {
        /// The keyword that was most likely meant.
        nearest: Option<&'static str>,
    },
    /// A service that refers to another service or file.
    #[error("nested \"{0}\" specification")]
    Nested(&'static str),
    /// A look-up in a directory service, which libpq may support.
    #[error("LDAP look-up, which this client does not do,")]
    Ldap,
    /// The bytes are no UTF-8, or one of them is zero.
    #[error("line that is not UTF-8 text")]
    NotText,
}

/// Adds the values of the service that is asked for, if one is.
pub(super) fn add_service(given: &mut Given, environment: &Environment) -> Result<(), SettingsError> {
    let in_text = given.get("service").map(|value| value.text.clone());
    let name = match in_text {
        Some(name) => Some(name),
        None => read_variable(environment, "PGSERVICE")?,
    };
    let Some(name) = name else { return Ok(()) };
    let in_text = given.get("servicefile").map(|value| value.text.clone());
    let named_file = match in_text {
        Some(path) => Some(path),
        None => read_variable(environment, "PGSERVICEFILE")?,
    };
    let user_file = match named_file {
        Some(path) => Some(PathBuf::from(path)),
        None => environment.user_service_file(),
    };
    for path in [user_file, environment.system_service_file()].into_iter().flatten() {
        if add_from_file(&path, &name, given, environment)? {
            return Ok(());
        }
    }
    Err(ServiceError::UnknownService { name }.into())
}

/// Adds the service's values from one file; false if the file does not have it.
fn add_from_file(
    path: &Path,
    service: &str,
    given: &mut Given,
    environment: &Environment,
) -> Result<bool, ServiceError> {
    let bytes = read_file(path, environment)?;
    let mut found = false;
    for (line, bytes) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let path = || path.to_owned();
        let step = read_line(bytes, service, found);
        match step.map_err(|problem| ServiceError::Line { path: path(), line, problem })? {
            Step::Nothing => {}
            Step::Group(wanted) if !found => found = wanted,
            Step::Group(_) => break,
            Step::Value(keyword, value) => {
                let origin = Origin::ServiceFile { path: path(), line };
                given.offer(keyword.name, value, origin);
            }
        }
    }
    Ok(found)
}

fn read_file(path: &Path, environment: &Environment) -> Result<Vec<u8>, ServiceError> {
    let read = environment.files().read(path, FILE_LIMIT + 1);
    let path = path.to_owned();
    match read {
        Ok(bytes) if bytes.len() > FILE_LIMIT => Err(ServiceError::TooLarge { path }),
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let reason = error.to_string();
            Err(ServiceError::Unreadable { path, reason })
        }
    }
}

/// What a line does.
enum Step {
    Nothing,
    /// Starts a group: the wanted one, or another.
    Group(bool),
    Value(&'static Keyword, String),
}

fn read_line(line: &[u8], service: &str, in_group: bool) -> Result<Step, LineProblem> {
    if line.len() >= LINE_LIMIT {
        return Err(LineProblem::TooLong);
    }
    let line = trim_blanks(line);
    match line.strip_prefix(b"[") {
        Some(group) => {
            let rest = group.strip_prefix(service.as_bytes());
            Ok(Step::Group(rest.is_some_and(|rest| rest.starts_with(b"]"))))
        }
        None if !in_group || line.is_empty() || line.starts_with(b"#") => Ok(Step::Nothing),
        None => read_pair(line),
    }
}

fn read_pair(line: &[u8]) -> Result<Step, LineProblem> {
    let line = std::str::from_utf8(line).map_err(|_| LineProblem::NotText)?;
    if line.contains('\0') {
        return Err(LineProblem::NotText);
    }
    if line.starts_with("ldap") {
        return Err(LineProblem::Ldap);
    }
    let (key, value) = line.split_once('=').ok_or(LineProblem::MissingEquals)?;
    match Keyword::named(key) {
        Some(keyword) if matches!(key, "service" | "servicefile") => Err(LineProblem::Nested(keyword.name)),
        Some(keyword) => Ok(Step::Value(keyword, value.to_owned())),
        None => Err(LineProblem::UnknownKey { nearest: nearest_keyword(key.trim()) }),
    }
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !is_blank(char::from(*byte));
    let start = line.iter().position(is_text).unwrap_or(line.len());
    let end = line.iter().rposition(is_text).map_or(start, |last| last + 1);
    &line[start..end]
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map(|keyword| format!("; \"{keyword}=…\" is one")).unwrap_or_default()
}

/// libpq has no limit; a service file of a thousand services is smaller.
const FILE_LIMIT: usize = 1 << 20;

/// libpq's limit for a line with its line feed, exclusive.
const LINE_LIMIT: usize = 1023;
