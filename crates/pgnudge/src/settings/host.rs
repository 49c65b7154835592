//! One server to try: where it is, and what belongs to it alone.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::password::Password;

/// One entry of the host list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostSpec {
    /// How to reach it.
    pub endpoint: Endpoint,
    /// The TCP port; for a socket, part of its file name.
    pub port: u16,
    /// The password for this host, if there is one.
    pub password: Option<Password>,
}

/// How to reach a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// TCP to whatever addresses the name has, in the resolver's order.
    Name(String),
    /// TCP to an address, without asking the resolver.
    Address {
        /// The address (`hostaddr`).
        address: IpAddr,
        /// The name that goes with it (`host`): what a certificate is compared with.
        name: Option<String>,
    },
    /// A Unix-domain socket in this directory. A leading `@` means the abstract
    /// name space of Linux instead of the file system.
    Socket {
        /// The directory (`host`).
        directory: String,
    },
}

impl HostSpec {
    /// The name that TLS announces and verifies.
    ///
    /// None for sockets, which do without TLS, and for addresses without a name.
    pub fn tls_name(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Name(name) => Some(name),
            Endpoint::Address { name, .. } => name.as_deref(),
            Endpoint::Socket { .. } => None,
        }
    }

    /// Whether connections go over TCP.
    pub fn is_tcp(&self) -> bool {
        !matches!(self.endpoint, Endpoint::Socket { .. })
    }

    /// The path of the socket, `DIRECTORY/.s.PGSQL.PORT`, if this is one.
    ///
    /// An abstract name starts with a zero byte instead of `@`, as `connect(2)` wants it.
    pub fn socket_path(&self) -> Option<PathBuf> {
        let shown = self.shown_socket_path()?;
        Some(match shown.strip_prefix('@') {
            Some(name) => PathBuf::from(format!("\0{name}")),
            None => PathBuf::from(shown),
        })
    }

    pub(super) fn shown_socket_path(&self) -> Option<String> {
        match &self.endpoint {
            Endpoint::Socket { directory } => Some(format!("{directory}/.s.PGSQL.{}", self.port)),
            Endpoint::Name(_) | Endpoint::Address { .. } => None,
        }
    }

    /// The host as a password file calls it.
    pub(super) fn passfile_name(&self, default_socket_directory: Option<&str>) -> String {
        match &self.endpoint {
            Endpoint::Name(name) => name.clone(),
            Endpoint::Address {
                name: Some(name), ..
            } => name.clone(),
            Endpoint::Address { address, .. } => address.to_string(),
            Endpoint::Socket { directory }
                if Some(directory.as_str()) == default_socket_directory =>
            {
                "localhost".to_owned()
            }
            Endpoint::Socket { directory } => directory.clone(),
        }
    }
}

/// For logs: `db.example:5432`, `[::1]:5432`, or the path of a socket.
impl fmt::Display for HostSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.endpoint {
            Endpoint::Name(name) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Endpoint::Name(name) => write!(f, "{name}:{port}"),
            Endpoint::Address { address, name } => {
                let address = std::net::SocketAddr::new(*address, port);
                match name {
                    Some(name) => write!(f, "{name} ({address})"),
                    None => write!(f, "{address}"),
                }
            }
            Endpoint::Socket { directory } => write!(f, "{directory}/.s.PGSQL.{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(endpoint: Endpoint) -> HostSpec {
        HostSpec {
            endpoint,
            port: 5433,
            password: None,
        }
    }

    #[test]
    fn hosts_are_shown_as_people_write_them() {
        let check = |endpoint, text| assert_eq!(host(endpoint).to_string(), text);
        check(Endpoint::Name("db.example".into()), "db.example:5433");
        check(Endpoint::Name("::1".into()), "[::1]:5433");
        let address = "::1".parse().unwrap();
        check(
            Endpoint::Address {
                address,
                name: None,
            },
            "[::1]:5433",
        );
        let name = Some("db".into());
        check(Endpoint::Address { address, name }, "db ([::1]:5433)");
        check(
            Endpoint::Socket {
                directory: "/run".into(),
            },
            "/run/.s.PGSQL.5433",
        );
    }

    #[test]
    fn sockets_have_a_path() {
        let path = |directory: &str| {
            host(Endpoint::Socket {
                directory: directory.into(),
            })
        };
        assert_eq!(
            path("/tmp").socket_path(),
            Some("/tmp/.s.PGSQL.5433".into())
        );
        assert_eq!(path("@pg").socket_path(), Some("\0pg/.s.PGSQL.5433".into()));
        assert_eq!(host(Endpoint::Name("h".into())).socket_path(), None);
    }
}
