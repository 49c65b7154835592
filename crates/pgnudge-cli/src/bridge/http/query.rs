//! The query of a request (WHATWG URL, "application/x-www-form-urlencoded parsing"), read strictly: a name whose
//! bytes are no text is a mistake, and not a name with replacement characters in it.

use std::str::Utf8Error;

use percent_encoding::percent_decode_str;

/// The values of one parameter, in their order.
pub(super) fn values(query: &str, name: &str) -> impl Iterator<Item = Result<String, Utf8Error>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(key, _)| decoded(key).is_ok_and(|key| key == name)).map(|(_, value)| decoded(value))
}

/// The first parameter that has none of these names: a slip of the pen would otherwise ask for everything.
pub(super) fn unknown(query: &str, known: &[&str]) -> Option<String> {
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names
        .filter(|name| !name.is_empty())
        .map(|name| decoded(name).unwrap_or_else(|_| name.to_owned()))
        .find(|name| !known.contains(&name.as_str()))
}

fn decoded(text: &str) -> Result<String, Utf8Error> {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_knows_are_found() {
        assert_eq!(unknown("table=a.b&&access_token=x&t%61ble=", &["table", "access_token"]), None);
        assert_eq!(unknown("", &[]), None);
        for (query, name) in
            [("table=a.b&tables=c", "tables"), ("Table=a", "Table"), ("%FF=1", "%FF"), ("x", "x")]
        {
            assert_eq!(unknown(query, &["table"]).as_deref(), Some(name), "{query}");
        }
    }

    #[test]
    fn values_are_decoded_or_refused() {
        let query = "table=a.b&x=1&table=%22a+b%22.%C3%BC&t%61ble=c.d&table&&=";
        let found: Result<Vec<_>, _> = values(query, "table").collect();
        assert_eq!(found.unwrap(), ["a.b", "\"a b\".ü", "c.d", ""]);
        for query in ["table=%FF", "table=a.%C3", "table=a.b&table=%ED%A0%80"] {
            assert!(values(query, "table").any(|value| value.is_err()), "{query}");
        }
        assert!(values("%FF=1&x=%FF", "table").next().is_none());
        // Not the three bytes of an escape: WHATWG leaves them as they are.
        assert_eq!(values("table=100%", "table").next(), Some(Ok("100%".into())));
    }
}
