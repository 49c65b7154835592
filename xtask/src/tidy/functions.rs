//! The functions of a Rust file, found by their keyword and measured by their braces.

use super::code;
use super::tree::File;

/// One function with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    /// The line of its keyword, the first is 1.
    pub(crate) line: usize,
    /// The lines from the keyword to the closing brace.
    pub(crate) length: usize,
    /// Whether an attribute says that it is a test.
    pub(crate) is_test: bool,
}

/// The functions that have a body, in order.
pub(crate) fn of(file: &File) -> Vec<Function<'_>> {
    in_code(file.code())
}

fn in_code(code: &str) -> Vec<Function<'_>> {
    let keywords = code.match_indices("fn ").filter(|(at, _)| !code[..*at].ends_with(code::in_word));
    keywords.filter_map(|(at, _)| function_at(code, at)).collect()
}

fn function_at(code: &str, at: usize) -> Option<Function<'_>> {
    let (before, here) = code.split_at(at);
    let name = here["fn ".len()..].trim_start();
    let name = &name[..name.find(|letter| !code::in_word(letter)).unwrap_or(name.len())];
    let end = code::block_end(here)?;
    if name.is_empty() || here[..end].ends_with(';') {
        return None;
    }
    let length = here[..end].matches('\n').count() + 1;
    Some(Function {
        name,
        line: before.matches('\n').count() + 1,
        length,
        is_test: follows_test_attribute(before),
    })
}

/// Whether the attributes right before a function name a test, such as `#[tokio::test]`.
fn follows_test_attribute(before: &str) -> bool {
    let item = before.rfind(['}', ';', '{']).map_or(before, |end| &before[end..]);
    item.split("#[").skip(1).any(|attribute| {
        let path = attribute.split([']', '(']).next().unwrap_or_default();
        path.trim().rsplit("::").next().is_some_and(|name| name == "test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str) -> Vec<(&str, usize, usize, bool)> {
        in_code(code).into_iter().map(|f| (f.name, f.line, f.length, f.is_test)).collect()
    }

    #[test]
    fn functions_are_measured_from_the_keyword_to_the_closing_brace() {
        let code = "fn a() {}\npub(crate) fn b(\n  x: [u8; 2],\n) -> u8 {\n  if x { y }\n}\n";
        assert_eq!(names(code), [("a", 1, 1, false), ("b", 2, 5, false)]);
    }

    #[test]
    fn declarations_types_and_other_words_are_none() {
        assert_eq!(names("trait T { fn a(&self); }\ntype F = fn (u8) -> u8;\nlet my_fn = 1;"), []);
    }

    #[test]
    fn a_test_is_known_by_its_attribute() {
        let code = "#[test]\n#[should_panic]\nfn a() {}\n#[tokio::test(start_paused = true)]\nasync fn b() {}\nfn c() {}";
        let tests: Vec<bool> = in_code(code).iter().map(|function| function.is_test).collect();
        assert_eq!(tests, [true, true, false]);
    }
}
