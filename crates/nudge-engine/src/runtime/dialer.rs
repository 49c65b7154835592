//! The hosts of a [`Target`], as routes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use nudge_proto::{Secret, Security};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::policy::Platform;
use crate::policy::diagnosis::{self, Stage};
use crate::runtime::{Connected, Dial, Route, random, socket, tls};
use crate::{Error, ErrorKind, Host, Place, Target, TlsUsage};

/// Dials the hosts of a [`Target`].
pub struct TargetDialer {
    target: Arc<Target>,
    connectors: Arc<tls::Connectors>,
}

impl TargetDialer {
    /// Takes the target as it is; nothing is looked up before the first attempt.
    pub fn new(target: Target) -> Self {
        Self { target: Arc::new(target), connectors: Arc::default() }
    }

    /// Names are looked up again for each attempt: after a failover they may point elsewhere. All of them at
    /// once, so that one without an answer does not delay the others.
    async fn resolve(&self, limit: Duration) -> Result<Vec<Arc<dyn Route>>, Error> {
        if self.target.hosts.is_empty() {
            return Err(Error::config("there is no host to connect to", "name a host"));
        }
        let hosts = self.shuffled(&self.target.hosts).into_iter();
        let routes = hosts.map(|host| async move {
            match addresses(host, limit).await {
                Ok(addresses) => {
                    let addresses = self.shuffled(&addresses).into_iter();
                    addresses.flat_map(|address| self.manners(host, address)).collect()
                }
                Err(error) => vec![Arc::new(Nowhere { host: named(host), error }) as Arc<dyn Route>],
            }
        });
        Ok(join_all(routes).await.into_iter().flatten().collect())
    }

    /// `load_balance_hosts=random`: a Fisher-Yates shuffle.
    fn shuffled<'a, T>(&self, all: &'a [T]) -> Vec<&'a T> {
        let mut all: Vec<_> = all.iter().collect();
        if self.target.shuffle {
            for last in (1..all.len()).rev() {
                all.swap(last, random::below(last + 1));
            }
        }
        all
    }

    /// The manners in which `sslmode` lets an address be reached, the preferred one first.
    fn manners(&self, host: &Host, address: &Address) -> Vec<Arc<dyn Route>> {
        let manners: &[Manner] = match (address, self.target.tls.usage) {
            (Address::Unix(_), _) | (_, TlsUsage::Disable) => &[Manner::Plain],
            (_, TlsUsage::Allow) => &[Manner::Plain, Manner::Tls],
            (_, TlsUsage::Prefer) => &[Manner::TlsIfOffered, Manner::Plain],
            (_, TlsUsage::Require) => &[Manner::Tls],
        };
        let route = |(n, &manner): (usize, &Manner)| {
            let (target, host, address) = (Arc::clone(&self.target), host.clone(), address.clone());
            let (alternative, connectors) = (n > 0, Arc::clone(&self.connectors));
            Arc::new(HostRoute { target, host, address, manner, alternative, connectors }) as Arc<dyn Route>
        };
        manners.iter().enumerate().map(route).collect()
    }
}

impl Dial for TargetDialer {
    fn routes(&self, limit: Duration) -> BoxFuture<'_, Result<Vec<Arc<dyn Route>>, Error>> {
        Box::pin(self.resolve(limit))
    }
}

/// At least one.
async fn addresses(host: &Host, limit: Duration) -> Result<Vec<Address>, Error> {
    let name = match &host.place {
        Place::Socket(path) => return Ok(vec![Address::Unix(path.clone())]),
        Place::Address { address, .. } => {
            return Ok(vec![Address::Tcp(SocketAddr::new(*address, host.port))]);
        }
        Place::Name(name) => name,
    };
    let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "connect_timeout ran out"));
    let found = timeout(limit, lookup_host((name.as_str(), host.port))).await.unwrap_or_else(late);
    let found: io::Result<Vec<_>> = found.map(|found| found.map(Address::Tcp).collect());
    let error = match found {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_) => io::Error::new(io::ErrorKind::NotFound, "it has no address"),
        Err(error) => error,
    };
    let message = format!("the host name \"{}\" cannot be looked up: {error}", name.escape_debug());
    let hint =
        diagnosis::too_few_files(&error).unwrap_or("check the host name, and that name resolution works");
    Err(Error::transient(ErrorKind::Network, message).with_hint(hint).with_source(error))
}

