//! What a user says about the server, apart from the connection text.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use nudge_engine::{PasswordError, Secret};

use crate::FeedBuilder;

/// The server, in code. Each setting counts more than the connection text, which may then be empty.
impl FeedBuilder {
    /// The host, as in the connection text, which it counts more than: so does each setting here.
    #[must_use]
    pub fn host(self, host: impl fmt::Display) -> Self {
        self.setting("host", host)
    }

    /// The TCP port. Default 5432.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.setting("port", port)
    }

    /// The role.
    #[must_use]
    pub fn user(self, user: impl fmt::Display) -> Self {
        self.setting("user", user)
    }

    /// The database whose changes are wanted. Default: one of the role's name.
    #[must_use]
    pub fn database(self, database: impl fmt::Display) -> Self {
        self.setting("dbname", database)
    }

    /// Any keyword of a connection text, such as `sslmode`; `docs/connecting.md` has them all. Of two values for one
    /// keyword the later counts.
    #[must_use]
    pub fn setting(mut self, keyword: &str, value: impl fmt::Display) -> Self {
        self.connection.set(keyword, value);
        self
    }

    /// The only certificates to trust, in PEM, in place of a file (`sslrootcert`). The server has to prove its name with
    /// them: `sslmode` is then `verify-full`, and anything less an error.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connection.trust_only(pem.into());
        self
    }

    /// The client's own certificate (PEM, with those that lead to its authority) and its private key (PEM or DER, not
    /// encrypted), in place of files (`sslcert`, `sslkey`).
    #[must_use]
    pub fn client_identity(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.connection.identify(certificate.into(), key.into());
        self
    }

    /// Asks for the password whenever a connection is opened, in place of the connection text's: for tokens that expire.
    /// A callback that fails is asked again with the next attempt. Any error becomes a [`PasswordError`] with `?`.
    ///
    /// ```
    /// # use pgnudge::Feed;
    /// # async fn fresh_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// let builder = Feed::builder("postgres://app@db/app").password(|| async { Ok(fresh_token().await?) });
    /// ```
    #[must_use]
    pub fn password<F>(mut self, callback: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, PasswordError>> + Send + 'static,
    {
        self.connection.password = Some(Arc::new(move |_| {
            let asked = callback();
            Box::pin(async move { asked.await.map(|password| Some(Secret::new(password))) })
        }));
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, Feed};

    #[test]
    fn the_last_word_counts_and_code_counts_more_than_text() {
        let builder =
            Feed::builder("host=text port=5000 user=text").host("code").port(6000).port(7000).database("d");
        let (target, _) = builder.connection.target().unwrap();
        assert_eq!(format!("{:?}", target.hosts[0].place), r#"Name("code")"#);
        assert_eq!((target.hosts[0].port, &*target.user, &*target.database), (7000, "text", "d"));
    }

    #[test]
    fn what_is_wrong_in_code_is_found_without_a_server() {
        let builder = || Feed::builder("host=127.0.0.1");
        for wrong in [
            builder().setting("hots", "a"),
            builder().setting("sslmode", "maybe"),
            builder().host("a\0b"),
            builder().database("x".repeat(1 << 17)),
            // Authorities that would not count.
            builder().root_certificates("").setting("sslmode", "require"),
        ] {
            assert_eq!(wrong.check().unwrap_err().kind(), ErrorKind::Config);
        }
        let error = builder().setting("sslmode", "maybe").check().unwrap_err().to_string();
        assert!(error.contains("the program"), "{error}");
    }

    #[test]
    fn debug_shows_no_secret_of_code() {
        let builder = Feed::builder("").setting("password", "hunter2").client_identity("hunter2", "hunter2");
        assert!(!format!("{builder:?}").contains("hunter2"));
        let (target, _) = builder.connection.target().unwrap();
        assert!(!format!("{:?} {:?}", target.tls, target.hosts).contains("hunter2"));
    }
}
