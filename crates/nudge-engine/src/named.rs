//! The texts of what can be chosen, as the command line and JSON have them.

use std::fmt;

/// A text that is the name of none of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    pub(crate) text: String,
    pub(crate) names: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not one of {}", self.text, self.names.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// `as_str`, `Display` and `FromStr` of an enum.
macro_rules! named {
    ($type:ident: $($value:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The name, as the command line and JSON have it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownName> {
                match text {
                    $($name => Ok(Self::$value),)+
                    _ => Err($crate::UnknownName { text: text.to_owned(), names: &[$($name),+] }),
                }
            }
        }

        #[cfg(feature = "serde")]
        $crate::json::as_text!($type);
    };
}

pub(crate) use named;

#[cfg(test)]
mod tests {
    use crate::policy::{Edge, Visibility};
    use crate::{ErrorKind, Payload, PluginChoice, Reason};

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Edge::Leading.to_string().parse(), Ok(Edge::Leading));
        assert_eq!(Visibility::Recent.to_string().parse(), Ok(Visibility::Recent));
        assert_eq!(Payload::PrimaryKey.to_string().parse(), Ok(Payload::PrimaryKey));
        assert_eq!(Reason::Undecodable.to_string().parse(), Ok(Reason::Undecodable));
        assert_eq!(ErrorKind::WalLevel.to_string().parse(), Ok(ErrorKind::WalLevel));
        for name in ["auto", "wal2json", "test_decoding"] {
            assert_eq!(name.parse::<PluginChoice>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_is_none_is_told_what_there_is() {
        let error = "trailling".parse::<Edge>().unwrap_err();
        assert_eq!(error.to_string(), "\"trailling\" is not one of trailing, leading");
        let error = "pgoutput".parse::<PluginChoice>().unwrap_err();
        assert_eq!(error.to_string(), "\"pgoutput\" is not one of auto, wal2json, test_decoding");
    }
}
