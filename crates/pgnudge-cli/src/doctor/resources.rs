//! What runs out, and what is in the way: slots, walsenders, long transactions.

use pgnudge::{Error, ErrorKind, Session};

use super::catalog::Server;
use super::check::Check;

/// A feed needs one slot while it is connected.
pub(super) async fn slots(session: &mut Session, server: &Server) -> Check {
    const NAME: &str = "slots";
    let rows = match session.query_catalog(SLOTS).await {
        Ok(rows) => rows,
        Err(error) => return Check::failed(NAME, &error),
    };
    let (used, most) = (rows.len() as u64, server.max_slots);
    if used < most {
        return Check::good(NAME, format!("{} of {most} are free", most - used));
    }
    let idle = rows.into_iter().filter_map(|mut row| if row.len() == 2 { row.swap_remove(0) } else { None });
    let drop: Vec<_> = idle
        .map(|name| format!("SELECT pg_catalog.pg_drop_replication_slot({name});  -- if nobody needs it"))
        .collect();
    let more = format!("ALTER SYSTEM SET max_replication_slots = {};  -- then restart the server", most + 10);
    let more = server.remedy(ErrorKind::Exhausted, more);
    Check::bad(NAME, format!("all {most} are in use"), drop.into_iter().chain([more]).collect::<Vec<_>>())
}

/// And one walsender.
pub(super) async fn walsenders(session: &mut Session, server: &Server) -> Check {
    const NAME: &str = "walsenders";
    let question = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_wal_senders()";
    let used = match number(session, question).await {
        Ok(used) => used,
        Err(error) => return Check::failed(NAME, &error),
    };
    let most = server.max_senders;
    if used < most {
        return Check::good(NAME, format!("{} of {most} are free", most - used));
    }
    let more = format!("ALTER SYSTEM SET max_wal_senders = {};  -- then restart the server", most + 10);
    Check::bad(NAME, format!("all {most} are in use"), server.remedy(ErrorKind::Exhausted, more))
}

/// A slot waits for every transaction that was writing when it was asked for.
pub(super) async fn long_transactions(session: &mut Session) -> Check {
    const NAME: &str = "long_transactions";
    let rows = match session.query_catalog(TRANSACTIONS).await {
        Ok(rows) => rows,
        Err(error) => return Check::failed(NAME, &error),
    };
    let found: Vec<_> = rows.into_iter().filter_map(|row| <[_; 2]>::try_from(row).ok()).collect();
    if found.is_empty() {
        return Check::good(NAME, "none that writes is older than 5 s, as far as the role may see");
    }
    let column = |n: usize| found.iter().filter_map(|row| row[n].clone()).collect::<Vec<_>>();
    let detail = format!("a new slot waits for them: {}", column(0).join("; "));
    Check::note(NAME, detail, column(1))
}

async fn number(session: &mut Session, question: &str) -> Result<u64, Error> {
    let rows = session.query_catalog(question).await?;
    let text = rows.into_iter().flatten().flatten().next();
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Every slot; the idle ones have a name, as a literal.
const SLOTS: &str = "SELECT CASE WHEN active THEN NULL ELSE pg_catalog.quote_literal(slot_name) END, active \
                     FROM pg_catalog.pg_replication_slots ORDER BY slot_name";

/// Who it is and how to end it. Only transactions with an id write, and everybody may see who has one;
/// since when is for roles that may read statistics.
const TRANSACTIONS: &str = "\
SELECT pg_catalog.format('process %s (%L), %s s old', l.pid, a.application_name, \
  pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start))), \
  pg_catalog.format('SELECT pg_catalog.pg_terminate_backend(%s);', l.pid) \
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted \
AND a.xact_start < pg_catalog.clock_timestamp() - interval '5 s' \
UNION ALL \
SELECT pg_catalog.format('the prepared transaction %L, %s s old', gid, \
  pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - prepared))), \
  pg_catalog.format('ROLLBACK PREPARED %L;  -- in the database %I; or COMMIT PREPARED', gid, database) \
FROM pg_catalog.pg_prepared_xacts WHERE prepared < pg_catalog.clock_timestamp() - interval '5 s' \
ORDER BY 1 LIMIT 20";
