//! One finding.

use serde::Serialize;

/// What was looked at, what it was like, and what to do about it. The order of the fields is part of the
/// form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) ok: bool,
    pub(super) detail: String,
    /// To be copied and pasted: SQL, a setting, a command. Only where something is wrong.
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), fix: None }
    }

    pub(super) fn bad(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// A failure of the library's, which has its remedy with it.
    pub(super) fn failed(name: &'static str, error: &pgnudge::Error) -> Self {
        Self::bad(name, error.to_string(), error.hint().unwrap_or("run with -v to see more"))
    }
}
