//! Where a value came from, so that an error can name the place to mend.

use std::fmt;
use std::path::PathBuf;

/// The place that set a value. `Display` completes "from …".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The program itself, apart from the text.
    Program,
    /// The connection text: URI or key=value.
    Text,
    /// A line of a service file; lines count from 1.
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A password file.
    Passfile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => f.write_str("the program"),
            Self::Text => f.write_str("the connection text"),
            Self::ServiceFile { path, line } => {
                write!(f, "service file \"{}\", line {line}", path.display())
            }
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Passfile(path) => write!(f, "password file \"{}\"", path.display()),
        }
    }
}
