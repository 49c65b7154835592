//! A database of a test's own, with its slots and walsenders in view.

mod name;
mod sender;
mod slot;

use tokio::sync::Mutex;
use tokio_postgres::types::PgLsn;
use tokio_postgres::{Client, SimpleQueryMessage};

pub use sender::Sender;
pub use slot::Slot;

use crate::error::Error;
use crate::server::Address;

/// A fresh database, and the superuser's session in it. Dropping it ends every session in the
/// database and drops the database; it waits until that is done.
///
/// If the server is gone by then, the database stays: there is nobody to drop it.
#[derive(Debug)]
pub struct Scratch {
    address: Address,
    name: String,
    session: Mutex<Client>,
    /// Roles belong to the whole server: these are dropped after the database.
    roles: Mutex<Vec<String>>,
}

impl Scratch {
    pub(crate) async fn create(address: Address, test: &str, options: &str) -> Result<Self, Error> {
        let name = name::unique(test);
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 {options}");
        let created = address.connect_anywhere().await?.batch_execute(&create).await;
        created.map_err(|error| Error::because(create, error))?;
        let session = Mutex::new(address.connect(&name).await?);
        Ok(Self { address, name, session, roles: Mutex::default() })
    }

    /// The database's name: letters, digits and underscores.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The connection URI for the product: the role `nudger`, which may replicate and nothing else.
    #[must_use]
    pub fn dsn(&self) -> String {
        self.address.dsn("nudger", "nudger", &self.name)
    }

    /// The connection URI of the superuser.
    #[must_use]
    pub fn superuser_dsn(&self) -> String {
        self.address.superuser_dsn(&self.name)
    }

    /// A role of this test's own: `options` as in CREATE ROLE, such as `REPLICATION`. Returns its
    /// connection URI. It is dropped with the database.
    ///
    /// # Errors
    /// What the server says.
    pub async fn login(&self, password: &str, options: &str) -> Result<String, Error> {
        let role = name::unique("role");
        self.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD '{password}' {options}")).await?;
        let dsn = self.address.dsn(&role, password, &self.name);
        self.roles.lock().await.push(role);
        Ok(dsn)
    }

    /// A further session of the superuser's, for transactions beside the one of this.
    ///
    /// # Errors
    /// When the server does not let it in.
    pub async fn connect(&self) -> Result<Client, Error> {
        self.connect_to(&self.name).await
    }

    /// Another superuser's session, in another database of the server.
    ///
    /// # Errors
    /// Whatever keeps it from connecting.
    pub async fn connect_to(&self, database: &str) -> Result<Client, Error> {
        self.address.connect(database).await
    }

    /// Runs statements. They share one session: `BEGIN` and `COMMIT` may come in two calls.
    ///
    /// # Errors
    /// What the server says, with the statements.
    pub async fn sql(&self, statements: &str) -> Result<(), Error> {
        let done = self.session.lock().await.batch_execute(statements).await;
        done.map_err(|error| failed(statements, error))
    }

    /// The first value of the first row, as text; of a NULL the empty text.
    ///
    /// # Errors
    /// What the server says, or that there was no row.
    pub async fn query_one_text(&self, query: &str) -> Result<String, Error> {
        let messages = self.session.lock().await.simple_query(query).await;
        let messages = messages.map_err(|error| failed(query, error))?;
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.ok_or_else(|| Error::new(format!("no row: {query}")))?;
        Ok(row.try_get(0).map_err(|error| failed(query, error))?.unwrap_or_default().to_owned())
    }

    /// The session again, after the server was restarted. What was open in it is gone.
    ///
    /// # Errors
    /// When the server does not let it in.
    pub async fn reconnect(&self) -> Result<(), Error> {
        *self.session.lock().await = self.connect().await?;
        Ok(())
    }

    /// The end of the log: everything committed so far is before it.
    ///
    /// # Errors
    /// What the server says.
    pub async fn current_wal_lsn(&self) -> Result<PgLsn, Error> {
        let query = "SELECT pg_current_wal_lsn()";
        let row = self.session.lock().await.query_one(query, &[]).await;
        row.and_then(|row| row.try_get(0)).map_err(|error| failed(query, error))
    }

    /// The replication slots of this database.
    ///
    /// # Errors
    /// What the server says.
    pub async fn slots(&self) -> Result<Vec<Slot>, Error> {
        let rows = self.session.lock().await.query(slot::QUERY, &[&self.name]).await;
        let slots = rows.and_then(|rows| rows.iter().map(Slot::from_row).collect());
        slots.map_err(|error| failed(slot::QUERY, error))
    }

    /// The walsenders that are connected to this database.
    ///
    /// # Errors
    /// What the server says.
    pub async fn walsenders(&self) -> Result<Vec<Sender>, Error> {
        let rows = self.session.lock().await.query(sender::QUERY, &[&self.name]).await;
        let senders = rows.and_then(|rows| rows.iter().map(Sender::from_row).collect());
        senders.map_err(|error| failed(sender::QUERY, error))
    }

    /// Ends a session by its process id, and waits until it has ended.
    ///
    /// # Errors
    /// What the server says, or that there is no such session.
    pub async fn terminate(&self, pid: i32) -> Result<(), Error> {
        let ended = self.query_one_text(&format!("SELECT pg_terminate_backend({pid}, 30000)")).await?;
        if ended == "t" { Ok(()) } else { Err(Error::new(format!("session {pid} cannot be ended"))) }
    }
}

impl Drop for Scratch {
    /// On a thread with a runtime of its own: this one cannot be waited on from within.
    fn drop(&mut self) {
        let (address, name) = (self.address.clone(), self.name.clone());
        let roles = std::mem::take(self.roles.get_mut());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(drop_database(&address, &name, &roles)))
        });
        // A test that stopped its server for good must not fail here; see the type.
        let _ = dropping.join();
    }
}

/// `DROP DATABASE … WITH (FORCE)` alone fails while a logical slot is active in the database, so
/// sessions are ended first, and no new one may begin. All of them are told before the first
/// one is waited for.
async fn drop_database(address: &Address, name: &str, roles: &[String]) -> Result<(), Error> {
    let client = address.connect_anywhere().await?;
    let sessions = format!("FROM pg_stat_activity WHERE datname = '{name}'");
    let steps = [
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        format!("SELECT pg_terminate_backend(pid) {sessions}"),
        format!("SELECT pg_terminate_backend(pid, 30000) {sessions}"),
        format!("DROP DATABASE {name} WITH (FORCE)"),
    ];
    let roles = roles.iter().map(|role| format!("DROP ROLE {role}"));
    for step in steps.into_iter().chain(roles) {
        client.batch_execute(&step).await.map_err(|error| failed(&step, error))?;
    }
    Ok(())
}

fn failed(sql: &str, error: tokio_postgres::Error) -> Error {
    Error::because(format!("{sql} failed"), error)
}
