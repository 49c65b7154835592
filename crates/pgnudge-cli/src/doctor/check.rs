//! One finding.

use serde::{Serialize, Serializer};

/// What was looked at, what it was like, and what to do about it. The order of the fields is part of the
/// form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) ok: bool,
    pub(super) detail: String,
    /// Only where something is wrong.
    pub(super) fix: Option<Fix>,
    /// How much depends on it.
    pub(super) level: Level,
}

/// How much depends on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Nothing is to be done.
    Ok,
    /// A feed works in spite of it.
    Note,
    /// It stops a feed.
    Fail,
}

/// To be copied and pasted: SQL, a setting, a command; one a line. A line may quote a name with a line end in it:
/// what people see is escaped line by line, so that a name cannot add a command of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fix(pub(super) Vec<String>);

impl From<Vec<String>> for Fix {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

impl From<String> for Fix {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl From<&str> for Fix {
    fn from(line: &str) -> Self {
        line.to_owned().into()
    }
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join("\n"))
    }
}

impl Check {
    pub(super) fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), fix: None, level: Level::Ok }
    }

    pub(super) fn bad(name: &'static str, detail: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { name, ok: false, detail: detail.into(), fix: Some(fix.into()), level: Level::Fail }
    }

    /// What does not stop a feed, and yet is not as it should be.
    pub(super) fn note(name: &'static str, detail: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { level: Level::Note, ..Self::bad(name, detail, fix) }
    }

    /// A failure of the library's, which has its remedy with it.
    pub(super) fn failed(name: &'static str, error: &pgnudge::Error) -> Self {
        Self::bad(name, error.to_string(), error.hint().unwrap_or("run with -v to see more"))
    }
}
