//! The trial: the feed that the options describe, with each plugin that it may use, and a message that goes all the way
//! round.

use std::time::{Duration, Instant};

use pgnudge::{
    Blocker, Error, ErrorKind, Feed, FeedBuilder, FeedItem, Plugin, PluginChoice, Session, Status,
};
use tokio::sync::watch;
use tokio::time::timeout;

use super::catalog::Server;
use super::check::{Check, Fix};
use crate::arguments::FeedArguments;
use crate::shutdown;

/// Tries each plugin. What stops one plugin for another reason than itself stops the other, too.
pub(super) async fn hold(
    arguments: &FeedArguments,
    session: &mut Session,
    server: &Server,
    checks: &mut Vec<Check>,
) -> Option<()> {
    let mut works = None;
    let mark = format!("doctor.{}", session.backend_pid());
    for plugin in arguments.plugins() {
        let (builder, began) = (modest(arguments, plugin, &mark), Instant::now());
        let closed = shutdown::closed(builder.status());
        match connect(builder).await {
            Ok(feed) => {
                checks.push(Check::good(
                    name(plugin),
                    format!("a temporary slot within {:.1?}", began.elapsed()),
                ));
                if works.is_none() {
                    works = round_trip(feed, session, server, &mark, checks).await;
                }
            }
            Err(Trouble { error, .. }) if error.kind() == ErrorKind::Plugin => {
                checks.push(Check::bad(name(plugin), error.to_string(), offer(plugin, &error, server)));
            }
            Err(trouble) => {
                closed.await;
                checks.push(trouble.check(server));
                return works;
            }
        }
        closed.await;
    }
    works
}

/// The feed that the options describe, with little patience for its slot, and with the marked message among its tables.
fn modest(arguments: &FeedArguments, plugin: Plugin, mark: &str) -> FeedBuilder {
    let filtered = arguments.tables().next().is_some();
    let feed = arguments.builder().plugin(PluginChoice::Only(plugin)).slot_timeout(PATIENCE);
    let feed = feed.debounce(Duration::ZERO).messages(true);
    if filtered { feed.tables([format!("pgnudge.\"{mark}\"")]) } else { feed }
}

/// Why there is no feed, and who was in the way of its slot.
struct Trouble {
    error: Error,
    blocker: Option<Blocker>,
}

/// Connects, and takes the first failure for an answer: a feed by itself would go on trying.
async fn connect(builder: FeedBuilder) -> Result<Feed, Trouble> {
    let mut status = builder.status();
    let mut blocker = None;
    let failure = first_failure(&mut status, &mut blocker);
    let outcome = tokio::select! {
        biased;
        outcome = builder.connect() => outcome,
        error = failure => Err(error),
    };
    outcome.map_err(|error| Trouble { error, blocker })
}

async fn first_failure(status: &mut watch::Receiver<Status>, blocker: &mut Option<Blocker>) -> Error {
    loop {
        match &*status.borrow_and_update() {
            Status::BackingOff { error, .. } => return error.clone(),
            Status::WaitingForSlot { blocker: Some(found), .. } => *blocker = Some(found.clone()),
            _ => {}
        }
        if status.changed().await.is_err() {
            // Then connect() has returned.
            return std::future::pending().await;
        }
    }
}

impl Trouble {
    fn check(self, server: &Server) -> Check {
        let Self { error, blocker } = self;
        let Some(blocker) = blocker.filter(|_| error.kind() == ErrorKind::Timeout) else {
            let hint = error.hint().unwrap_or("run with -v to see more").to_owned();
            let name = if error.kind() == ErrorKind::Config { "feed" } else { "slot" };
            return Check::bad(name, error.to_string(), server.remedy(error.kind(), hint));
        };
        let fix = match blocker.pid {
            0 => "SELECT gid, prepared FROM pg_catalog.pg_prepared_xacts;  -- then COMMIT PREPARED or ROLLBACK PREPARED"
                .to_owned(),
            pid => format!("SELECT pg_catalog.pg_terminate_backend({pid});"),
        };
        Check::bad("slot", format!("no slot within {PATIENCE:?}: it waits for {blocker}"), fix)
    }
}

/// Sends a message of its own and waits for it.
async fn round_trip(
    mut feed: Feed,
    session: &mut Session,
    server: &Server,
    mark: &str,
    checks: &mut Vec<Check>,
) -> Option<()> {
    const NAME: &str = "round_trip";
    if server.is_standby() {
        checks.push(Check::good(NAME, "not made: nothing can be sent from a standby; its stream is live"));
        return Some(());
    }
    let question =
        format!("SELECT pg_catalog.pg_logical_emit_message(true, 'pgnudge', 'pgnudge.\"{mark}\"')");
    let arrived = async {
        // A resync that nobody has taken yet would absorb the message (rule R6).
        feed.next().await;
        let began = Instant::now();
        session.query_catalog(&question).await?;
        loop {
            if let FeedItem::Batch { events, .. } = feed.next().await
                && events.iter().any(|event| event.table.table() == mark)
            {
                return Ok::<_, Error>(began.elapsed());
            }
        }
    };
    let check = match timeout(PATIENCE, arrived).await {
        Ok(Ok(latency)) => {
            Check::good(NAME, format!("a message came back after {:.1} ms", 1e3 * latency.as_secs_f64()))
        }
        Ok(Err(error)) => Check::failed(NAME, &error),
        Err(_) => {
            let fix = "look at the server's log; SELECT * FROM pg_catalog.pg_stat_replication;";
            Check::bad(NAME, format!("the message did not come back within {PATIENCE:?}"), fix)
        }
    };
    let ok = check.ok;
    checks.push(check);
    ok.then_some(())
}

fn name(plugin: Plugin) -> &'static str {
    match plugin {
        Plugin::TestDecoding => "test_decoding",
        Plugin::Wal2Json => "wal2json",
    }
}

/// How a server of one's own comes to offer a plugin.
fn offer(plugin: Plugin, error: &Error, server: &Server) -> Fix {
    let (name, major) = (plugin.name(), server.major());
    let refused = error.sqlstate().is_some_and(|code| code.as_str() == "42501");
    if refused {
        let listed = server.output_plugin_libraries.as_deref().unwrap_or("pgoutput, test_decoding");
        let listed: Vec<_> =
            listed.split(',').map(str::trim).filter(|listed| ![name, ""].contains(listed)).collect();
        let listed = listed.into_iter().chain([name]).collect::<Vec<_>>().join(", ");
        let set = format!("ALTER SYSTEM SET output_plugin_libraries = {listed};");
        return vec![set, "SELECT pg_catalog.pg_reload_conf();".to_owned()].into();
    }
    let install = match plugin {
        Plugin::Wal2Json => {
            format!("apt-get install postgresql-{major}-wal2json  # or do without: test_decoding is enough")
        }
        Plugin::TestDecoding => {
            format!("apt-get install postgresql-{major}  # on Red Hat and its kin: postgresql{major}-contrib")
        }
    };
    install.into()
}

/// For the slot, and for the message.
const PATIENCE: Duration = Duration::from_secs(10);
