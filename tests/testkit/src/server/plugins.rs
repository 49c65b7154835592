//! Which output plugins a server offers, found out by trying.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::error::Error;

/// The plugins that the product knows and that this server can make a slot with.
///
/// A library that is there may still be refused (`output_plugin_libraries`), so each is tried
/// with a temporary slot. This happens before any test runs: behind a test's open transaction
/// it would have to wait.
pub(super) async fn offered(client: &Client) -> Result<Vec<&'static str>, Error> {
    let mut offered = Vec::new();
    // Behind somebody's open transaction a slot waits, and so would everybody who asks for it.
    let bounded = client.batch_execute("SET lock_timeout = '10s'").await;
    bounded.map_err(|error| Error::because("lock_timeout", error))?;
    for plugin in ["test_decoding", "wal2json"] {
        if makes_a_slot(client, plugin).await? {
            offered.push(plugin);
        }
    }
    Ok(offered)
}

async fn makes_a_slot(client: &Client, plugin: &str) -> Result<bool, Error> {
    // The name is unique on the server; the slot is dropped in the same statement.
    let probe = "SELECT pg_drop_replication_slot(slot_name) FROM pg_create_logical_replication_slot(
        format('pgnudge_probe_%s', pg_backend_pid()), $1, temporary => true)";
    match client.execute(probe, &[&plugin]).await {
        Ok(_) => Ok(true),
        Err(error) if error.code().is_some_and(means_not_offered) => Ok(false),
        Err(error) => Err(Error::because(format!("the plugin {plugin} cannot be tried"), error)),
    }
}

/// The library is missing, it is refused, or the server does no logical decoding at all.
fn means_not_offered(code: &SqlState) -> bool {
    [SqlState::UNDEFINED_FILE, SqlState::INSUFFICIENT_PRIVILEGE, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE]
        .contains(code)
}
