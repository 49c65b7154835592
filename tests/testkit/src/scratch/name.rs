//! Names of scratch databases.

use std::sync::atomic::{AtomicU32, Ordering};

/// A name that no other test of this or another process has, and that needs no quotes:
/// `t_<test>_<process>_<number>`, where the test's name is cut to PostgreSQL's 63 bytes.
pub(super) fn unique(test: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let end = format!("_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let begin: String = "t_".chars().chain(test.chars().map(plain)).take(63 - end.len()).collect();
    begin + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_plain_and_short() {
        let names = [unique("R1: live, before Resync!"), unique(&"ä".repeat(99)), unique("")];
        assert!(names[0].starts_with("t_r1__live__before_resync__"), "{}", names[0]);
        for name in &names {
            assert!(name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        }
        assert_ne!(unique("same"), unique("same"));
    }
}
