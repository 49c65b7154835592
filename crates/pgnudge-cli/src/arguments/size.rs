//! Sizes as the command line writes them: 65536, 64KiB, 1MiB.

/// Bytes, or `KiB` and `MiB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = match text {
        _ if text.ends_with("KiB") => (text.trim_end_matches("KiB"), 1 << 10),
        _ if text.ends_with("MiB") => (text.trim_end_matches("MiB"), 1 << 20),
        _ => (text, 1),
    };
    let number = number.parse().ok().and_then(|number: usize| number.checked_mul(unit));
    number.ok_or_else(|| "write 65536, 64KiB or 1MiB".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [("65536", Ok(65536)), ("64KiB", Ok(65536)), ("2MiB", Ok(2 << 20))] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for text in ["", "KiB", "1.5MiB", "-1", "1GB", "99999999999999999MiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
