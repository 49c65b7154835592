//! Whether a feed would count as a synchronous standby (manual, "synchronous_standby_names").
//!
//! A walsender that reports a flushed position counts if its `application_name` matches the setting, and a slot
//! moves by nothing else. Then commits are acknowledged that no standby holds, and all commits wait for the feed.

use crate::policy::server_view::ServerView;
use crate::{Error, ErrorKind};

/// Whether the server takes a walsender of that name for a synchronous standby. A standby of its own has none. What
/// cannot be read is taken for a match.
pub(crate) fn counts(view: &ServerView, application_name: &str) -> bool {
    !view.standby && matches(&view.synchronous_standby_names, application_name)
}

/// Numbers and the words FIRST and ANY are taken for names, too: there a feed that is called so is refused for
/// nothing.
fn matches(setting: &str, application_name: &str) -> bool {
    let mut rest = setting.trim_start_matches(SEPARATORS);
    while !rest.is_empty() {
        let Some((name, behind)) = name(rest) else { return true };
        // Also `"*"` in quotes matches everything.
        if name == "*" || name.to_lowercase() == application_name.to_lowercase() {
            return true;
        }
        rest = behind.trim_start_matches(SEPARATORS);
    }
    false
}

/// The first name, and what is behind it. `None`: its quotes are not closed.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(SEPARATORS).unwrap_or(text.len());
        let (name, behind) = text.split_at(end);
        return Some((name.to_owned(), behind));
    };
    let mut name = String::new();
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        let Some(more) = behind.strip_prefix('"') else { return Some((name, behind)) };
        name.push('"');
        rest = more;
    }
}

/// Why there is no stream.
pub(crate) fn refusal(view: &ServerView, application_name: &str) -> Error {
    let setting = &view.synchronous_standby_names;
    let message = format!(
        "synchronous_standby_names = '{setting}' takes this feed, called '{application_name}', for a synchronous \
         standby: commits would wait for it, and be acknowledged although no standby holds them"
    );
    Error::permanent(ErrorKind::Config, message).with_hint(REMEDY)
}

/// Why a stream ends.
pub(crate) fn withdrawal() -> Error {
    Error::transient(ErrorKind::Config, "the server has come to take this feed for a synchronous standby")
        .with_hint(REMEDY)
}

const REMEDY: &str = "name the real standbys in synchronous_standby_names, without '*' and without this \
                      application_name; or allow it with synchronous_standby";

const SEPARATORS: [char; 9] = [' ', '\t', '\n', '\r', '\x0b', '\x0c', ',', '(', ')'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_counts_where_its_name_matches() {
        for setting in [
            "*",
            "pgnudge",
            "PGNUDGE",
            "s1, pgnudge",
            "FIRST 1 (*)",
            "ANY 2 (s1, s2, \"pgnudge\")",
            "2(s1,Pgnudge)",
            "\"*\"",
            "first 1 (s1,*)",
            "s1,\t*",
            "ANY 1 ( s1 , pgnudge )",
            "\"open",
        ] {
            assert!(matches(setting, "pgnudge"), "{setting}");
        }
        for setting in [
            "",
            " ",
            "s1",
            "FIRST 1 (s1, s2)",
            "\"pg\"\"nudge\"",
            "pgnudge2",
            "\"pgnudge \"",
            "ANY 1 (\"a*\", b)",
        ] {
            assert!(!matches(setting, "pgnudge"), "{setting}");
        }
        assert!(matches("\"it\"\"s\"", "it\"s") && matches("größe", "GRÖßE"));
    }

    #[test]
    fn a_standby_has_no_synchronous_standbys() {
        let view =
            |standby| ServerView { standby, synchronous_standby_names: "*".into(), ..ServerView::default() };
        assert!(counts(&view(false), "x") && !counts(&view(true), "x"));
    }
}
