//! Where a feed connects to, and as whom.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use nudge_proto::{AllowedMethods, ChannelBinding, Secret};

/// A server, or several that are tried in turn, and how to log in.
#[derive(Clone)]
pub struct Target {
    /// The hosts, in the order in which they are tried. Not empty.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database whose changes are wanted.
    pub database: String,
    /// Further parameters of the startup message, such as `application_name` and `options`.
    pub parameters: Vec<(String, String)>,
    /// Asked in place of the hosts' own passwords.
    pub password: Option<PasswordCallback>,
    /// What TLS has to achieve.
    pub tls: Tls,
    /// Whether SCRAM has to be bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// How the server may ask for authentication.
    pub allowed: AllowedMethods,
    /// What the operating system is told about TCP connections.
    pub tcp: Tcp,
    /// Which of the servers will do.
    pub attributes: SessionAttributes,
    /// Whether hosts and addresses are tried in random order (`load_balance_hosts=random`).
    pub shuffle: bool,
    /// The user that has to own the server's end of a Unix-domain socket (`requirepeer`).
    pub peer: Option<u32>,
}

/// Passwords are secrets by their type, and a callback has nothing to show.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("hosts", &self.hosts)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// One server.
#[derive(Clone, Debug)]
pub struct Host {
    /// How it is reached.
    pub place: Place,
    /// The TCP port; a Unix-domain socket has it in its path.
    pub port: u16,
    /// The password for it.
    pub password: Option<Secret>,
}

/// Asked for the password of a host whenever a connection to it is opened, since tokens expire and files
/// are rewritten. `None`: there is none.
pub type PasswordCallback =
    Arc<dyn Fn(&Host) -> BoxFuture<'static, Result<Option<Secret>, PasswordError>> + Send + Sync>;

/// Why the callback cannot say.
pub type PasswordError = Box<dyn std::error::Error + Send + Sync>;

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A name to look up, or an IP address as text.
    Name(String),
    /// An address that needs no look-up, and the name that its certificate should have.
    Address {
        /// The address.
        address: IpAddr,
        /// The name, if it is known.
        name: Option<String>,
    },
    /// The path of a Unix-domain socket.
    Socket(PathBuf),
}

/// What TLS has to achieve. TLS is not used on a Unix-domain socket.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whether to use it.
    pub usage: TlsUsage,
    /// What the server's certificate has to prove.
    pub verify: TlsVerify,
    /// Begin with the TLS handshake instead of an SSLRequest (`sslnegotiation=direct`, servers from 17).
    pub direct: bool,
    /// The only certificates to trust, in PEM; `None`: those of the system.
    pub roots: Option<Pem>,
    /// The client's own certificate and its key.
    pub identity: Option<TlsIdentity>,
    /// Whether to send the host's name (`sslsni`).
    pub server_name: bool,
    /// The lowest version that is accepted; `None`: the TLS library's.
    pub min_version: Option<TlsVersion>,
    /// The highest version that is accepted; `None`: the TLS library's.
    pub max_version: Option<TlsVersion>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            usage: TlsUsage::Prefer,
            verify: TlsVerify::Nothing,
            direct: false,
            roots: None,
            identity: None,
            server_name: true,
            min_version: Some(TlsVersion::V1_2),
            max_version: None,
        }
    }
}

/// Whether to use TLS: the part of libpq's `sslmode` that is about that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsUsage {
    /// Never.
    Disable,
    /// Only if the server refuses to go without it.
    Allow,
    /// If the server offers it; without it, if it cannot be had.
    Prefer,
    /// Always, or there is no connection.
    Require,
}

/// What the server's certificate has to prove: the other part of `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVerify {
    /// Nothing: protects against readers, not against impostors.
    Nothing,
    /// That a trusted authority signed it.
    Chain,
    /// And that it is made out to the host.
    ChainAndHost,
}

/// The client's own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The certificate, and those that lead to its authority, in PEM.
    pub certificate: Pem,
    /// Its private key: PEM or DER, PKCS #8, PKCS #1 or SEC1 (PKCS #8 in PEM alone where TLS is not OpenSSL's).
    pub key: Pem,
    /// The password of a key that is encrypted (`sslpassword`).
    pub password: Option<Secret>,
}

/// Certificates, or a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In a file, which is read whenever it is needed: certificates are rotated.
    File(PathBuf),
    /// As the program has given them.
    Bytes(Arc<[u8]>),
}

/// A key is a secret.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

/// Completes "the client's key …".
impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "in \"{}\"", path.display()),
            Self::Bytes(_) => f.write_str("from the program"),
        }
    }
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "a version is its number")]
pub enum TlsVersion {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

/// What the operating system is told about a TCP connection. `None` is its own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Keepalive probes, if there are to be any.
    pub keepalive: Option<TcpKeepalive>,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`, Linux).
    pub user_timeout: Option<Duration>,
}

/// TCP keepalive probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// Idle time before the first probe.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Probes without an answer that end the connection.
    pub count: Option<u32>,
}

/// libpq's `target_session_attrs`: which of several servers will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionAttributes {
    /// Any.
    #[default]
    Any,
    /// One that accepts writes by default.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
    /// One that is in recovery if there is one; else any.
    PreferStandby,
}
