//! The page: one file, light or dark as the reader's system is, and without a script.
//!
//! A row of the matrix is a claim; it opens to what would falsify it and to the evidence of each
//! case, so that a reader who doubts need not believe a tick.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::plot;
use super::{Outcome, Report, Tried, Verdict};
use crate::{Claim, Failure, Figure};

/// The whole page.
pub(super) fn of(report: &Report) -> Result<String, Failure> {
    let mut page = String::new();
    let [proven, failed, skipped] =
        [Verdict::Proven, Verdict::Failed, Verdict::Skipped].map(|verdict| report.count(verdict));
    let (class, verdict) = match failed {
        0 => ("skipped", "Every claim that was tried holds"),
        1 => ("failed", "One case failed"),
        _ => ("failed", "Some cases failed"),
    };
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>pgnudge: the proof</title>\n<style>\n{STYLE}</style>\n\
         <main style=\"--servers: {servers}\">\n<header><p class=\"name\">pgnudge · the proof</p><h1>{verdict}.</h1>\n\
         <p class=\"score\"><b class=\"proven\">{proven} proven</b> <b class=\"{class}\">{failed} failed</b> \
         <b class=\"skipped\">{skipped} left out</b></p>\n\
         <dl><dt>run</dt><dd>{began}, {minutes:.1} minutes</dd><dt>revision</dt><dd>{revision}</dd>\
         <dt>command</dt><dd><code>{command}</code></dd></dl></header>\n",
        servers = report.servers.len(),
        began = escaped(&report.began),
        minutes = report.seconds / 60.0,
        revision = escaped(&report.revision),
        command = escaped(&report.command),
    )?;
    page += WORDS;
    figures(&mut page, report)?;
    matrix(&mut page, report)?;
    page += "</main>\n</html>\n";
    Ok(page)
}

/// Each picture once, and those that show the same of other servers and plugins behind a fold.
fn figures(page: &mut String, report: &Report) -> Result<(), Failure> {
    let mut titles: Vec<&str> = Vec::new();
    let mut all: BTreeMap<&str, Vec<(String, &Figure)>> = BTreeMap::new();
    for (server, outcome) in outcomes(report) {
        for figure in &outcome.figures {
            let of = format!("PostgreSQL {}, {}", server.version, kind(outcome));
            let same = all.entry(&figure.title).or_default();
            if same.is_empty() {
                titles.push(&figure.title);
            }
            same.push((of, figure));
        }
    }
    if !titles.is_empty() {
        *page += "<h2>Measured</h2>\n<div class=\"figures\">\n";
    }
    for title in &titles {
        let Some(((of, first), others)) = all.get(title).and_then(|same| same.split_first()) else {
            continue;
        };
        write!(page, "<section><h3>{}</h3><p>{}</p>", escaped(title), prose(&first.caption))?;
        picture(page, of, first)?;
        if !others.is_empty() {
            write!(page, "<details><summary>{} more</summary>", others.len())?;
            for (of, figure) in others {
                picture(page, of, figure)?;
            }
            *page += "</details>";
        }
        *page += "</section>\n";
    }
    *page += if titles.is_empty() { "" } else { "</div>\n" };
    Ok(())
}

fn picture(page: &mut String, of: &str, figure: &Figure) -> Result<(), Failure> {
    *page += "<figure>";
    if figure.series.len() > 1 && figure.shape != crate::Shape::Timeline {
        *page += "<p class=\"legend\">";
        for series in &figure.series {
            let colour = series.tone % plot::COLOURS + 1;
            write!(page, "<i style=\"background: var(--series-{colour})\"></i>{} ", escaped(&series.name))?;
        }
        *page += "</p>";
    }
    write!(page, "{}<figcaption>{}</figcaption></figure>", plot::svg(figure)?, escaped(of))?;
    Ok(())
}

/// Claims down, servers across.
fn matrix(page: &mut String, report: &Report) -> Result<(), Failure> {
    *page += "<h2>Claims</h2>\n<div class=\"matrix\">\n<div class=\"row head\"><span>claim</span>";
    for server in &report.servers {
        let (version, origin) = (escaped(&server.version), escaped(server.origin.trim()));
        write!(page, "<span title=\"{origin}\">{version}</span>")?;
    }
    *page += "</div>\n";
    let tried = |claim: &&Claim| outcomes(report).any(|(_, outcome)| outcome.claim == claim.name);
    for claim in crate::ALL.iter().filter(tried) {
        row(page, report, claim)?;
    }
    *page += "</div>\n";
    Ok(())
}

