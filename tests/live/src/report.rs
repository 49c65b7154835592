//! What a run of the proofs leaves behind: `report.json` for programs, `report.html` for people.
//!
//! A [`Report`] is data: the servers, the claims, and how each case ended on each server. The page
//! is one file that needs no other, and no script.

mod page;
mod plot;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Case, Failure, Figure};

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it began, as RFC 3339 has it, in UTC.
    pub began: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was asked for.
    pub command: String,
    /// The commit that was proven, as far as it is known.
    pub revision: String,
    /// In the order in which they were tried.
    pub servers: Vec<Tried>,
}

/// A server, and what came out there.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// As it tells it.
    pub version: String,
    /// Where it comes from: the flag that led to it.
    pub origin: String,
    /// In the order of the claims.
    pub outcomes: Vec<Outcome>,
}

/// How a case ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The claim's name.
    pub claim: &'static str,
    /// The plugin.
    pub plugin: String,
    /// Whether the connections were encrypted.
    pub security: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The evidence; of a failure what was seen instead; of a case left out the reason.
    pub words: String,
    /// How long it took.
    pub seconds: f64,
    /// The command that tries it again.
    pub replay: String,
    /// What there is to draw.
    pub figures: Vec<Figure>,
}

/// One of three ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Upheld, with evidence.
    Proven,
    /// Not upheld.
    Failed,
    /// Not tried, for a reason.
    Skipped,
}

impl Outcome {
    /// Of a case that has ended so.
    #[must_use]
    pub fn of(case: &Case, verdict: Verdict, words: String) -> Self {
        let (plugin, security) = (case.variant.to_string(), case.security.to_string());
        let (claim, seconds, replay, figures) = (case.claim.name, 0.0, String::new(), Vec::new());
        Self { claim, plugin, security, verdict, words, seconds, replay, figures }
    }
}

impl Tried {
    /// How many ended so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
    }
}

impl Report {
    /// How many cases ended so, on all servers.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.servers.iter().map(|server| server.count(verdict)).sum()
    }

    /// Writes both files. Returns the page's path.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, Failure> {
        std::fs::create_dir_all(directory)?;
        let json = Document { report: self, claims: crate::ALL.iter().map(About::of).collect() };
        std::fs::write(directory.join("report.json"), serde_json::to_string_pretty(&json)? + "\n")?;
        let page = directory.join("report.html");
        std::fs::write(&page, page::of(self)?)?;
        Ok(page)
    }
}

/// The JSON form: a reader of it has the claims at hand.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    claims: Vec<About>,
}

#[derive(Serialize)]
struct About {
    name: &'static str,
    title: &'static str,
    claim: &'static str,
    falsified_by: &'static str,
    proves: &'static [&'static str],
}

impl About {
    fn of(claim: &crate::Claim) -> Self {
        let crate::Claim { name, title, claim, falsified_by, proves, .. } = *claim;
        Self { name, title, claim, falsified_by, proves }
    }
}
