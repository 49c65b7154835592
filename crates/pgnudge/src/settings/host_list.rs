//! The lists in `host`, `hostaddr` and `port`, matched up.
//!
//! Follows "Specifying Multiple Hosts" of the manual. Each list is separated by
//! commas, an empty entry takes the default, and one port stands for all hosts.

use std::net::IpAddr;

use super::environment::{Environment, Platform};
use super::error::SettingsError;
use super::given::{Given, GivenValue};
use super::host::{Endpoint, HostSpec};
use super::value_error::ValueError;

/// Lists that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostListError {
    /// More hosts than [`MAX_HOSTS`].
    #[error("{hosts} hosts are given; at most {MAX_HOSTS} are tried")]
    TooMany {
        /// How many.
        hosts: usize,
    },
    /// `host` and `hostaddr` differ in length.
    #[error("could not match {names} host names to {addresses} hostaddr values")]
    Addresses {
        /// Entries in `host`.
        names: usize,
        /// Entries in `hostaddr`.
        addresses: usize,
    },
    /// `port` has neither one entry nor as many as there are hosts.
    #[error("could not match {ports} port numbers to {hosts} hosts")]
    Ports {
        /// Entries in `port`.
        ports: usize,
        /// Hosts.
        hosts: usize,
    },
}

/// The most hosts in a list. An attempt may wait for each of them until its
/// timeout; with 64 hosts and the default of ten seconds a round takes as long as
/// ten minutes already, and no cluster has as many members.
pub const MAX_HOSTS: usize = 64;

/// libpq's port.
const DEFAULT_PORT: u16 = 5432;

/// Works out the hosts, without passwords.
pub(super) fn parse(given: &Given, environment: &Environment) -> Result<Vec<HostSpec>, SettingsError> {
    let [names, addresses, ports] = ["host", "hostaddr", "port"].map(|list| given.filled(list));
    let hosts = check_lengths(length(names), length(addresses), length(ports))?;
    let (names, addresses, ports) = (entries(names), entries(addresses), entries(ports));
    let entry = |index| {
        let port = ports.get(if ports.len() == 1 { 0 } else { index });
        let host = HostSpec {
            endpoint: endpoint(names.get(index), addresses.get(index), environment)?,
            port: port.map_or(Ok(DEFAULT_PORT), parse_port)?,
            password: None,
        };
        check_socket(&host, names.get(index), environment)?;
        Ok(host)
    };
    (0..hosts).map(entry).collect()
}

/// How many hosts there are, if the lists fit together. A list that is not given
/// has length 0.
fn check_lengths(names: usize, addresses: usize, ports: usize) -> Result<usize, HostListError> {
    let hosts = names.max(addresses).max(1);
    if hosts > MAX_HOSTS {
        return Err(HostListError::TooMany { hosts });
    }
    if names != addresses && names != 0 && addresses != 0 {
        return Err(HostListError::Addresses { names, addresses });
    }
    if ports > 1 && ports != hosts {
        return Err(HostListError::Ports { ports, hosts });
    }
    Ok(hosts)
}

fn length(list: Option<&GivenValue>) -> usize {
    list.map_or(0, |list| list.text.split(',').count())
}

/// The entries of a list, each of which knows where it came from.
fn entries(list: Option<&GivenValue>) -> Vec<GivenValue> {
    let Some(list) = list else { return Vec::new() };
    let entry = |text: &str| GivenValue { text: text.to_owned(), ..list.clone() };
    list.text.split(',').map(entry).collect()
}

fn endpoint(
    name: Option<&GivenValue>,
    address: Option<&GivenValue>,
    environment: &Environment,
) -> Result<Endpoint, ValueError> {
    let name = name.filter(|name| !name.text.is_empty()).map(|name| name.text.clone());
    if let Some(address) = address.filter(|address| !address.text.is_empty()) {
        let address = parse_address(address)?;
        return Ok(Endpoint::Address { address, name });
    }
    Ok(match (name, environment.default_socket_directory()) {
        (Some(name), _) if name.starts_with(['/', '@']) => Endpoint::Socket { directory: name },
        (Some(name), _) => Endpoint::Name(name),
        (None, Some(directory)) => Endpoint::Socket { directory: directory.to_owned() },
        (None, None) => Endpoint::Name("localhost".to_owned()),
    })
}

fn parse_address(value: &GivenValue) -> Result<IpAddr, ValueError> {
    let allowed = "an IPv4 or IPv6 address without zone (an address with a zone can be a host)";
    value.text.parse().map_err(|_| value.invalid(allowed))
}

fn parse_port(value: &GivenValue) -> Result<u16, ValueError> {
    if value.text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    let number = value.integer().ok().and_then(|number| u16::try_from(number).ok());
    number.filter(|port| *port != 0).ok_or_else(|| invalid_port(value))
}

/// In `postgres://user:password`, without the `@` and the host, the password is
/// taken for a port, so what is no number is not shown.
fn invalid_port(value: &GivenValue) -> ValueError {
    let in_number = |c: char| c.is_ascii_digit() || "+- ".contains(c);
    if value.text.chars().all(in_number) {
        return value.invalid("1 to 65535");
    }
    let allowed = "1 to 65535 (in a URI, a password has an \"@\" behind it)";
    ValueError { value: None, ..value.invalid(allowed) }
}

/// Whether a socket can exist here at all.
fn check_socket(
    host: &HostSpec,
    name: Option<&GivenValue>,
    environment: &Environment,
) -> Result<(), ValueError> {
    let (Some(path), Some(name)) = (host.shown_socket_path(), name) else {
        return Ok(());
    };
    if environment.platform() == Platform::Windows {
        return Err(name.unsupported("this client has no Unix-domain sockets on Windows"));
    }
    if path.starts_with('@') && !cfg!(target_os = "linux") {
        return Err(name.unsupported("only Linux has abstract sockets"));
    }
    if path.len() > LONGEST_SOCKET_PATH {
        return Err(name.invalid(format!(
            "a socket path of at most {LONGEST_SOCKET_PATH} bytes, and this one has {}",
            path.len()
        )));
    }
    Ok(())
}

/// `sun_path` of `sockaddr_un`, less its zero byte: 108 on Linux, 104 on BSD and macOS.
const LONGEST_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
