//! How to reach a server.

use std::fmt;
use std::time::Duration;

use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket};

use super::given::Given;
use crate::error::Error;

/// Where a server is, and who the suites are there.
#[derive(Clone)]
pub(crate) enum Address {
    /// A server for tests: the suites are its superuser.
    Known(Known),
    /// One that a user named: the suites are whoever the user says.
    Given(Given),
}

/// Host, port and superuser of a server.
#[derive(Clone)]
pub(crate) struct Known {
    host: String,
    port: u16,
    user: String,
    password: String,
}

impl Address {
    pub(crate) fn new(host: &str, port: u16, user: &str, password: &str) -> Self {
        let [host, user, password] = [host, user, password].map(str::to_owned);
        Self::Known(Known { host, port, user, password })
    }

    /// From a connection string, of which the first host counts.
    pub(crate) fn parse(dsn: &str) -> Result<Self, Error> {
        let config: Config = dsn.parse().map_err(|error| Error::because("not a connection string", error))?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(directory)) => directory.to_string_lossy().into_owned(),
            None => return Err(Error::new("the connection string names no host")),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        Ok(Self::new(&host, port, config.get_user().unwrap_or("postgres"), &password))
    }

    /// A connection URI of that user's; on a server that was named there is but one user.
    pub(crate) fn dsn(&self, user: &str, password: &str, database: &str) -> String {
        match self {
            Self::Known(known) => known.dsn(user, password, database),
            Self::Given(given) => given.uri(database),
        }
    }

    /// [`dsn`](Self::dsn) of the superuser.
    pub(crate) fn superuser_dsn(&self, database: &str) -> String {
        match self {
            Self::Known(known) => known.dsn(&known.user, &known.password, database),
            Self::Given(given) => given.uri(database),
        }
    }

    /// A connection of the suites' own. It lives as long as the client and this runtime.
    pub(crate) async fn connect(&self, database: &str) -> Result<Client, Error> {
        match self {
            Self::Known(known) => open(&mut known.config(database), NoTls).await,
            Self::Given(given) => {
                let uri = given.drivers_uri(database).parse();
                let mut config: Config = uri.map_err(|error| Error::because("the URI", error))?;
                open(&mut config, given.connector()?).await
            }
        }
    }

    /// The same, to a database that is there anyway.
    pub(crate) async fn connect_anywhere(&self) -> Result<Client, Error> {
        match self {
            Self::Known(_) => self.connect("postgres").await,
            Self::Given(given) => self.connect(given.database()).await,
        }
    }
}

impl Known {
    /// A unix socket's directory goes in as the host, escaped.
    fn dsn(&self, user: &str, password: &str, database: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { escaped(&self.host) };
        let [user, password, database] = [user, password, database].map(escaped);
        format!("postgres://{user}:{password}@{host}:{}/{database}", self.port)
    }

    fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host(&self.host).port(self.port).user(&self.user).dbname(database).password(&self.password);
        config
    }
}

/// Neither password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => write!(f, "{}:{} as {}", known.host, known.port, known.user),
            Self::Given(_) => f.write_str("the server that was named"),
        }
    }
}

async fn open<T>(config: &mut Config, tls: T) -> Result<Client, Error>
where
    T: MakeTlsConnect<Socket, Stream: Send, TlsConnect: Send> + Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    T::Stream: 'static,
{
    config.application_name("pgnudge-testkit").connect_timeout(Duration::from_secs(30));
    let refused = |error| Error::because(format!("no connection to {}", place(config)), error);
    let (client, connection) = config.connect(tls).await.map_err(refused)?;
    // How it ends is for the client to tell: each of its queries fails from then on.
    tokio::spawn(async { connection.await.ok() });
    Ok(client)
}

/// Where a connection goes to, and as whom.
fn place(config: &Config) -> String {
    format!("{:?} {:?} as {}", config.get_hosts(), config.get_ports(), config.get_user().unwrap_or_default())
}

/// Whatever is not a letter, a digit or one of `-._~`, escaped for a URI.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dsn: &str, expected: &str) {
        assert_eq!(Address::parse(dsn).unwrap().superuser_dsn("app"), expected);
    }

    #[test]
    fn connection_strings_of_both_forms_are_read() {
        check("postgres://me:p%40ss@db.test:6543/x", "postgres://me:p%40ss@db.test:6543/app");
        check("host=db.test,other user=me password=pw", "postgres://me:pw@db.test:5432/app");
        check("host=/run/postgresql", "postgres://postgres:@%2Frun%2Fpostgresql:5432/app");
        check("host=::1 password=x", "postgres://postgres:x@[::1]:5432/app");
    }

    #[test]
    fn a_connection_string_without_a_host_is_refused() {
        assert!(Address::parse("user=me").is_err());
        assert!(Address::parse("nonsense").is_err());
    }
}
