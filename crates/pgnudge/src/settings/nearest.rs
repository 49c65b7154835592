//! Which keyword did the user mean?
//!
//! libpq only says that an option is invalid. A misspelled name is the most
//! frequent mistake in a connection text, so the nearest keyword is named.

use super::keyword::KEYWORDS;

/// The keyword that `name` most likely stands for; none if nothing is near.
///
/// Near means at most one third of the letters wrong, counted as insertions,
/// deletions, replacements and swaps of neighbours. Other drivers' words for
/// the most frequent keywords are known too.
pub(super) fn nearest_keyword(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    if let Some((_, keyword)) = FOREIGN_WORDS.iter().find(|(word, _)| *word == name) {
        return Some(keyword);
    }
    if name.len() > LONGEST_GUESS {
        return None;
    }
    KEYWORDS
        .iter()
        .map(|keyword| (edit_distance(&name, keyword.name), keyword.name))
        .filter(|(distance, keyword)| distance * 3 <= keyword.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, keyword)| keyword)
}

/// What JDBC, ADO.NET, libmysqlclient and habit call them.
const FOREIGN_WORDS: &[(&str, &str)] = &[
    ("database", "dbname"),
    ("db", "dbname"),
    ("hostname", "host"),
    ("pwd", "password"),
    ("server", "host"),
    ("ssl", "sslmode"),
    ("timeout", "connect_timeout"),
    ("uid", "user"),
    ("username", "user"),
];

/// The distance costs the product of both lengths, and no keyword is longer than 25 letters.
const LONGEST_GUESS: usize = 40;

/// The optimal string alignment distance, in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_keyword() {
        let check = |name, keyword| assert_eq!(nearest_keyword(name), Some(keyword), "{name}");
        check("hots", "host");
        check("Host", "host");
        check("usr", "user");
        check("sslmod", "sslmode");
        check("ssl_mode", "sslmode");
        check("pasword", "password");
        check("conect_timeout", "connect_timeout");
        check("target_session_attr", "target_session_attrs");
        check("database", "dbname");
        check("username", "user");
    }

    #[test]
    fn nothing_near_is_nothing() {
        for name in ["", "x", "fetch_size", "prepare_threshold", &"host".repeat(100)] {
            assert_eq!(nearest_keyword(name), None, "{name}");
        }
    }

    #[test]
    fn the_distance_is_a_metric_on_samples() {
        let check = |a, b, distance| {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        };
        check("", "", 0);
        check("", "abc", 3);
        check("abc", "abc", 0);
        check("abc", "acb", 1);
        check("abc", "bac", 1);
        check("abc", "adc", 1);
        check("kitten", "sitting", 3);
    }
}
