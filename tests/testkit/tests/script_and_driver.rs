//! The scripted walsender against a client that is not ours: what it says is what a server says.

#![expect(clippy::expect_used, reason = "helpers of a test")]

use std::time::Duration;

use pgnudge_testkit::frames::{self, Report};
use pgnudge_testkit::{Error, Fault, FrontendMessage, Opening, ScramServer, Walsender};
use tokio::io::DuplexStream;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

type Connected = Result<Client, tokio_postgres::Error>;

/// Logs in with the password `secret` while the script runs; returns how both of them fared.
async fn meet<T>(script: impl AsyncFnOnce(Walsender<DuplexStream>) -> T) -> (Connected, T) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let login = async {
        let mut config = Config::new();
        config.user("me").password("secret").dbname("app").ssl_mode(tokio_postgres::config::SslMode::Disable);
        let (client, connection) = config.connect_raw(client, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    };
    let both = async { tokio::join!(login, script(Walsender::new(server))) };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("both come to an end")
}

#[tokio::test]
async fn a_client_is_let_in_without_a_password() {
    let (client, startup) = meet(async |mut walsender| walsender.handshake_trust().await).await;
    assert!(client.is_ok());
    let startup = startup.unwrap();
    assert!(matches!(startup, Opening::Startup(196_608, _)), "{startup:?}");
    assert_eq!(startup.parameter("user"), Some("me"));
    assert_eq!(startup.parameter("database"), Some("app"));
}

#[tokio::test]
async fn cleartext_and_md5_passwords_arrive() {
    for request in [frames::authentication_cleartext(), frames::authentication_md5(*b"salt")] {
        let (client, password) = meet(async |mut walsender| {
            walsender.expect_startup().await?;
            walsender.send(&request).await?;
            let password = walsender.expect_password().await?;
            walsender.welcome().await?;
            Ok::<_, Error>(password)
        })
        .await;
        assert!(client.is_ok());
        let password = password.unwrap();
        assert!(password == "secret" || password.starts_with("md5"), "{password}");
    }
}

async fn scram(server: ScramServer) -> (Connected, Result<Opening, Error>) {
    meet(async |mut walsender| walsender.handshake_scram(server).await).await
}

#[tokio::test]
async fn scram_lets_in_who_knows_the_password() {
    let (client, startup) = scram(ScramServer::new("secret")).await;
    assert!(client.is_ok() && startup.is_ok(), "{startup:?}");
}

#[tokio::test]
async fn scram_refuses_a_wrong_password_with_the_servers_words() {
    let (client, startup) = scram(ScramServer::new("another")).await;
    let error = client.expect_err("not let in");
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("28P01"));
    assert_eq!(startup.unwrap_err().to_string(), "the client's password is wrong");
}

#[tokio::test]
async fn a_careful_client_runs_away_from_each_fault() {
    for fault in [Fault::WrongSignature, Fault::ForeignNonce] {
        let (client, _) = scram(ScramServer::new("secret").fault(fault)).await;
        let error = client.expect_err("run away");
        assert!(error.code().is_none(), "{fault:?}: {error}");
    }
    // This client, by the way, does not notice that a signature is missing.
    let (_, startup) = scram(ScramServer::new("secret").fault(Fault::NoSignature)).await;
    assert!(startup.is_ok(), "{startup:?}");
}

#[tokio::test]
async fn rows_commands_and_errors_are_understood() {
    let (client, walsender) = meet(async |mut walsender| {
        walsender.handshake_trust().await?;
        Ok::<_, Error>(walsender)
    })
    .await;
    let (client, mut walsender) = (client.unwrap(), walsender.unwrap());
    let script = async {
        assert_eq!(walsender.expect_query("SHOW").await?, "SHOW x");
        walsender.answer_rows(&["x"], &[&[Some("on")], &[None]]).await?;
        walsender.expect_query("SET").await?;
        walsender.answer_command("SET").await?;
        walsender.expect_query("CREATE_REPLICATION_SLOT").await?;
        walsender.slot_created("s", "test_decoding", 0x1_0000_00AB).await?;
        walsender.expect_query("").await?;
        walsender.answer_error(&Report::new("ERROR", "58P01", "no wal2json").hint("install it")).await
    };
    let questions = async {
        let mut answers = Vec::new();
        for sql in ["SHOW x", "SET a = 1", "CREATE_REPLICATION_SLOT \"s\"", "SELECT"] {
            answers.push(client.simple_query(sql).await);
        }
        answers
    };
    let (done, answers) = tokio::join!(script, questions);
    done.unwrap();
    let [show, set, create, select] = <[_; 4]>::try_from(answers).unwrap();
    let values = |messages: Vec<SimpleQueryMessage>, column| -> Vec<Option<String>> {
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(column).map(str::to_owned)),
            _ => None,
        });
        rows.collect()
    };
    assert_eq!(values(show.unwrap(), 0), [Some("on".to_owned()), None]);
    assert_eq!(values(set.unwrap(), 0), []);
    assert_eq!(values(create.unwrap(), 1), [Some("1/AB".to_owned())]);
    let error = select.unwrap_err();
    let error = error.as_db_error().expect("an ErrorResponse");
    assert_eq!((error.code().code(), error.hint()), ("58P01", Some("install it")));
}

#[tokio::test]
async fn a_client_that_closes_is_heard_to_the_end() {
    let (client, walsender) = meet(async |mut walsender| {
        walsender.handshake_trust().await?;
        Ok::<_, Error>(walsender)
    })
    .await;
    drop(client);
    let goodbye = walsender.unwrap().expect_goodbye().await.unwrap();
    assert_eq!(goodbye.messages, [FrontendMessage::Terminate]);
    assert!(!goodbye.reset);
}
