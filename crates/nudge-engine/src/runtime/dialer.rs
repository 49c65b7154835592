//! The hosts of a [`Target`], as routes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use nudge_proto::{Secret, Security};
use tokio::net::lookup_host;

use crate::policy::Platform;
use crate::policy::diagnosis::{self, Stage};
use crate::runtime::{Connected, Dial, Route, random, socket, tls};
use crate::{Error, ErrorKind, Host, Place, Target, TlsUsage};

/// Dials the hosts of a [`Target`].
pub struct TargetDialer(Arc<Target>);

impl TargetDialer {
    /// Takes the target as it is; nothing is looked up before the first attempt.
    pub fn new(target: Target) -> Self {
        Self(Arc::new(target))
    }

    /// Names are looked up anew for each attempt: after a failover they may point elsewhere. One that
    /// cannot be looked up is no reason to give up the others.
    async fn resolve(&self) -> Result<Vec<Arc<dyn Route>>, Error> {
        let (mut routes, mut failure): (Vec<Arc<dyn Route>>, _) = (Vec::new(), None);
        for host in self.shuffled(&self.0.hosts) {
            match addresses(host).await {
                Ok(addresses) => {
                    for address in self.shuffled(&addresses) {
                        routes.extend(self.manners(host, address));
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if routes.is_empty() => Err(error),
            _ if routes.is_empty() => Err(Error::config("there is no host to connect to", "name a host")),
            _ => Ok(routes),
        }
    }

    /// `load_balance_hosts=random`: a Fisher-Yates shuffle.
    fn shuffled<'a, T>(&self, all: &'a [T]) -> Vec<&'a T> {
        let mut all: Vec<_> = all.iter().collect();
        if self.0.shuffle {
            for last in (1..all.len()).rev() {
                all.swap(last, random::below(last + 1));
            }
        }
        all
    }

    /// The manners in which `sslmode` lets an address be reached, the preferred one first.
    fn manners(&self, host: &Host, address: &Address) -> Vec<Arc<dyn Route>> {
        let manners: &[Manner] = match (address, self.0.tls.usage) {
            (Address::Unix(_), _) | (_, TlsUsage::Disable) => &[Manner::Plain],
            (_, TlsUsage::Allow) => &[Manner::Plain, Manner::Tls],
            (_, TlsUsage::Prefer) => &[Manner::TlsIfOffered, Manner::Plain],
            (_, TlsUsage::Require) => &[Manner::Tls],
        };
        let route = |(n, &manner): (usize, &Manner)| {
            let (target, host, address) = (Arc::clone(&self.0), host.clone(), address.clone());
            let (alternative, spare) = (n > 0, tls::Spare::default());
            Arc::new(HostRoute { target, host, address, manner, alternative, spare }) as Arc<dyn Route>
        };
        manners.iter().enumerate().map(route).collect()
    }
}

impl Dial for TargetDialer {
    fn routes(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Route>>, Error>> {
        Box::pin(self.resolve())
    }
}

async fn addresses(host: &Host) -> Result<Vec<Address>, Error> {
    match &host.place {
        Place::Socket(path) => Ok(vec![Address::Unix(path.clone())]),
        Place::Address { address, .. } => Ok(vec![Address::Tcp(SocketAddr::new(*address, host.port))]),
        Place::Name(name) => match lookup_host((name.as_str(), host.port)).await {
            Ok(found) => Ok(found.map(Address::Tcp).collect()),
            Err(error) => {
                let message = format!("the host name \"{name}\" cannot be looked up: {error}");
                let hint = diagnosis::too_few_files(&error)
                    .unwrap_or("check the host name, and that name resolution works");
                Err(Error::transient(ErrorKind::Network, message).with_hint(hint).with_source(error))
            }
        },
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
    spare: tls::Spare,
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
                        tls::secure(socket, &target.tls, &self.spare, &self.certificate_name()).await?
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
        callback().await.map(Some).map_err(|error| {
            Error::transient(ErrorKind::Authentication, format!("there is no password: {error}"))
                .with_hint("the program's own password callback failed")
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
        match &self.address {
            Address::Tcp(address) => format!("{address}, {}", self.manner.words()),
            Address::Unix(path) => path.display().to_string(),
        }
    }

    fn platform(&self) -> Platform {
        Platform::of_host(&self.certificate_name())
    }

    fn is_alternative(&self) -> bool {
        self.alternative
    }
}