/// The host as the settings name it.
fn named(host: &Host) -> String {
    match &host.place {
        Place::Name(name) => format!("{}:{}", name.escape_debug(), host.port),
        Place::Address { name: Some(name), address } => {
            format!("{} ({})", name.escape_debug(), SocketAddr::new(*address, host.port))
        }
        Place::Address { name: None, address } => SocketAddr::new(*address, host.port).to_string(),
        Place::Socket(path) => path.display().to_string(),
    }
}

/// The route to a host that cannot be looked up.
struct Nowhere {
    host: String,
    error: Error,
}

impl Route for Nowhere {
    fn open(&self) -> BoxFuture<'_, Result<Connected, Error>> {
        Box::pin(async { Err(self.error.clone()) })
    }

    fn name(&self) -> String {
        self.host.clone()
    }
}

#[derive(Clone, Debug)]
enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Plain,
    Tls,
    TlsIfOffered,
}

impl Manner {
    /// For people: what follows the address.
    fn words(self) -> &'static str {
        match self {
            Self::Plain => "without TLS",
            Self::Tls => "with TLS",
            Self::TlsIfOffered => "with TLS if offered",
        }
    }
}

struct HostRoute {
    target: Arc<Target>,
    host: Host,
    address: Address,
    manner: Manner,
    alternative: bool,
    connectors: Arc<tls::Connectors>,
}

impl HostRoute {
    async fn connect(&self) -> Result<Connected, Error> {
        let target = &self.target;
        let (socket, security) = match &self.address {
            Address::Unix(path) => {
                let socket = socket::unix(path, target.peer).await?;
                return Ok(Connected { socket, security: Security::Local, password: self.password().await? });
            }
            Address::Tcp(address) => {
                let opened = socket::tcp(*address, &target.tcp).await;
                let socket = opened.map_err(|error| diagnosis::network(Stage::Connect, error))?;
                match self.manner {
                    Manner::Plain => (socket, None),
                    Manner::Tls | Manner::TlsIfOffered => {
                        tls::secure(socket, &target.tls, &self.connectors, &self.certificate_name()).await?
                    }
                }
            }
        };
        if security.is_none() && self.manner == Manner::Tls {
            return Err(tls::not_offered());
        }
        let security = security.unwrap_or(Security::Plain);
        Ok(Connected { socket, security, password: self.password().await? })
    }

    /// Asked anew for each connection: tokens expire.
    async fn password(&self) -> Result<Option<Secret>, Error> {
        let Some(callback) = &self.target.password else { return Ok(self.host.password.clone()) };
        callback(&self.host).await.map_err(|error| {
            Error::transient(ErrorKind::Authentication, format!("there is no password: {error}")).with_hint(
                "the program's own password callback failed, or the service file is not what it was",
            )
        })
    }

    /// What the server's certificate has to be made out to, and the name that is sent for it.
    fn certificate_name(&self) -> String {
        match &self.host.place {
            Place::Name(name) | Place::Address { name: Some(name), .. } => name.clone(),
            Place::Address { address, name: None } => address.to_string(),
            Place::Socket(_) => String::new(),
        }
    }
}

