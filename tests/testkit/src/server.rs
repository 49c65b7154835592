//! A real PostgreSQL server to test on.

mod address;
mod container;
mod external;
mod given;
mod plugins;
mod provider;

use std::sync::Arc;

use pgnudge_testserver::{Cluster, ClusterBuilder, Installation, StopMode};

pub(crate) use address::Address;
use container::Container;
use given::Given;

use crate::error::Error;
use crate::scratch::Scratch;

/// A server, and how to reach it as its superuser.
///
/// It holds no connection, so it may be shared by tests that each have a runtime of their own.
/// Where it is ours (a [`Cluster`], a container), it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: Address,
    origin: Origin,
    version: String,
    version_num: u32,
    plugins: Vec<&'static str>,
}

/// Where a server comes from.
#[derive(Debug)]
enum Origin {
    External,
    /// Named by a user: it may be a real one.
    Named,
    Cluster(Arc<Cluster>),
    /// Held because it is removed when it is dropped.
    Container {
        image: String,
        _container: Box<Container>,
    },
}

impl Server {
    /// The server that `EXTERNAL_POSTGRES_DSN` names; without that a throwaway cluster of an
    /// installed PostgreSQL (see [`Installation::find`]); without that a container.
    ///
    /// # Errors
    /// When there is none of the three: what each of them lacks. A server that was named by
    /// hand and does not work is an error too, and never replaced by another.
    pub async fn find() -> Result<Self, Error> {
        provider::find().await
    }

    /// A throwaway cluster of an installed PostgreSQL, with a configuration of its own.
    ///
    /// # Errors
    /// When there is no installed server, or it does not start.
    pub async fn start(cluster: ClusterBuilder) -> Result<Self, Error> {
        Self::start_from(Installation::find(&[])?, cluster).await
    }

    /// [`start`](Self::start), of a certain installation.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_from(installation: Installation, cluster: ClusterBuilder) -> Result<Self, Error> {
        let cluster = Arc::new(blocking(move || cluster.start(&installation)).await?);
        let address = Address::new("127.0.0.1", cluster.port(), "postgres", "postgres");
        Self::at(address, Origin::Cluster(cluster)).await
    }

    /// A server that a user names by a URI, and that may be a real one. Nothing is added to it but
    /// the databases of [`scratch`](Self::scratch), and the product logs in as the URI says.
    ///
    /// # Errors
    /// When it does not let us in, or makes no replication slot within ten seconds.
    pub async fn named(uri: &str) -> Result<Self, Error> {
        Self::at(Address::Given(Given::parse(uri)?), Origin::Named).await
    }

    /// A server in a container of that image, such as `postgres:17`.
    ///
    /// # Errors
    /// When no container engine answers, or the container does not start.
    pub async fn image(image: &str) -> Result<Self, Error> {
        container::start(image).await
    }

    async fn at(address: Address, origin: Origin) -> Result<Self, Error> {
        let client = address.connect_anywhere().await?;
        let row = client.query_one(VERSION, &[]).await;
        let row = row.map_err(|error| Error::because("the server's version", error))?;
        let (version, number): (_, i32) = (row.get(0), row.get(1));
        let plugins = plugins::offered(&client).await?;
        Ok(Self { address, origin, version, version_num: number.unsigned_abs(), plugins })
    }

    /// The version as the server tells it, such as `15.20` or `19rc1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The version as a number: 150020 is 15.20.
    #[must_use]
    pub fn version_num(&self) -> u32 {
        self.version_num
    }

    /// The major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }

    /// Whether a slot can be made with that output plugin: `test_decoding` or `wal2json`. A
    /// server without logical decoding offers none.
    #[must_use]
    pub fn offers(&self, plugin: &str) -> bool {
        self.plugins.contains(&plugin)
    }

    /// Whether it is there for tests: nobody else works on it, and it may be loaded, held up, and
    /// given roles.
    #[must_use]
    pub fn is_for_tests(&self) -> bool {
        !matches!(self.origin, Origin::Named)
    }

    /// The flags of `cargo xtask proof` that lead here again, with a space in front. A URI, which may
    /// have a password in it, is not repeated.
    #[must_use]
    pub fn replay(&self) -> String {
        match &self.origin {
            Origin::External => String::new(),
            Origin::Named => " --dsn …".to_owned(),
            Origin::Cluster(cluster) => format!(" --bin-dir {}", cluster.installation().bin().display()),
            Origin::Container { image, .. } => format!(" --image {image}"),
        }
    }

    /// A connection URI. The role for the product is `nudger`, with the password `nudger`.
    #[must_use]
    pub fn dsn(&self, user: &str, password: &str, database: &str) -> String {
        self.address.dsn(user, password, database)
    }

    /// A connection of the superuser's to the database `postgres`.
    ///
    /// # Errors
    /// When the server does not let it in.
    pub async fn admin(&self) -> Result<tokio_postgres::Client, Error> {
        self.address.connect_anywhere().await
    }

    /// A fresh database for one test. Its name begins with the test's.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn scratch(&self, test: &str) -> Result<Scratch, Error> {
        Scratch::create(self.address.clone(), test, "").await
    }

    /// The same, in an encoding of its own, as PostgreSQL names it. (`LC_COLLATE` is `C`.)
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn scratch_in_encoding(&self, test: &str, encoding: &str) -> Result<Scratch, Error> {
        let options = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        Scratch::create(self.address.clone(), test, &options).await
    }

    /// The cluster, for tests that stop it, restart it, or need its certificate.
    ///
    /// # Errors
    /// When the server is not ours to stop.
    pub fn cluster(&self) -> Result<&Arc<Cluster>, Error> {
        match &self.origin {
            Origin::Cluster(cluster) => Ok(cluster),
            Origin::External | Origin::Named | Origin::Container { .. } => Err(Error::new(
                "this test needs a server of its own: install PostgreSQL's server programs, and unset \
                 EXTERNAL_POSTGRES_DSN",
            )),
        }
    }

    /// Stops the cluster; everybody else on this runtime goes on meanwhile.
    ///
    /// # Errors
    /// When the server is not ours, or does not stop.
    pub async fn stop(&self, mode: StopMode) -> Result<(), Error> {
        let cluster = Arc::clone(self.cluster()?);
        blocking(move || cluster.stop(mode)).await
    }

    /// Starts the cluster again, on the same port.
    ///
    /// # Errors
    /// When the server is not ours, or does not start.
    pub async fn start_again(&self) -> Result<(), Error> {
        let cluster = Arc::clone(self.cluster()?);
        blocking(move || cluster.start()).await
    }
}

/// Distributions put words of their own behind the version.
const VERSION: &str = "SELECT split_part(current_setting('server_version'), ' ', 1),
    current_setting('server_version_num')::int";

/// Runs what would block the runtime on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, pgnudge_testserver::Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::because("a step of the server", error))??)
}
