//! "Did you mean …?": the known word that is nearest to a mistyped one.

/// The end of an error message about an unknown word: a suggestion, or nothing.
pub(crate) fn for_unknown(word: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|candidate| (distance(word, candidate), candidate)).min();
    match nearest {
        Some((distance, candidate)) if distance <= 2 => format!("; did you mean {candidate}?"),
        _ => String::new(),
    }
}

/// The Levenshtein distance: how many characters to insert, delete or replace. Row by row; a
/// row holds the distances of every beginning of `b` from the beginning of `a` read so far.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (line, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, to) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_insertions_deletions_and_replacements() {
        assert_eq!(distance("lint", "lint"), 0);
        assert_eq!(distance("tset", "test"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
