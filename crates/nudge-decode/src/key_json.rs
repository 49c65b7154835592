//! The JSON of a key's columns: a name, and the value as a scalar of JSON with all its digits.

use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    string::String,
};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::KeyValue;

/// As JSON that `serde_json` writes. A [`Number`](KeyValue::Number) that is no number in JSON's notation is an error.
impl Serialize for KeyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            // A float has fewer digits than the server may have printed.
            Self::Number(text) => {
                let json: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
                if !is_number(json.get()) {
                    return Err(S::Error::custom("the number of a key is no number"));
                }
                json.serialize(serializer)
            }
        }
    }
}

/// From JSON that `serde_json` reads: other readers do not keep the digits, and are refused.
impl<'de> Deserialize<'de> for KeyValue<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let json = raw.get();
        match json.as_bytes().first() {
            Some(b't') => Ok(Self::Bool(true)),
            Some(b'f') => Ok(Self::Bool(false)),
            Some(b'"') => {
                let text: String = serde_json::from_str(json).map_err(D::Error::custom)?;
                Ok(Self::Text(text.into()))
            }
            Some(_) if is_number(json) => Ok(Self::number(Cow::Owned(json.to_owned()))),
            _ => Err(D::Error::custom("the value of a key is a bool, a number or a text")),
        }
    }
}

/// Whether it is a number, given that it is JSON: nothing else begins like one.
fn is_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Reads the name of a column. No column of PostgreSQL has an empty one, or one with a zero byte.
pub(crate) fn column_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() || name.contains('\0') {
        return Err(D::Error::custom("the name of a column is empty, or has a zero byte in it"));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyColumn;
    use alloc::string::ToString;

    fn read(json: &str) -> serde_json::Result<KeyValue<'static>> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_value_is_the_scalar_that_was_written() {
        let number = |text: &'static str| KeyValue::Number(text.into());
        for (json, value) in [
            ("true", KeyValue::Bool(true)),
            ("-9223372036854775808", KeyValue::Integer(i64::MIN)),
            ("9223372036854775808", number("9223372036854775808")),
            ("-0", number("-0")),
            ("1.50", number("1.50")),
            ("1e400", number("1e400")),
            (r#""a\n\"b\"""#, KeyValue::Text("a\n\"b\"".into())),
            (r#""1""#, KeyValue::Text("1".into())),
        ] {
            assert_eq!(read(json).unwrap(), value);
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
        }
    }

    #[test]
    fn what_is_no_scalar_of_a_key_is_refused() {
        for json in ["null", "[1]", r#"{"a":1}"#, r#""\ud800""#, "01", "+1", "NaN", ""] {
            assert!(read(json).is_err(), "{json}");
        }
        for text in ["", "NaN", "true", "null", "[1]", "1,2", "\"1\""] {
            assert!(serde_json::to_string(&KeyValue::Number(text.into())).is_err(), "{text}");
        }
    }

    #[test]
    fn a_column_has_a_name() {
        let column: KeyColumn<'_> = serde_json::from_str(r#"{"name":"id","value":1.0,"newer":[]}"#).unwrap();
        assert_eq!((&*column.name, column.value.to_string().as_str()), ("id", "1.0"));
        assert_eq!(serde_json::to_string(&column).unwrap(), r#"{"name":"id","value":1.0}"#);
        for json in [
            r#"{"name":"","value":1}"#,
            r#"{"name":"a\u0000","value":1}"#,
            r#"{"name":"id"}"#,
            r#"{"value":1}"#,
        ] {
            assert!(serde_json::from_str::<KeyColumn<'_>>(json).is_err(), "{json}");
        }
    }
}
