//! The program `pgnudge doctor`, as a reader of its JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio::time::timeout;

use crate::consumer::PATIENCE;
use crate::evidence::ensure;
use crate::{Failure, watch};

/// A report, and whether the program's status says the same.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    checks: Vec<Check>,
    pub(crate) recommended: Option<String>,
}

/// One finding.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    name: String,
    ok: bool,
    pub(crate) detail: String,
    pub(crate) fix: Option<String>,
    level: String,
}

impl Report {
    /// Runs the program. Its status has to be 0 if and only if it recommends something, and it has to
    /// have a remedy for what is wrong and for nothing else.
    pub(crate) async fn of(arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = watch::command()?;
        command.args(["doctor", "--output", "json"]).args(arguments).kill_on_drop(true);
        let ended = timeout(PATIENCE, command.output()).await;
        let ended = ended.map_err(|_| Failure::new(format!("no report within {PATIENCE:?}")))??;
        let words = String::from_utf8_lossy(&ended.stderr);
        ensure!(words.is_empty(), "it says {words:?}");
        let report: Self = serde_json::from_slice(&ended.stdout)?;
        let status = if report.recommended.is_some() { 0 } else { 1 };
        ensure!(ended.status.code() == Some(status), "{} with {report:?}", ended.status);
        let sound = |check: &Check| check.fix.is_none() == check.ok && !check.detail.is_empty();
        ensure!(report.checks.iter().all(sound), "a check without a remedy: {report:?}");
        let graded = |check: &Check| match check.level.as_str() {
            "ok" => check.ok,
            "note" => !check.ok,
            _ => !check.ok && report.recommended.is_none(),
        };
        ensure!(report.checks.iter().all(graded), "a check of another level: {report:?}");
        Ok(report)
    }

    /// The checks that failed have to be these, in this order.
    pub(crate) fn ensure_failed(&self, expected: &[&str]) -> Result<(), Failure> {
        let failed: Vec<_> =
            self.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
        ensure!(failed == expected, "{expected:?} should have failed, not {failed:?}: {self:?}");
        Ok(())
    }

    /// What that check found.
    pub(crate) fn check(&self, name: &str) -> Result<&Check, Failure> {
        let found = self.checks.iter().find(|check| check.name == name);
        found.ok_or_else(|| Failure::new(format!("there is no check {name}: {self:?}")))
    }

    /// The remedy of a check that failed has to be that.
    pub(crate) fn ensure_fix(&self, name: &str, fix: &str) -> Result<(), Failure> {
        let check = self.check(name)?;
        ensure!(check.fix.as_deref() == Some(fix), "{fix:?} is not the remedy: {check:?}");
        Ok(())
    }

    /// How many checks there are, none of them twice.
    pub(crate) fn len(&self) -> Result<usize, Failure> {
        let names: BTreeMap<_, _> = self.checks.iter().map(|check| (&check.name, check.ok)).collect();
        ensure!(names.len() == self.checks.len(), "a check is there twice: {self:?}");
        Ok(names.len())
    }
}
