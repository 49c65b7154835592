//! Why settings cannot be resolved.

use super::certificate_files::CertificateError;
use super::connection_text::TextError;
use super::host_list::HostListError;
use super::service_file::ServiceError;
use super::tls::TlsError;
use super::value_error::ValueError;

/// Why settings cannot be resolved. All of these are permanent: trying again
/// without changing the text, a file or a variable ends the same way.
///
/// No message shows a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The connection text cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The service cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A keyword cannot have this value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The lists of hosts, addresses and ports do not fit together.
    #[error(transparent)]
    Hosts(#[from] HostListError),
    /// TLS settings contradict each other.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A certificate or key file is missing or must not be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// An environment variable is not UTF-8.
    #[error("environment variable {name} is not UTF-8")]
    VariableNotUtf8 {
        /// The variable.
        name: &'static str,
    },
    /// An environment variable is longer than a connection text may be.
    #[error("environment variable {name} is too long")]
    VariableTooLong {
        /// The variable.
        name: &'static str,
    },
    /// Nothing says who logs in.
    #[error("no user is given, and the operating system's name for this user is unknown")]
    NoUser,
}

impl SettingsError {
    /// What to do about it, if the message does not say so already.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.hint(),
            Self::Certificate(error) => error.hint(),
            Self::NoUser => Some("name the user in the connection text, or in PGUSER"),
            _ => None,
        }
    }
}
