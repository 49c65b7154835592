//! Who must own the server process behind a Unix-domain socket (`requirepeer`).

use super::environment::{Environment, Platform};
use super::given::Given;
use super::host::HostSpec;
use super::os_user::OsUser;
use super::value_error::ValueError;

/// The user that the other end of a socket must run as.
///
/// libpq compares names, which needs the system's C library for each connection.
/// The kernel tells the id, so the name is looked up once, here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequirePeer {
    /// The name that was given.
    pub name: String,
    /// Its id.
    pub id: u32,
}

impl RequirePeer {
    /// None if nothing is required, or no host is a socket: TCP has no peers.
    pub(super) fn parse(
        given: &Given,
        hosts: &[HostSpec],
        environment: &Environment,
    ) -> Result<Option<Self>, ValueError> {
        let value = match given.filled("requirepeer") {
            Some(value) if !hosts.iter().all(HostSpec::is_tcp) => value,
            _ => return Ok(None),
        };
        if environment.platform() == Platform::Windows {
            return Err(value.unsupported("this client has no Unix-domain sockets on Windows"));
        }
        let user = OsUser::find(environment.files(), |user| user.name == value.text);
        let user = user.ok_or_else(|| value.invalid("a user in /etc/passwd"))?;
        Ok(Some(Self {
            name: user.name,
            id: user.id,
        }))
    }
}
