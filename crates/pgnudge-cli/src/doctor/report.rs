//! All findings, and what follows from them.

use std::fmt::Write as _;

use console::Style;
use pgnudge::Printable;
use serde::Serialize;

use super::check::{Check, Fix};

/// The form that programs rely on.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    /// The transport that works. `physical` is a word of the form, but not a transport of this version.
    pub(super) recommended: Option<&'static str>,
}

impl Report {
    /// For people: a line per check, and below those that failed what to do.
    pub(super) fn text(&self, coloured: bool) -> String {
        let style = || Style::new().force_styling(coloured);
        let (good, bad, dim) = (style().green(), style().red().bold(), style().dim());
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for Check { name, ok, detail, fix } in &self.checks {
            let mark = if *ok { good.apply_to("ok  ") } else { bad.apply_to("FAIL") };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{mark}  {name:width$}  {}", Printable(detail));
            for line in fix.iter().flat_map(|Fix(lines)| lines) {
                let _ = writeln!(text, "      {:width$}  {} {}", "", dim.apply_to("fix:"), Printable(line));
            }
        }
        let _ = match self.recommended {
            Some(transport) => writeln!(text, "\nrecommended: {}", good.apply_to(transport)),
            None => writeln!(text, "\n{}", bad.apply_to("no transport works")),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let lines = vec!["DROP this;".to_owned(), "or that".to_owned()];
        let checks = vec![Check::good("version", "17.11"), Check::bad("slots", "none is left", lines)];
        Report { checks, recommended: None }
    }

    #[test]
    fn people_read_lines_with_the_remedies_below() {
        let expect = "ok    version  17.11\n\
                      FAIL  slots    none is left\n\
                      \x20              fix: DROP this;\n\
                      \x20              fix: or that\n\
                      \n\
                      no transport works\n";
        assert_eq!(report().text(false), expect);
    }

    #[test]
    fn a_name_can_neither_add_a_remedy_nor_steer_the_terminal() {
        let name = "x\nDROP TABLE y;\x1b[2J\u{202e}\u{9b}";
        let checks = vec![Check::bad("a", format!("it is {name}"), format!("ALTER {name}"))];
        let text = Report { checks, recommended: None }.text(false);
        let shown = r"x\nDROP TABLE y;\u{1b}[2J\u{202e}\u{9b}";
        assert!(
            text.starts_with(&format!("FAIL  a  it is {shown}\n         fix: ALTER {shown}\n\n")),
            "{text}"
        );
    }

    #[test]
    fn programs_read_the_form_of_the_contract() {
        let expect = r#"{"checks":[{"name":"version","ok":true,"detail":"17.11","fix":null},{"name":"slots","ok":false,"detail":"none is left","fix":"DROP this;\nor that"}],"recommended":null}"#;
        assert_eq!(serde_json::to_string(&report()).unwrap(), expect);
    }
}
