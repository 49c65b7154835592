//! The five characters that name an error in every language.

use core::fmt;

/// A SQLSTATE code (manual, "PostgreSQL Error Codes"): five digits or upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl SqlState { $($(#[$doc])* pub const $name: Self = Self(*$code);)* }
    };
}

// Those that somebody who opens a replication connection can meet.
codes! {
    /// The server sent no code, or one that is none.
    UNKNOWN = b"XXUUU";
    /// `feature_not_supported`, as for logical decoding on a standby before PostgreSQL 16.
    FEATURE_NOT_SUPPORTED = b"0A000";
    /// `invalid_parameter_value`.
    INVALID_PARAMETER_VALUE = b"22023";
    /// `invalid_authorization_specification`: no such role, no pg_hba.conf entry.
    INVALID_AUTHORIZATION = b"28000";
    /// `invalid_password`.
    INVALID_PASSWORD = b"28P01";
    /// `invalid_catalog_name`: no such database.
    INVALID_CATALOG_NAME = b"3D000";
    /// `insufficient_privilege`: no REPLICATION, or a plugin outside of `output_plugin_libraries`.
    INSUFFICIENT_PRIVILEGE = b"42501";
    /// `protocol_violation`: what answers does not know a parameter of the startup message, such as a pooler.
    PROTOCOL_VIOLATION = b"08P01";
    /// `syntax_error`: a server that does not know the replication command, such as a pooler.
    SYNTAX_ERROR = b"42601";
    /// `invalid_name`, as for a table filter that wal2json cannot read.
    INVALID_NAME = b"42602";
    /// `undefined_object`.
    UNDEFINED_OBJECT = b"42704";
    /// `duplicate_object`: the slot's name is taken.
    DUPLICATE_OBJECT = b"42710";
    /// `too_many_connections`.
    TOO_MANY_CONNECTIONS = b"53300";
    /// `configuration_limit_exceeded`: all slots or all walsenders are in use.
    CONFIGURATION_LIMIT_EXCEEDED = b"53400";
    /// `object_not_in_prerequisite_state`: `wal_level` is too low.
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000";
    /// `lock_not_available`: `lock_timeout` ran out.
    LOCK_NOT_AVAILABLE = b"55P03";
    /// `query_canceled`.
    QUERY_CANCELED = b"57014";
    /// `admin_shutdown`: `pg_terminate_backend` or a shutdown.
    ADMIN_SHUTDOWN = b"57P01";
    /// `cannot_connect_now`: starting up, shutting down, in recovery.
    CANNOT_CONNECT_NOW = b"57P03";
    /// `undefined_file`: the plugin's library is not installed.
    UNDEFINED_FILE = b"58P01";
}

impl SqlState {
    /// Five digits or upper-case letters, else `None`.
    pub fn parse(code: &[u8]) -> Option<Self> {
        let code: [u8; 5] = code.try_into().ok()?;
        code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).then_some(Self(code))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first two characters: the class, such as `08` for connection exceptions.
    pub fn class(&self) -> &str {
        self.as_str().get(..2).unwrap_or_default()
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlState({self})")
    }
}
