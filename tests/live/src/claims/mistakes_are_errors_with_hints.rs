//! What trying again does not cure ends `pgnudge watch` at once, with a cause and a remedy.
//!
//! Seen to fail: with a wrong password diagnosed as transient, because the program goes on trying; at the revoked
//! CONNECT, when every missing privilege had the remedy of REPLICATION.

use std::time::{Duration, Instant};

use pgnudge::Plugin;
use tokio::time::timeout;

use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Variant, watch};

pub(super) const CLAIM: Claim = Claim {
    name: "mistakes_are_errors_with_hints",
    title: "errors on the command line",
    claim: "A wrong password, a role without REPLICATION or another privilege, too many SCRAM iterations, a missing \
            database, a missing or refused plugin, a bad option, pattern or connection text end `pgnudge watch` \
            within 5 s with another status than 0, one line `error:`, one line `hint:` with the remedy for just that, \
            and nothing on stdout.",
    falsified_by: "a status of 0, a program that goes on, other lines, or anything on stdout",
    proves: &["law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::ForTests("it makes a role")],
    run: |context| Box::pin(mistakes_are_errors_with_hints(context)),
};

async fn mistakes_are_errors_with_hints(context: Context) -> Result<Evidence, Failure> {
    let mut mistakes = Mistakes { slowest: Duration::ZERO, made: Vec::new() };
    let (scratch, dsn) = (&context.scratch, context.scratch.dsn());
    let wrong = dsn.replacen("nudger:nudger@", "nudger:wrong@", 1);
    mistakes.make("wrong password", &[&wrong], "password").await?;
    let login = scratch.login("secret", "NOREPLICATION").await?;
    mistakes.make("no REPLICATION", &[&login], "REPLICATION").await?;
    privileges(&context, &mut mistakes).await?;
    let missing = dsn.replacen(scratch.name(), "no_such_database", 1);
    mistakes.make("missing database", &[&missing], "no_such_database").await?;
    mistakes.make("bad option", &[&dsn, "--debonce=1s"], "--debonce").await?;
    mistakes.make("bad value", &[&dsn, "--debounce=soon"], "--debounce").await?;
    mistakes.make("bad knobs", &[&dsn, "--debounce=1s", "--max-batch-wait=1ms"], "max_batch_wait").await?;
    let keys = [&dsn, "--payload=pk", "--plugin=test_decoding"];
    mistakes.make("keys of test_decoding", &keys, "payload").await?;
    mistakes.make("bad pattern", &[&dsn, "--table=orders"], "orders").await?;
    mistakes.make("bad key", &["host=localhost pot=5432"], "pot").await?;
    plugins(&context, &mut mistakes, &dsn).await?;
    let Mistakes { slowest, made } = mistakes;
    evidence!("{} mistakes ({}), each refused in {slowest:.1?} at most", made.len(), made.join(", "))
}

/// What a role can lack beside REPLICATION, each with the remedy for it.
async fn privileges(context: &Context, mistakes: &mut Mistakes) -> Result<(), Failure> {
    let (scratch, database) = (&context.scratch, context.scratch.name());
    let login = scratch.login("secret", "REPLICATION").await?;
    let role = login.split(['/', ':']).nth(3).unwrap_or_default().to_owned();
    for (what, revoke, grant, remedy) in [
        (
            "no CONNECT",
            format!("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC"),
            format!("GRANT CONNECT ON DATABASE {database} TO PUBLIC"),
            "hint: let the role connect to the database: GRANT CONNECT ON DATABASE",
        ),
        (
            "no EXECUTE",
            "REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, bool) FROM PUBLIC".to_owned(),
            "GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, bool) TO PUBLIC".to_owned(),
            "hint: give the role back what the message names",
        ),
        (
            "no SELECT",
            "REVOKE SELECT ON pg_catalog.pg_inherits FROM PUBLIC".to_owned(),
            "GRANT SELECT ON pg_catalog.pg_inherits TO PUBLIC".to_owned(),
            "hint: give the role back what the message names",
        ),
        // Rights that the session beside the stream needs, and no other.
        (
            "no EXECUTE beside the stream",
            "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_backend_pid() FROM PUBLIC".to_owned(),
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_backend_pid() TO PUBLIC".to_owned(),
            "hint: give the role back what the message names",
        ),
        (
            "no SELECT beside the stream",
            "REVOKE SELECT ON pg_catalog.pg_attribute FROM PUBLIC".to_owned(),
            "GRANT SELECT ON pg_catalog.pg_attribute TO PUBLIC".to_owned(),
            "hint: give the role back what the message names",
        ),
    ] {
        context.sql(&revoke).await?;
        mistakes.make(what, &[&login], remedy).await?;
        context.sql(&grant).await?;
    }
    let options = format!("{login}?options=-clog_statement%3Dall");
    mistakes.make("a setting of superusers", &[&options], "hint: leave this setting out of options").await?;
    // More than the client computes, so that these keys are never compared with anything.
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    context.sql(&format!("ALTER ROLE {role} PASSWORD 'SCRAM-SHA-256$1000001:AAAA${zeros}:{zeros}'")).await?;
    mistakes
        .make("too many iterations", &[&login], "hint: set scram_iterations on the server to 1000000 at most")
        .await
}

/// Settings of a database hold for its walsenders: no server of our own is needed.
async fn plugins(context: &Context, mistakes: &mut Mistakes, dsn: &str) -> Result<(), Failure> {
    let database = context.scratch.name();
    let listed = "SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'";
    if context.scratch.query_one_text(listed).await? == "1" {
        context.sql(&format!("ALTER DATABASE {database} SET output_plugin_libraries = 'pgoutput'")).await?;
        let named = "output_plugin_libraries";
        mistakes.make("refused plugin", &[dsn, "--plugin=test_decoding"], named).await?;
        let all = "pgoutput, test_decoding, wal2json";
        context.sql(&format!("ALTER DATABASE {database} SET output_plugin_libraries = {all}")).await?;
    }
    context.sql(&format!("ALTER DATABASE {database} SET dynamic_library_path = '/nonexistent'")).await?;
    for variant in [Variant::Plugin(Plugin::TestDecoding), Variant::Plugin(Plugin::Wal2Json), Variant::Auto] {
        let plugin = format!("--plugin={}", variant.flag());
        mistakes.make(&format!("missing plugin {variant}"), &[dsn, &plugin], "No such file").await?;
    }
    mistakes.make("missing plugin for keys", &[dsn, "--payload=pk"], "payload to table").await?;
    Ok(())
}

/// The mistakes made so far.
pub(super) struct Mistakes {
    pub(super) slowest: Duration,
    pub(super) made: Vec<String>,
}

impl Mistakes {
    /// Runs `pgnudge watch` with these arguments, and checks how it ends. `named` has to be in its words.
    pub(super) async fn make(&mut self, what: &str, arguments: &[&str], named: &str) -> Result<(), Failure> {
        let began = Instant::now();
        let mut command = watch::command()?;
        let command = command.arg("watch").args(arguments).kill_on_drop(true);
        let ended = timeout(LIMIT, command.output()).await;
        let ended = ended.map_err(|_| Failure::new(format!("{what}: it goes on after {LIMIT:?}")))??;
        self.slowest = self.slowest.max(began.elapsed());
        let words = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.code().is_some_and(|status| status > 0), "{what}: {}: {words}", ended.status);
        ensure!(ended.stdout.is_empty(), "{what}: stdout has {:?}", String::from_utf8_lossy(&ended.stdout));
        let lines = |begin: &str| words.lines().filter(|line| line.starts_with(begin)).count();
        ensure!(lines("error: ") == 1 && lines("hint: ") == 1, "{what}: it says {words:?}");
        ensure!(words.contains(named), "{what}: it does not name {named}: {words:?}");
        self.made.push(what.to_owned());
        Ok(())
    }
}

/// The claim says 5 seconds; on a machine that does other things we do not insist on it.
const LIMIT: Duration = Duration::from_secs(30);
