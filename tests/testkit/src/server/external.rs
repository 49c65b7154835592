//! A server that somebody else runs, named in `EXTERNAL_POSTGRES_DSN`.

use super::{Address, Origin, Server};
use crate::error::Error;

/// The environment variable with the connection string of a superuser.
pub(super) const VARIABLE: &str = "EXTERNAL_POSTGRES_DSN";

pub(super) fn dsn() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|dsn| !dsn.is_empty())
}

pub(super) async fn connect(dsn: &str) -> Result<Server, Error> {
    let in_variable = |error| Error::because(VARIABLE, error);
    let address = Address::parse(dsn).map_err(in_variable)?;
    add_role(&address).await.map_err(in_variable)?;
    Server::at(address, Origin::External).await.map_err(in_variable)
}

/// Adds the role that the product logs in as, where a server does not have it. On a server of
/// somebody else's it stays: other runs may be using it.
pub(super) async fn add_role(address: &Address) -> Result<(), Error> {
    let client = address.connect("postgres").await?;
    let added = client.batch_execute(ROLE).await;
    added.map_err(|error| Error::because("the role nudger cannot be made", error))
}

const ROLE: &str = "DO $$ BEGIN
    CREATE ROLE nudger LOGIN REPLICATION PASSWORD 'nudger';
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$";
