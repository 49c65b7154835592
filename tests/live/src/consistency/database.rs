//! Where the sessions of a round connect to: the database on the server that accepts writes, which may
//! change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgnudge_testkit::tokio_postgres::{Client, Config, NoTls};

use crate::Failure;

/// A database, found again after it has moved to another server. Its clones move together.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    uri: Arc<Mutex<String>>,
}

impl Database {
    /// At that URI of the superuser's.
    pub(crate) fn at(uri: String) -> Self {
        Self { uri: Arc::new(Mutex::new(uri)) }
    }

    /// From now on it is there.
    pub(crate) fn moved_to(&self, uri: String) {
        *self.uri.lock().unwrap_or_else(PoisonError::into_inner) = uri;
    }

    /// A session of the superuser's.
    pub(crate) async fn connect(&self, application: &str) -> Result<Client, Failure> {
        let uri = self.uri.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut config: Config = uri.parse()?;
        config.application_name(application).connect_timeout(Duration::from_secs(5));
        let (client, connection) = config.connect(NoTls).await?;
        // Each query fails once it has ended.
        tokio::spawn(async { connection.await.ok() });
        Ok(client)
    }
}
