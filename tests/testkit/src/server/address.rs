//! How to reach a server as its superuser.

use std::time::Duration;

use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::Error;

/// Host, port and superuser of a server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    host: String,
    port: u16,
    user: String,
    password: String,
}

impl Address {
    pub(crate) fn new(host: &str, port: u16, user: &str, password: &str) -> Self {
        let [host, user, password] = [host, user, password].map(str::to_owned);
        Self { host, port, user, password }
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

    /// A connection URI; a unix socket's directory goes in as the host, escaped.
    pub(crate) fn dsn(&self, user: &str, password: &str, database: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { escaped(&self.host) };
        let [user, password, database] = [user, password, database].map(escaped);
        format!("postgres://{user}:{password}@{host}:{}/{database}", self.port)
    }

    /// [`dsn`](Self::dsn) of the superuser.
    pub(crate) fn superuser_dsn(&self, database: &str) -> String {
        self.dsn(&self.user, &self.password, database)
    }

    /// A connection of the superuser's. It lives as long as the client and this runtime.
    pub(crate) async fn connect(&self, database: &str) -> Result<Client, Error> {
        let mut config = Config::new();
        config.host(&self.host).port(self.port).user(&self.user).dbname(database);
        config.password(&self.password).application_name("pgnudge-testkit");
        config.connect_timeout(Duration::from_secs(30));
        let refused = |error| {
            let what = format!("no connection to {}:{} as {}", self.host, self.port, self.user);
            Error::because(what, error)
        };
        let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
        // How it ends is for the client to tell: each of its queries fails from then on.
        tokio::spawn(async { connection.await.ok() });
        Ok(client)
    }
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