impl Route for HostRoute {
    fn open(&self) -> BoxFuture<'_, Result<Connected, Error>> {
        Box::pin(self.connect())
    }

    fn name(&self) -> String {
        let manner = self.manner.words();
        match (&self.address, self.certificate_name()) {
            (Address::Tcp(address), name) if name == address.ip().to_string() => {
                format!("{address}, {manner}")
            }
            (Address::Tcp(address), name) => format!("{} ({address}), {manner}", name.escape_debug()),
            (Address::Unix(path), _) => path.display().to_string(),
        }
    }

    fn host(&self) -> String {
        named(&self.host)
    }

    fn platform(&self) -> Platform {
        Platform::of_host(&self.certificate_name())
    }

    fn is_alternative(&self) -> bool {
        self.alternative
    }
}

impl fmt::Debug for TargetDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TargetDialer").field(&self.target).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener};

    use super::*;
    use crate::{SessionAttributes, Tcp, Tls};
    use nudge_proto::{AllowedMethods, ChannelBinding};

    fn target(hosts: Vec<Host>) -> Target {
        Target {
            hosts,
            user: "nudger".into(),
            database: "app".into(),
            parameters: Vec::new(),
            password: None,
            tls: Tls::default(),
            channel_binding: ChannelBinding::Prefer,
            allowed: AllowedMethods::default(),
            tcp: Tcp::default(),
            attributes: SessionAttributes::Any,
            shuffle: false,
            peer: None,
        }
    }

    /// Longer than a name can be, so that no server is asked for it.
    fn unknown() -> Place {
        Place::Name("x".repeat(300))
    }

    /// A round with it is not permanent: names come back, too.
    #[tokio::test]
    async fn a_host_that_cannot_be_looked_up_is_a_route_that_cannot_be_opened() {
        let address = Place::Address { address: [127, 0, 0, 1].into(), name: Some("db.example".into()) };
        let host = |place| Host { place, port: 5433, password: None };
        let dialer = TargetDialer::new(target(vec![host(unknown()), host(address)]));
        let routes = dialer.routes(Duration::from_secs(10)).await.unwrap();
        let names: Vec<_> = routes.iter().map(|route| route.name()).collect();
        let manners = ["with TLS if offered", "without TLS"];
        let of_address = manners.map(|manner| format!("db.example (127.0.0.1:5433), {manner}"));
        assert_eq!(names[1..], of_address);
        assert_eq!(routes[0].host(), format!("{}:5433", "x".repeat(300)));
        assert_eq!(routes[1].host(), routes[2].host());
        let Err(error) = routes[0].open().await else { panic!("it was opened") };
        assert!(!error.is_permanent() && error.to_string().contains("cannot be looked up"), "{error}");
    }

    /// The error of each way to a closed port.
    async fn failures(places: Vec<Place>) -> (u16, Vec<String>) {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let host = |place| Host { place, port, password: None };
        let target = target(places.into_iter().map(host).collect());
        let mut failures = Vec::new();
        for route in TargetDialer::new(target).routes(Duration::from_secs(30)).await.unwrap() {
            let attempt = route.open().await;
            failures.push(attempt.err().map(|error| error.at(&route.name()).to_string()).unwrap_or_default());
        }
        (port, failures)
    }

    #[tokio::test]
    async fn an_error_names_host_address_port_and_manner() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let named = Place::Address { address, name: Some("db.example".into()) };
        let bare = Place::Address { address, name: None };
        let (port, failures) = failures(vec![named, bare, Place::Name("no-such-host.invalid".into())]).await;
        let begins = [
            format!(
                "db.example (127.0.0.1:{port}), with TLS if offered: the connection failed while connecting"
            ),
            format!("db.example (127.0.0.1:{port}), without TLS: the connection failed"),
            format!("127.0.0.1:{port}, with TLS if offered: the connection failed"),
            format!("127.0.0.1:{port}, without TLS: the connection failed"),
            "the host name \"no-such-host.invalid\" cannot be looked up".into(),
        ];
        assert_eq!(failures.len(), begins.len(), "{failures:?}");
        for (failure, begin) in failures.iter().zip(&begins) {
            assert!(failure.starts_with(begin), "{failure}");
        }
    }
}
