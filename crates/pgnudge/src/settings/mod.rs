//! Connection settings as libpq reads them: text, service file, `PG*` variables,
//! password file, defaults.
//!
//! [`Settings::resolve`] turns a connection text and an [`Environment`] into typed
//! and checked [`Settings`], or into an error that names the keyword, the place
//! and the remedy. It opens no socket and asks no name server. `docs/connecting.md`
//! has every keyword and every difference from libpq.
//!
//! Follows the chapters "Database Connection Control Functions", "Environment
//! Variables", "The Password File" and "The Connection Service File" of the
//! PostgreSQL manual.

mod authentication;
mod certificate_files;
mod connect_timeout;
mod connection_text;
mod environment;
mod error;
mod files;
mod given;
mod host;
mod host_list;
mod key_value;
mod keyword;
mod nearest;
mod origin;
mod os_user;
mod passfile;
mod password;
mod percent;
mod require_peer;
mod resolve;
mod server_choice;
mod service_file;
mod tcp;
mod tls;
mod uri;
mod value_error;
mod warning;

pub use authentication::{AuthMethod, ChannelBinding, RequireAuth};
pub use certificate_files::{CertificateError, ClientCertificate, RootCertificates};
pub use connect_timeout::ConnectTimeout;
pub use connection_text::{ConnectionText, TextError, UnknownKey};
pub use environment::{Environment, Platform};
pub use error::SettingsError;
pub use files::{FileFacts, FileKind, Files, ProcessFiles};
pub use host::{Endpoint, HostSpec};
pub use host_list::{HostListError, MAX_HOSTS};
pub use key_value::KeyValueError;
pub use keyword::{Decision, KEYWORDS, Keyword, Reason};
pub use origin::Origin;
pub use password::Password;
pub use percent::PercentError;
pub use require_peer::RequirePeer;
pub use resolve::{Resolved, Settings};
pub use server_choice::{LoadBalanceHosts, TargetSessionAttrs};
pub use service_file::{LineProblem, ServiceError};
pub use tcp::{Keepalive, TcpSettings};
pub use tls::{SslMode, SslNegotiation, TlsError, TlsSettings, TlsVersion, Verification};
pub use uri::UriError;
pub use value_error::{Problem, ValueError};
pub use warning::Warning;
