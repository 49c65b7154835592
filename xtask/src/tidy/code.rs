//! The code of a Rust file, without what only looks like code.
//!
//! No parser: the rules need to know where words and braces stand, and that neither a comment
//! nor a literal is taken for code.

/// The text without comments, and with `""` for each literal. Every line stays where it was.
pub(crate) fn only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let literal = raw_string(rest, &code).or_else(|| string(rest)).or_else(|| character(rest));
        let length = if let Some(length) = comment(rest) {
            length
        } else if let Some(length) = literal {
            code.push_str("\"\"");
            length
        } else {
            code.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        let (passed, behind) = rest.split_at(length);
        code.extend(passed.matches('\n'));
        rest = behind;
    }
    code
}

/// The code without the modules that are there for tests alone.
pub(crate) fn without_tests(code: &str) -> String {
    let mut product = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, behind)) = rest.split_once("#[cfg(test)]") {
        product.push_str(before);
        let end = if is_module(behind) { block_end(behind).unwrap_or(0) } else { 0 };
        product.extend(behind[..end].matches('\n'));
        rest = &behind[end..];
    }
    product + rest
}

/// Whether the item that starts here is a module, whatever attributes it has.
fn is_module(item: &str) -> bool {
    let item = item.trim_start();
    match item.strip_prefix("#[").and_then(|attribute| attribute.split_once("]\n")) {
        Some((_, behind)) => is_module(behind),
        None => item.trim_start_matches("pub(crate) ").starts_with("mod "),
    }
}

/// Where the item ends that starts here: behind its closing brace, or behind the `;` of an
/// item without a body. `None` when it does not end.
pub(crate) fn block_end(code: &str) -> Option<usize> {
    let (mut braces, mut parentheses) = (0_usize, 0_usize);
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => parentheses += 1,
            ')' | ']' => parentheses = parentheses.saturating_sub(1),
            ';' if braces == 0 && parentheses == 0 => return Some(at + 1),
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && parentheses == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where that word stands in the code, as a word of its own: the lines, numbered from 1.
pub(crate) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    (1..).zip(code.lines()).filter(|(_, line)| has_word(line, word)).map(|(number, _)| number).collect()
}

/// Whether the word stands there without a letter, digit or underscore at its sides.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}

pub(crate) fn in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// `r"…"`, `r#"…"#`, `br"…"`; not the `r` at the end of a name.
fn raw_string(text: &str, code: &str) -> Option<usize> {
    if code.chars().next_back().is_some_and(in_word) {
        return None;
    }
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let hashes = text[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
    let start = prefix.len() + hashes;
    let body = text[start..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(text.len(), |at| start + 1 + at + end.len()))
}

fn string(text: &str) -> Option<usize> {
    let body = text.strip_prefix('"')?;
    let mut letters = body.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some(at + 2),
            '\\' => drop(letters.next()),
            _ => {}
        }
    }
    Some(text.len())
}

/// `'x'` or `'\n'`; not the lifetime `'x`.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let mut letters = body.char_indices();
    let (_, first) = letters.next()?;
    if first == '\\' {
        letters.next();
        let close = body[2..].find('\'')?;
        return Some(close + 4);
    }
    let (at, close) = letters.next()?;
    (first != '\'' && close == '\'').then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(only(text), expected, "{text}");
    }

    #[test]
    fn comments_go_and_their_lines_stay() {
        check("a // b\nc", "a \nc");
        check("a /* b /* c\n */ d */ e", "a \n e");
        check("//! doc", "");
    }

    #[test]
    fn literals_go() {
        check(r#"f("a \" b // c", 'x', '\'', '"', '\u{2026}')"#, r#"f("", "", "", "", "")"#);
        check("r#\"a\" b\n\"# + b\"c\" + br\"\\\"", "\"\"\n + b\"\" + \"\"");
        check("\"never closed", "\"\"");
    }

    #[test]
    fn lifetimes_and_names_that_end_in_r_stay() {
        check("fn f<'a>(x: &'a str) -> &'a str", "fn f<'a>(x: &'a str) -> &'a str");
        check("for\"x\"", "for\"\"");
        check("r#type", "r#type");
    }

    #[test]
    fn test_modules_go_and_the_code_behind_them_stays() {
        let code = "a\n#[cfg(test)]\nmod tests {\n  fn x() { b }\n}\nc";
        assert_eq!(without_tests(code), "a\n\n\n\n\nc");
        let lenient = "#[cfg(test)]\n#[expect(a, reason = \"\")]\nmod tests { b }\nc";
        assert_eq!(without_tests(lenient), "\n\n\nc");
        assert_eq!(without_tests("#[cfg(test)]\nuse a;\nb"), "\nuse a;\nb");
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("a::unit()", "unit"));
        assert!(!has_word("units my_unit unit2", "unit"));
    }
}
