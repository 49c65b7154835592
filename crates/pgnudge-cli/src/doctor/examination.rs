//! The order of the examination: what everything else depends on comes first.

use super::catalog::Server;
use super::check::Check;
use super::report::Report;
use super::{login, resources, tables, trial};
use crate::arguments::FeedArguments;

/// Looks at everything that can be looked at. A check that could not be made because of an earlier one is
/// not in the report.
pub(super) async fn examine(arguments: &FeedArguments) -> Report {
    let mut checks = Vec::new();
    let recommended = look(arguments, &mut checks).await.map(|()| LOGICAL);
    Report::new(checks, recommended)
}

/// `None`: no transport works.
async fn look(arguments: &FeedArguments, checks: &mut Vec<Check>) -> Option<()> {
    let mut session = login::log_in(arguments.connection(), checks).await?;
    let server = match Server::ask(&mut session).await {
        Ok(server) => server,
        Err(error) => {
            checks.push(Check::failed("settings", &error));
            return None;
        }
    };
    checks.extend([server.version(), server.platform(), server.wal_level(), server.replication()]);
    checks.extend([server.standby(), server.synchronous_standbys(), server.wal_sender_timeout()]);
    checks.push(resources::slots(&mut session, &server).await);
    checks.push(resources::walsenders(&mut session, &server).await);
    checks.push(resources::long_transactions(&mut session).await);
    checks.extend(tables::look(&mut session, arguments.tables()).await);
    checks.push(login::physical(arguments.connection(), &server).await);
    let works = trial::hold(arguments, &mut session, &server, checks).await;
    checks.push(server.pooler(&session, works.is_some()));
    works
}

/// The only transport that this version has.
const LOGICAL: &str = "logical";
