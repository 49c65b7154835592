//! Text from outside, made fit to be shown.
//!
//! Names, messages and settings come from a server or a network and may hold anything: sequences that steer a
//! terminal, line ends that forge a line of a log, marks that reverse or hide what follows ("Trojan Source",
//! CVE-2021-42574). Every outlet shows them through [`Printable`]. What is data (a payload, a JSON string) keeps
//! its characters, in the escapes of its own form.

use core::fmt::{self, Write};

/// Shows a text with everything escaped that a reader cannot see: `\n`, `\u{1b}`, `\u{202e}`.
///
/// Quotes and backslashes stay as they are, so a text that is wrapped twice looks the same.
#[derive(Clone, Copy, Debug)]
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_invisible(*c)) {
            let (before, after) = rest.split_at(at);
            self.0.write_str(before)?;
            match c {
                '\n' | '\r' | '\t' => write!(self.0, "{}", c.escape_default())?,
                c => write!(self.0, "{}", c.escape_unicode())?,
            }
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

/// Whether a reader cannot see the character, or what it does: a control character (C0, DEL, C1), an end of a
/// line, a mark of direction, an interlinear mark, or a code point that Unicode has displayed as nothing
/// (`Default_Ignorable_Code_Point`: zero-width spaces and joiners, fillers, selectors, tags).
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    #[test]
    fn what_cannot_be_seen_is_escaped_and_the_rest_is_not() {
        let check = |text: &str, expect: &str| assert_eq!(Printable(text).to_string(), expect, "{text:?}");
        check("public.Käse \"x\" 表 \\ '", "public.Käse \"x\" 表 \\ '");
        check("x\nMAINPID=1", r"x\nMAINPID=1");
        check("\x1b[2J\x07\x7f", r"\u{1b}[2J\u{7}\u{7f}");
        check("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}");
        check("a\u{202e}b\u{2066}\u{200b}\u{feff}\u{e0041}", r"a\u{202e}b\u{2066}\u{200b}\u{feff}\u{e0041}");
        check("", "");
    }

    #[test]
    fn nothing_that_the_standard_library_takes_for_a_control_passes() {
        let all: String = ('\0'..=char::MAX).filter(|c| c.is_control()).collect();
        assert!(!Printable(&all).to_string().contains(char::is_control));
    }

    #[test]
    fn twice_is_the_same_as_once() {
        let once = Printable("a\x1b\n\u{202e}\\").to_string();
        assert_eq!(Printable(&once).to_string(), once);
    }
}
