//! Percent-encoding as libpq decodes it in every part of a URI.

/// Why a part of a URI cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PercentError {
    /// `%` without two hexadecimal digits. The token is kept unless it may be secret.
    #[error("invalid percent-encoded token{} in the {part}", shown(token.as_ref()))]
    Token {
        /// Which part of the URI.
        part: &'static str,
        /// The token, up to three characters.
        token: Option<String>,
    },
    /// `%00`: no value of PostgreSQL can hold a zero byte.
    #[error("forbidden value %00 in the {part}")]
    Nul {
        /// Which part of the URI.
        part: &'static str,
    },
    /// A space between other characters; at both ends spaces are dropped.
    #[error("unexpected space in the {part}; write %20")]
    Space {
        /// Which part of the URI.
        part: &'static str,
    },
    /// The bytes are no UTF-8. libpq passes such bytes on.
    #[error("the {part} is not UTF-8 when decoded")]
    NotUtf8 {
        /// Which part of the URI.
        part: &'static str,
    },
}

/// Decodes `%xy` and drops the spaces at both ends, as libpq 18 does.
///
/// `part` names the text in errors; if it is `secret`, they show nothing of it.
pub(super) fn decode(text: &str, part: &'static str, secret: bool) -> Result<String, PercentError> {
    let text = text.trim_matches(' ');
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().enumerate();
    while let Some((at, byte)) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| hexadecimal(digit?.1));
                let [Some(high), Some(low)] = digits else {
                    let token = || text[at..].chars().take(3).collect();
                    let token = (!secret).then(token);
                    return Err(PercentError::Token { part, token });
                };
                high << 4 | low
            }
            b' ' => return Err(PercentError::Space { part }),
            byte => byte,
        });
        if bytes.last() == Some(&0) {
            return Err(PercentError::Nul { part });
        }
    }
    String::from_utf8(bytes).map_err(|_| PercentError::NotUtf8 { part })
}

fn hexadecimal(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn shown(token: Option<&String>) -> String {
    token.map(|token| format!(" {token:?}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<String, PercentError> {
        decode(text, "host", false)
    }

    #[test]
    fn tokens_become_bytes() {
        let check = |text, value: &str| assert_eq!(decoded(text).as_deref(), Ok(value), "{text}");
        check("", "");
        check("plain", "plain");
        check("%68ost", "host");
        check("%2fvar%2Frun", "/var/run");
        check("100%25", "100%");
        check("gr%C3%BCn", "grün");
        check("grün", "grün");
        check("%2525", "%25");
    }

    #[test]
    fn spaces_are_dropped_at_the_ends_only() {
        assert_eq!(decoded("  a ").as_deref(), Ok("a"));
        assert_eq!(decoded("   ").as_deref(), Ok(""));
        assert_eq!(decoded("%20a%20").as_deref(), Ok(" a "));
        assert_eq!(decoded("a b"), Err(PercentError::Space { part: "host" }));
    }

    #[test]
    fn malformed_tokens_are_shown_as_written() {
        let check = |text, token: &str| {
            let token = Some(token.to_owned());
            let part = "host";
            assert_eq!(
                decoded(text),
                Err(PercentError::Token { part, token }),
                "{text}"
            );
        };
        check("%", "%");
        check("a%1", "%1");
        check("%zz", "%zz");
        check("%XXfoo", "%XX");
        check("%+1", "%+1");
        check("%é1", "%é1");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let error = decode("hunter%zz", "password", true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid percent-encoded token in the password"
        );
    }

    #[test]
    fn zero_and_broken_utf8_are_refused() {
        assert_eq!(decoded("a%00b"), Err(PercentError::Nul { part: "host" }));
        assert_eq!(decoded("%ff"), Err(PercentError::NotUtf8 { part: "host" }));
    }
}
