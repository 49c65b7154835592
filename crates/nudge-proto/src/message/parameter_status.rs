//! What the server tells about itself.

use alloc::string::String;
use alloc::vec::Vec;

use super::{split_cstr, tag};
use crate::Malformed;

/// The values that ParameterStatus messages have reported, the latest of each name.
///
/// ```text
/// 'S' | length | name: String | value: String
/// ```
///
/// Bounded: a server reports about 15 parameters, none of them long. What is beyond
/// [`Parameters::MAX_COUNT`] or [`Parameters::MAX_VALUE`] is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

impl Parameters {
    /// How many names are kept.
    pub const MAX_COUNT: usize = 64;
    /// Bytes of a name or a value that is kept.
    pub const MAX_VALUE: usize = 256;

    /// The value of a parameter such as `server_version` or `server_encoding`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
    }

    /// Takes the head of a message in. A cut one is too long to be kept.
    pub(crate) fn update(&mut self, head: &[u8], cut: bool) -> Result<(), Malformed> {
        if cut {
            return Ok(());
        }
        let (name, value) = pair(head).ok_or(Malformed::Body { tag: tag::PARAMETER_STATUS })?;
        let (Ok(name), Ok(value)) = (core::str::from_utf8(name), core::str::from_utf8(value)) else {
            return Ok(());
        };
        if name.len() > Self::MAX_VALUE || value.len() > Self::MAX_VALUE {
            return Ok(());
        }
        if let Some((_, old)) = self.pairs.iter_mut().find(|(this, _)| this == name) {
            *old = value.into();
        } else if self.pairs.len() < Self::MAX_COUNT {
            self.pairs.push((name.into(), value.into()));
        }
        Ok(())
    }
}

fn pair(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = split_cstr(body)?;
    let (value, rest) = split_cstr(rest)?;
    rest.is_empty().then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn the_latest_value_of_a_name_counts() {
        let mut parameters = Parameters::default();
        parameters.update(b"server_version\x0015.1\0", false).unwrap();
        parameters.update(b"server_version\x0015.2\0", false).unwrap();
        assert_eq!(parameters.get("server_version"), Some("15.2"));
        assert_eq!(parameters.get("other"), None);
    }

    #[test]
    fn endless_parameters_do_not_grow_it() {
        let mut parameters = Parameters::default();
        for n in 0..1000 {
            parameters.update(format!("name{n}\0value\0").as_bytes(), false).unwrap();
        }
        assert_eq!(parameters.pairs.len(), Parameters::MAX_COUNT);
    }

    #[test]
    fn a_pair_that_is_none_is_malformed() {
        for body in [&b""[..], b"a", b"a\0", b"a\0b", b"a\0b\0c"] {
            assert!(Parameters::default().update(body, false).is_err(), "{body:?}");
        }
    }
}
