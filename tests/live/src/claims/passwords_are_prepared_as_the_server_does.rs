//! Passwords beyond ASCII: the server hashes their prepared form, and the client must prepare alike.
//!
//! Seen to fail: with RFC 4013's own order of steps (`stringprep::saslprep`) at the first password, with the
//! directions of characters in the Unicode of today at the last one.

use pgnudge::{Session, SessionKind};
use pgnudge_testkit::{ScramServer, Walsender};
use tokio::net::TcpListener;

use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, passwords, psql};

pub(super) const CLAIM: Claim = Claim {
    name: "passwords_are_prepared_as_the_server_does",
    title: "passwords beyond ASCII",
    claim: "A role whose password holds characters that SASLprep maps, prohibits, does not know or leaves nothing of \
            logs in as with psql; and for thousands of generated passwords the client's proof fits the verifier that \
            the server stores.",
    falsified_by: "a password that the server stores and the product cannot log in with",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(passwords_are_prepared_as_the_server_does(context)),
};

async fn passwords_are_prepared_as_the_server_does(context: Context) -> Result<Evidence, Failure> {
    let context = context.in_encoding("UTF8").await?;
    let role = context.scratch.login("x", "").await?;
    let role = role.split(['/', ':']).nth(3).unwrap_or_default().to_owned();
    for password in NAMED {
        context.sql(&format!("ALTER ROLE {role} PASSWORD '{password}'")).await?;
        let text = context.text(&format!("user={role} password='{password}' sslmode=disable"))?;
        let libpqs = psql::ask(&context, &text, "SELECT 1").await?;
        ensure!(libpqs.is_ok(), "psql is refused with {}: {libpqs:?}", password.escape_unicode());
        let session = Session::connect(&text, SessionKind::Sql).await;
        ensure!(session.is_ok(), "refused with {}: {session:?}", password.escape_unicode());
    }
    // Before PostgreSQL 16 an iteration count of 4,096 is fixed, which takes the server milliseconds.
    let count = if context.server.major() < 16 { 500 } else { 4_000 };
    let passwords = passwords::generated(SEED, count);
    for (password, verifier) in passwords.iter().zip(stored(&context, &role, &passwords).await?) {
        fits(password, &verifier).await?;
    }
    evidence!("{} passwords logged in, as with psql; {count} generated ones fit their verifiers", NAMED.len())
}

/// What the server makes of each of these passwords.
async fn stored(context: &Context, role: &str, passwords: &[String]) -> Result<Vec<String>, Failure> {
    let hex = |password: &String| password.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let list: Vec<String> = passwords.iter().map(hex).collect();
    let rounds = if context.server.major() < 16 { "" } else { "SET scram_iterations = 1;" };
    let hash = format!(
        "{rounds} CREATE TABLE stored (id serial, verifier text);
         DO $$ DECLARE password text; BEGIN
           FOREACH password IN ARRAY string_to_array('{}', ',') LOOP
             EXECUTE format('ALTER ROLE {role} PASSWORD %L', convert_from(decode(password, 'hex'), 'UTF8'));
             INSERT INTO stored (verifier) SELECT rolpassword FROM pg_authid WHERE rolname = '{role}';
           END LOOP;
         END $$",
        list.join(",")
    );
    context.sql(&hash).await?;
    let all =
        context.scratch.query_one_text("SELECT string_agg(verifier, ' ' ORDER BY id) FROM stored").await?;
    let all: Vec<String> = all.split(' ').map(str::to_owned).collect();
    ensure!(all.len() == passwords.len(), "{} verifiers of {} passwords", all.len(), passwords.len());
    Ok(all)
}

/// Logs in to a server that knows nothing but the verifier.
async fn fits(password: &str, verifier: &str) -> Result<(), Failure> {
    let server = ScramServer::of_verifier(verifier)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
    let text = format!("host=127.0.0.1 port={port} user=u dbname=d sslmode=disable password='{quoted}'");
    let greet = async {
        let (stream, _) = listener.accept().await?;
        Ok::<_, Failure>(Walsender::new(stream).handshake_scram(server).await?)
    };
    let (greeted, session) = tokio::join!(greet, Session::connect(&text, SessionKind::Sql));
    let password = password.escape_unicode();
    ensure!(
        greeted.is_ok() && session.is_ok(),
        "the proof for {password} does not fit {verifier}: {session:?}"
    );
    Ok(())
}

/// Prepared, prohibited, unknown to Unicode 3.2 (with an NFKC form that is known), nothing left, and two
/// directions. (A quote or backslash would need escaping in SQL.)
const NAMED: [&str; 10] = [
    "geheim\u{1f250}",
    "ab\u{2090}",
    "\u{ad}",
    "I\u{ad}X",
    "\u{2168}",
    "a\u{a0}b",
    "a\u{200b}b",
    "\u{e9}\u{80}",
    "\u{5d0}\u{ad}a",
    "\u{5d0}\u{ad}\u{2132}\u{5d0}",
];

const SEED: u64 = 1;
