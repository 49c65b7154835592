//! A server that a user names by a connection URI, and that may be a real one.
//!
//! Nothing of the URI is lost on the product, which reads it as libpq does. The driver of the
//! suites' own sessions knows fewer parameters: it is told what it knows.

use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;

use crate::error::Error;

/// A URI in parts. It has no `Debug`: there may be a password in it.
#[derive(Clone)]
pub(crate) struct Given {
    /// Scheme, user, password and hosts.
    authority: String,
    database: String,
    parameters: Vec<(String, String)>,
}

impl Given {
    /// Takes the URI apart.
    ///
    /// # Errors
    /// When it is none. (The words do not repeat it.)
    pub(crate) fn parse(uri: &str) -> Result<Self, Error> {
        let scheme = ["postgres://", "postgresql://"].into_iter().find(|scheme| uri.starts_with(scheme));
        let scheme = scheme.ok_or_else(|| Error::new("not a URI: it has to begin with postgres://"))?;
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let (hosts, database) = path[scheme.len()..].split_once('/').unwrap_or((&path[scheme.len()..], ""));
        let parameter = |text: &str| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (key.to_owned(), value.to_owned())
        };
        Ok(Self {
            authority: format!("{scheme}{hosts}"),
            database: if database.is_empty() { "postgres".to_owned() } else { database.to_owned() },
            parameters: query.split('&').filter(|text| !text.is_empty()).map(parameter).collect(),
        })
    }

    /// The database that it names, or `postgres`.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The whole URI, of another database.
    pub(crate) fn uri(&self, database: &str) -> String {
        self.with(database, self.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// What the driver knows of it, of another database.
    pub(crate) fn drivers_uri(&self, database: &str) -> String {
        let known = self.parameters.iter().filter(|(key, _)| KNOWN.contains(&key.as_str()));
        // The connector checks what there is to check.
        let checked = |(key, value): &'_ (String, String)| match value.starts_with("verify-") {
            true => (key.clone(), "require".to_owned()),
            false => (key.clone(), value.clone()),
        };
        let known: Vec<_> = known.map(checked).collect();
        self.with(database, known.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// TLS as strict as `sslmode` and `sslrootcert` ask for.
    ///
    /// # Errors
    /// When the root certificate cannot be read.
    pub(crate) fn connector(&self) -> Result<MakeTlsConnector, Error> {
        let failed = |error| Error::because("TLS", error);
        let mode = self.parameter("sslmode").unwrap_or("prefer");
        let mut builder = TlsConnector::builder();
        builder.danger_accept_invalid_certs(!mode.starts_with("verify-"));
        builder.danger_accept_invalid_hostnames(mode != "verify-full");
        if let Some(file) = self.parameter("sslrootcert").filter(|&file| file != "system") {
            let text = std::fs::read(file).map_err(|error| Error::because(file.to_owned(), error))?;
            for certificate in Certificate::stack_from_pem(&text).map_err(failed)? {
                builder.add_root_certificate(certificate);
            }
        }
        Ok(MakeTlsConnector::new(builder.build().map_err(failed)?))
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let last = self.parameters.iter().rfind(|(key, _)| key == name);
        last.map(|(_, value)| value.as_str())
    }

    fn with<'a>(&self, database: &str, parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
        let parameters: Vec<_> = parameters.map(|(key, value)| format!("{key}={value}")).collect();
        let mark = if parameters.is_empty() { "" } else { "?" };
        format!("{}/{database}{mark}{}", self.authority, parameters.join("&"))
    }
}

/// The parameters that the driver takes, and that say where the server is and how to get in.
const KNOWN: [&str; 7] = ["host", "hostaddr", "port", "user", "password", "sslmode", "target_session_attrs"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_gets_every_parameter_and_the_driver_those_it_knows() {
        let text = "postgres://me:p%40ss@db.test:6543/app?sslmode=verify-full&sslrootcert=/ca&passfile=/x";
        let given = Given::parse(text).unwrap();
        assert_eq!(given.database(), "app");
        assert_eq!(given.uri("t_1"), text.replace("/app", "/t_1"));
        assert_eq!(given.drivers_uri("t_1"), "postgres://me:p%40ss@db.test:6543/t_1?sslmode=require");
    }

    #[test]
    fn what_is_left_out_is_left_out() {
        let given = Given::parse("postgresql://db.test").unwrap();
        assert_eq!((given.database(), given.uri("x").as_str()), ("postgres", "postgresql://db.test/x"));
    }

    #[test]
    fn what_is_no_uri_is_refused_without_being_repeated() {
        let error = Given::parse("host=db password=hunter2").err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
