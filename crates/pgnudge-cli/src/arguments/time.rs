//! Times as the command line writes them: 50ms, 10s, 5m.

use std::time::Duration;

/// A duration, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrOff(pub(crate) Option<Duration>);

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    // The library's error quotes the text, which may be a secret in the wrong place.
    humantime::parse_duration(text).map_err(|_| "write 50ms, 10s or 5m".to_owned())
}

pub(crate) fn duration_or_off(text: &str) -> Result<OrOff, String> {
    if text == "off" { Ok(OrOff(None)) } else { duration(text).map(|time| OrOff(Some(time))) }
}

pub(crate) fn backoff(text: &str) -> Result<(Duration, Duration), String> {
    let (initial, max) = text.split_once("..").ok_or("write two times: 100ms..5s")?;
    Ok((duration(initial)?, duration(max)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_contract_writes_them() {
        let check = |text, ms| assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        check("50ms", 50);
        check("10s", 10_000);
        check("5m", 300_000);
        check("0", 0);
        for text in ["", "5", "fast", "-1s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(backoff("1s").is_err());
        assert_eq!(backoff("1ms..2s"), Ok((Duration::from_millis(1), Duration::from_secs(2))));
    }
}
