//! The view of a real server: what the live suites rely on, seen once for itself.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::time::Duration;

use pgnudge_testkit::{Cluster, Error, Installation, Program, Sender, Server, StopMode, wait_until};
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(60);

async fn server() -> Server {
    // Without one this fails with the sentence that tells what to install.
    Server::find().await.unwrap()
}

#[tokio::test]
async fn a_scratch_database_is_there_for_the_product_and_gone_afterwards() {
    let server = server().await;
    let scratch = server.scratch("a scratch database").await.unwrap();
    let name = scratch.name().to_owned();
    scratch.sql("BEGIN; CREATE TABLE t (id int)").await.unwrap();
    scratch.sql("INSERT INTO t VALUES (1), (2); COMMIT").await.unwrap();
    assert_eq!(scratch.query_one_text("SELECT count(*) FROM t").await.unwrap(), "2");
    assert_eq!(scratch.query_one_text("SELECT NULL").await.unwrap(), "");
    assert!(scratch.query_one_text("SELECT 1 WHERE false").await.is_err());

    let before = scratch.current_wal_lsn().await.unwrap();
    scratch.sql("INSERT INTO t VALUES (3)").await.unwrap();
    assert!(scratch.current_wal_lsn().await.unwrap() > before);

    let config: tokio_postgres::Config = scratch.dsn().parse().unwrap();
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let role = "SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = current_user";
    let role = client.query_one(role, &[]).await.unwrap();
    assert_eq!((role.get(0), role.get(1)), (false, true));

    let own = scratch.login("s e/cret", "NOREPLICATION").await.unwrap();
    let own: tokio_postgres::Config = own.parse().unwrap();
    assert_eq!(own.get_password(), Some("s e/cret".as_bytes()));
    let role = own.get_user().unwrap().to_owned();
    drop(own.connect(tokio_postgres::NoTls).await.unwrap());

    drop(scratch);
    let left = "SELECT count(*) FROM pg_roles WHERE rolname = $1";
    let left: i64 = server.admin().await.unwrap().query_one(left, &[&role]).await.unwrap().get(0);
    assert_eq!(left, 0);
    assert!(connection.await.unwrap().is_err(), "its sessions are ended");
    let left = "SELECT count(*) FROM pg_database WHERE datname = $1";
    let left: i64 = server.admin().await.unwrap().query_one(left, &[&name]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn slots_are_seen_and_do_not_keep_a_scratch_database() {
    let server = server().await;
    assert!(server.offers("test_decoding") && !server.offers("nonsense"));
    let scratch = server.scratch("slots").await.unwrap();
    assert_eq!(scratch.slots().await.unwrap(), []);
    let holder = scratch.connect().await.unwrap();
    let create =
        "SELECT pg_create_logical_replication_slot('held_' || pg_backend_pid(), 'test_decoding', true)";
    holder.batch_execute(create).await.unwrap();
    let slots = scratch.slots().await.unwrap();
    let [slot] = &slots[..] else { panic!("one slot, not {slots:?}") };
    assert!(slot.temporary && slot.plugin == "test_decoding" && slot.restart_lsn.is_some(), "{slot:?}");
    assert_eq!(scratch.walsenders().await.unwrap(), [], "a session is no walsender");

    scratch.terminate(slot.active_pid.unwrap()).await.unwrap();
    assert!(scratch.terminate(slot.active_pid.unwrap()).await.is_err(), "it has ended");
    let look = async || scratch.slots().await;
    wait_until("the slot is gone", LIMIT, look, |slots| slots.is_empty()).await.unwrap();

    let holder = scratch.connect().await.unwrap();
    holder.batch_execute(create).await.unwrap();
    let name = scratch.name().to_owned();
    drop(scratch);
    let left = "SELECT count(*) FROM pg_database WHERE datname = $1";
    let left: i64 = server.admin().await.unwrap().query_one(left, &[&name]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_walsender_is_seen_while_it_streams() {
    let server = Server::start(Cluster::builder()).await.unwrap();
    let scratch = server.scratch("walsender").await.unwrap();
    scratch.sql("SELECT pg_create_logical_replication_slot('s', 'test_decoding')").await.unwrap();
    let client = server.cluster().unwrap().installation().program("pg_recvlogical");
    let mut client = Command::new(client);
    client.args(["--start", "--slot=s", "--file=-", "--no-loop", "--dbname"]).arg(scratch.dsn());
    let mut client = Program::start(&mut client).unwrap();
    let look = async || scratch.walsenders().await;
    let streams = |senders: &Vec<Sender>| senders.iter().any(|s| s.state.as_deref() == Some("streaming"));
    let senders = wait_until("a walsender streams", LIMIT, look, streams).await.unwrap();
    let slots = scratch.slots().await.unwrap();
    assert_eq!(slots[0].active_pid, Some(senders[0].pid));
    assert_eq!(senders[0].application_name, "pg_recvlogical");

    scratch.sql("CREATE TABLE t AS SELECT 1").await.unwrap();
    assert!(client.next_line(LIMIT).await.unwrap().starts_with("BEGIN "));
    drop(scratch);
    assert!(!client.wait(LIMIT).await.unwrap().status.success(), "its session is ended");
}

#[tokio::test]
async fn a_cluster_of_our_own_restarts_and_tells_its_version() {
    let server = Server::start(Cluster::builder().line("wal_sender_timeout = '7s'")).await.unwrap();
    let cluster = server.cluster().unwrap();
    assert_eq!(server.major(), cluster.version().major());
    assert_eq!(server.version(), cluster.version().to_string());
    assert_eq!(server.offers("wal2json"), cluster.installation().has_wal2json());
    let scratch = server.scratch("restart").await.unwrap();
    scratch.sql("CREATE TABLE t AS SELECT 7 AS id").await.unwrap();
    server.stop(StopMode::Fast).await.unwrap();
    assert!(scratch.connect().await.is_err());
    server.start_again().await.unwrap();
    scratch.reconnect().await.unwrap();
    assert_eq!(scratch.query_one_text("SELECT id FROM t").await.unwrap(), "7");
    assert_eq!(scratch.query_one_text("SHOW wal_sender_timeout").await.unwrap(), "7s");
}

#[tokio::test]
async fn a_server_without_logical_decoding_offers_no_plugin() -> Result<(), Error> {
    let installation = Installation::find(&[])?;
    if installation.version().major() >= 19 {
        // From 19 on a server with wal_level=replica decodes while a logical slot exists.
        let server = Server::start_from(installation, Cluster::builder().wal_level("replica")).await?;
        assert!(server.offers("test_decoding"));
    } else {
        let server = Server::start_from(installation, Cluster::builder().wal_level("replica")).await?;
        assert!(!server.offers("test_decoding") && !server.offers("wal2json"));
    }
    Ok(())
}
