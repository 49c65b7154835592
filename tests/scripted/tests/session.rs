//! The ordinary session beside the feed: SQL in, rows out, and no second life.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails its test")]

use std::time::Duration;

use nudge_engine::ErrorKind;
use nudge_engine::runtime::{Session, SessionKind};
use pgnudge_scripted::{Backend, Network, soon};
use pgnudge_testkit::frames::{self, Report};
use pgnudge_testkit::{BACKEND_KEY, Opening};
use tokio::time::timeout;

async fn logged_in(kind: SessionKind) -> (Session, Backend, Vec<(String, String)>) {
    let mut network = Network::new();
    let connecting = network.session(kind);
    let mut backend = network.accept().await;
    let Opening::Startup(_, parameters) = backend.handshake_trust().await.unwrap() else {
        panic!("no startup message")
    };
    let session = soon("the session", connecting).await.unwrap().unwrap();
    (session, backend, parameters)
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[tokio::test(start_paused = true)]
async fn only_the_session_for_replication_asks_for_a_walsender() {
    let (_, _, sql) = logged_in(SessionKind::Sql).await;
    assert_eq!((value(&sql, "replication"), value(&sql, "database")), (None, Some("app")));
    let (_, _, physical) = logged_in(SessionKind::Physical).await;
    assert_eq!(value(&physical, "replication"), Some("true"));
}

#[tokio::test(start_paused = true)]
async fn all_rows_come_and_a_refusal_leaves_the_session_usable() {
    let (mut session, mut backend, _) = logged_in(SessionKind::Sql).await;
    let server = async {
        backend.expect_query("SELECT").await.unwrap();
        let mut answer = frames::row_description(&["a", "b"]);
        answer.extend(frames::data_row(&[Some("1"), None]));
        answer.extend(frames::data_row(&[Some("2"), Some("")]));
        answer.extend(frames::command_complete("SELECT 2"));
        answer.extend(frames::ready_for_query());
        backend.sends(&answer).await;
        backend.expect_query("NONSENSE").await.unwrap();
        backend.answer_error(&Report::new("ERROR", "42601", "syntax error")).await.unwrap();
        backend.expect_query("NOTIFY").await.unwrap();
        backend.answer_command("NOTIFY").await.unwrap();
    };
    let client = async {
        let rows = session.query("SELECT a, b FROM t").await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [vec![text("1"), None], vec![text("2"), text("")]]);
        let error = session.query("NONSENSE").await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().as_str(), "42601");
        assert_eq!(session.query("NOTIFY x").await.unwrap(), Vec::<Vec<Option<String>>>::new());
        assert_eq!(session.query("a\0b").await.unwrap_err().kind(), ErrorKind::Config);
    };
    soon("the conversation", async { tokio::join!(server, client) }).await;
}

/// What others may have set for the database or the role decides nothing, and nothing of ours is left to others.
#[tokio::test(start_paused = true)]
async fn names_are_postgresqls_own_for_one_transaction() {
    let (mut session, mut backend, _) = logged_in(SessionKind::Sql).await;
    let server = async {
        let sql = backend.expect_query("").await.unwrap();
        backend.answer_rows(&["pg_backend_pid"], &[&[Some("1")]]).await.unwrap();
        sql
    };
    let (sql, shared) = soon("the answer", async { tokio::join!(server, session.is_shared()) }).await;
    let preamble =
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path TO pg_catalog, pg_temp; ";
    assert_eq!(sql, format!("{preamble}SELECT pg_catalog.pg_backend_pid()"));
    assert!(shared.unwrap(), "process 1 is not the one that has logged us in");
}

/// A lock and a notification have to be where all look for them.
#[tokio::test(start_paused = true)]
async fn of_several_hosts_it_is_the_primary_unless_there_is_none() {
    for primary in [true, false] {
        let (mut first, mut second) = (Network::new(), Network::new());
        let connecting = Network::session_of(&[&first, &second], SessionKind::Primary);
        let _standby = standby(&mut first, true).await;
        let _other = standby(&mut second, !primary).await;
        if !primary {
            standby(&mut first, true).await;
        }
        let session = soon("the session", connecting).await.unwrap().unwrap();
        assert_eq!(session.parameter("in_hot_standby"), Some(if primary { "off" } else { "on" }));
    }
}

async fn standby(network: &mut Network, is_one: bool) -> Backend {
    let mut backend = network.accept().await;
    backend.expect_startup().await.unwrap();
    let welcome = [
        frames::authentication_ok(),
        frames::parameter_status("in_hot_standby", if is_one { "on" } else { "off" }),
        frames::backend_key_data(BACKEND_KEY.0, BACKEND_KEY.1),
        frames::ready_for_query(),
    ];
    backend.sends(&welcome.concat()).await;
    backend
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_given_up_ends_the_session() {
    let (mut session, mut backend, _) = logged_in(SessionKind::Sql).await;
    let asked = timeout(Duration::from_millis(500), session.query("SELECT pg_sleep(3600)")).await;
    assert!(asked.is_err(), "nobody has answered");
    let error = session.query("SELECT 1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    backend.expect_query("SELECT pg_sleep").await.unwrap();
    backend.is_left().await;
}

/// The limit is that of the login, which is a second here.
#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_in_time_ends_the_session() {
    let (mut session, mut backend, _) = logged_in(SessionKind::Sql).await;
    let asked = timeout(Duration::from_secs(3600), session.query("SELECT 1")).await;
    let error = asked.expect("a limit of its own").unwrap_err();
    assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Timeout, false), "{error}");
    assert_eq!(session.query("SELECT 2").await.unwrap_err().kind(), ErrorKind::Network);
    backend.expect_query("SELECT 1").await.unwrap();
    backend.is_left().await;
}

#[tokio::test(start_paused = true)]
async fn what_may_take_days_is_waited_for() {
    let (mut session, mut backend, _) = logged_in(SessionKind::Sql).await;
    let server = async {
        backend.expect_query("DO").await.unwrap();
        tokio::time::sleep(Duration::from_secs(3 * 24 * 3600)).await;
        backend.answer_command("DO").await.unwrap();
    };
    let (answer, ()) = tokio::join!(session.query_unlimited("DO ''"), server);
    assert!(answer.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_at_rest_notices_its_end() {
    let (mut session, backend, _) = logged_in(SessionKind::Sql).await;
    assert!(timeout(Duration::from_secs(60), session.closed()).await.is_err(), "it is at rest");
    drop(backend);
    let error = soon("the end", session.closed()).await;
    assert_eq!(error.to_string(), "the server closed the connection while asking the server");
}