fn row(page: &mut String, report: &Report, claim: &Claim) -> Result<(), Failure> {
    let failed = outcomes(report).any(|(_, o)| o.claim == claim.name && o.verdict == Verdict::Failed);
    let open = if failed { " open" } else { "" };
    write!(
        page,
        "<details{open} id=\"{name}\"><summary class=\"row\"><span><b>{title}</b> <code>{name}</code></span>",
        name = claim.name,
        title = escaped(claim.title),
    )?;
    for server in &report.servers {
        cell(page, server.outcomes.iter().filter(|outcome| outcome.claim == claim.name))?;
    }
    write!(
        page,
        "</summary><div class=\"about\"><p>{}</p><p class=\"quiet\">False if {}. Proves {}.</p><ul>",
        prose(claim.claim),
        prose(claim.falsified_by),
        claim.proves.join(", "),
    )?;
    for (server, outcome) in outcomes(report).filter(|(_, outcome)| outcome.claim == claim.name) {
        evidence(page, server, outcome)?;
    }
    *page += "</ul></div></details>\n";
    Ok(())
}

/// A mark for each case.
fn cell<'a>(page: &mut String, outcomes: impl Iterator<Item = &'a Outcome>) -> Result<(), Failure> {
    *page += "<span class=\"cell\">";
    for outcome in outcomes {
        let (class, mark) = mark(outcome.verdict);
        write!(page, "<i class=\"{class}\" title=\"{}: {class}\">{mark}</i>", kind(outcome))?;
    }
    *page += "</span>";
    Ok(())
}

fn evidence(page: &mut String, server: &Tried, outcome: &Outcome) -> Result<(), Failure> {
    let (class, mark) = mark(outcome.verdict);
    write!(
        page,
        "<li><i class=\"{class}\">{mark}</i> <b>{} · {}</b> <span class=\"quiet\">{:.1} s</span><br>{}",
        escaped(&server.version),
        kind(outcome),
        outcome.seconds,
        escaped(&outcome.words),
    )?;
    if outcome.verdict == Verdict::Failed {
        write!(page, "<br>again: <code>{}</code>", escaped(&outcome.replay))?;
    }
    *page += "</li>";
    Ok(())
}

fn outcomes(report: &Report) -> impl Iterator<Item = (&Tried, &Outcome)> {
    report.servers.iter().flat_map(|server| server.outcomes.iter().map(move |outcome| (server, outcome)))
}

/// The plugin, and whether it was encrypted where that was chosen.
fn kind(outcome: &Outcome) -> String {
    let plugin = match outcome.plugin.as_str() {
        "both" => "both plugins",
        "auto" => "by default",
        plugin => plugin,
    };
    if outcome.security == "as given" { plugin.to_owned() } else { format!("{plugin}, {}", outcome.security) }
}

fn mark(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Proven => ("proven", "✓"),
        Verdict::Failed => ("failed", "✗"),
        Verdict::Skipped => ("skipped", "–"),
    }
}

/// Words in which backticks mark code.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let tagged = parts.map(|(n, part)| match n % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    tagged.collect()
}

fn escaped(text: &str) -> String {
    let escape = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' => "<br>".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

const STYLE: &str = include_str!("page.css");

/// How to read it.
const WORDS: &str = "<p class=\"words\">A claim is one sentence that could be false, tried on real servers through the \
    library and the program that users run. Each row opens to what would falsify it and to what was measured. \
    A mark stands for one plugin and one kind of connection: <i class=\"proven\">✓</i> proven, \
    <i class=\"failed\">✗</i> failed, <i class=\"skipped\">–</i> left out, with the reason. The file of each claim tells \
    with which planted fault it fails.</p>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Case, Shape};

    fn report() -> Report {
        let case = Case::all().next().unwrap();
        let mut outcome = Outcome::of(&case, Verdict::Failed, "saw <b>two</b> & more".to_owned());
        outcome.replay = "cargo xtask proof no_backfill".to_owned();
        let figure = Figure::new("Sizes", Shape::Lines, ["s", "MB"], "caption");
        let points = vec![(0.0, 1.0), (1.0, 2.0)];
        outcome.figures = vec![figure.with("ours", points.clone()).with("theirs", points)];
        let outcomes = vec![outcome, Outcome::of(&case, Verdict::Skipped, "no plugin".to_owned())];
        let server = Tried { version: "17.11".to_owned(), origin: " --bin-dir /x".to_owned(), outcomes };
        let [began, command, revision] =
            ["2026-11-22T10:00:00Z", "cargo xtask proof", "abc"].map(String::from);
        Report { began, seconds: 90.0, command, revision, servers: vec![server] }
    }

    #[test]
    fn a_failure_is_open_with_its_words_and_its_replay() {
        let page = of(&report()).unwrap();
        assert!(page.contains("One case failed."), "{page}");
        assert!(page.contains("<details open id=\"no_backfill\">"), "{page}");
        assert!(page.contains("saw &lt;b&gt;two&lt;/b&gt; &amp; more"), "{page}");
        assert!(page.contains("cargo xtask proof no_backfill"), "{page}");
    }

    #[test]
    fn the_page_needs_no_other_file() {
        let page = of(&report()).unwrap();
        assert!(page.contains("<svg") && page.contains("--series-1"), "{page}");
        // The namespace of SVG is a name, and not fetched.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http", "src=", "<link", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}: {page}");
        }
    }
}
