//! The scripted walsender's stream, against messages written by hand.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use pgnudge_testkit::frames::{Report, frame};
use pgnudge_testkit::{FrontendMessage, StandbyStatus, Walsender};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

/// A startup message of `user=u`, after a request for encryption.
const OPENING: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x10\0\x03\0\0user\0u\0\0";

fn query(sql: &str) -> Vec<u8> {
    frame(b'Q', format!("{sql}\0").as_bytes())
}

fn status(flush: u64, reply: u8) -> Vec<u8> {
    let mut body = b"r".to_vec();
    for number in [flush, flush, flush, 0] {
        body.extend(number.to_be_bytes());
    }
    body.push(reply);
    frame(b'd', &body)
}

fn pair() -> (DuplexStream, Walsender<DuplexStream>) {
    let (client, server) = duplex(1 << 16);
    (client, Walsender::new(server))
}

#[tokio::test]
async fn a_whole_session_is_answered_until_it_streams() {
    let (mut client, walsender) = pair();
    let mut walsender = walsender.answering("SELECT 1", &["?"], &[&[Some("1")]]);
    let queries = [
        "SET \"a\" = '1'; SET b = 2; SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'",
        "SHOW wal_sender_timeout",
        "IDENTIFY_SYSTEM",
        "SELECT 1",
        "CREATE_REPLICATION_SLOT \"s\" TEMPORARY LOGICAL \"test_decoding\" (SNAPSHOT 'nothing')",
        "START_REPLICATION SLOT \"s\" LOGICAL 0/0",
    ];
    client.write_all(OPENING).await.unwrap();
    for sql in queries {
        client.write_all(&query(sql)).await.unwrap();
    }
    let opened = walsender.stream_from(0x100).await.unwrap();
    assert_eq!(opened.queries, queries);
    assert_eq!(opened.startup.parameter("user"), Some("u"));
    drop(walsender);

    let mut answers = Vec::new();
    client.read_to_end(&mut answers).await.unwrap();
    assert_eq!(answers[0], b'N', "encryption is refused");
    let tags = tags(&answers[1..]);
    assert_eq!(tags, "RSSSSKZ CCTDCZ TDCZ TDCZ TDCZ TDCZ W".replace(' ', ""));
}

/// The tags of whole messages, in order.
fn tags(mut messages: &[u8]) -> String {
    let mut tags = String::new();
    while let [tag, a, b, c, d, ..] = *messages {
        tags.push(char::from(tag));
        messages = &messages[1 + u32::from_be_bytes([a, b, c, d]) as usize..];
    }
    tags
}

#[tokio::test]
async fn a_question_without_an_answer_is_named() {
    let (mut client, mut walsender) = pair();
    client.write_all(OPENING).await.unwrap();
    client.write_all(&query("VACUUM")).await.unwrap();
    let error = walsender.stream_from(1).await.unwrap_err();
    assert_eq!(error.to_string(), "the script has no answer to \"VACUUM\"");
}

#[tokio::test]
async fn statuses_are_read_and_anything_else_is_told() {
    let (mut client, mut walsender) = pair();
    client.write_all(&status(7, 1)).await.unwrap();
    let expected = StandbyStatus { write: 7, flush: 7, apply: 7, clock: 0, reply_requested: true };
    assert_eq!(walsender.expect_status().await.unwrap(), expected);
    client.write_all(&frame(b'c', b"")).await.unwrap();
    let error = walsender.expect_status().await.unwrap_err();
    assert_eq!(error.to_string(), "the script expected a standby status, and the client sent CopyDone");
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message_and_waiting_for_it_may_be_given_up() {
    let (mut client, mut walsender) = pair();
    let message = status(9, 0);
    for byte in &message[..message.len() - 1] {
        client.write_all(&[*byte]).await.unwrap();
        let next = tokio::time::timeout(std::time::Duration::ZERO, walsender.next()).await;
        assert!(next.is_err(), "{next:?}");
    }
    client.write_all(&message[message.len() - 1..]).await.unwrap();
    assert_eq!(walsender.expect_status().await.unwrap().flush, 9);
}

#[tokio::test]
async fn everything_that_a_script_sends_arrives() {
    let (mut client, mut walsender) = pair();
    walsender.start_streaming().await.unwrap();
    walsender.send_xlog_data(1, 2, b"BEGIN 7").await.unwrap();
    walsender.send_keepalive(3, true).await.unwrap();
    walsender.send_notice(&Report::new("WARNING", "01000", "m")).await.unwrap();
    walsender.send_error(&Report::new("FATAL", "57P01", "m")).await.unwrap();
    drop(walsender);
    let mut stream = Vec::new();
    client.read_to_end(&mut stream).await.unwrap();
    assert_eq!(tags(&stream), "WddNE");
}

#[tokio::test]
async fn a_nonsensical_length_is_not_waited_for() {
    let (mut client, mut walsender) = pair();
    client.write_all(b"d\xff\xff\xff\xff").await.unwrap();
    let error = walsender.next().await.unwrap_err();
    assert_eq!(error.to_string(), "the client announces a message of 4294967295 bytes");
}

#[tokio::test]
async fn a_reset_is_told_from_a_close() {
    let (mut client, mut walsender) = tcp().await;
    client.write_all(&status(1, 0)).await.unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    let goodbye = walsender.expect_goodbye().await.unwrap();
    assert!(goodbye.reset, "{goodbye:?}");

    let (mut client, mut walsender) = tcp().await;
    client.write_all(&status(1, 0)).await.unwrap();
    drop(client);
    let goodbye = walsender.expect_goodbye().await.unwrap();
    assert!(!goodbye.reset, "{goodbye:?}");
    assert!(matches!(goodbye.messages[..], [FrontendMessage::Status(_)]), "{goodbye:?}");
}

#[tokio::test]
async fn a_client_that_leaves_within_a_message_is_an_error() {
    let (mut client, mut walsender) = pair();
    client.write_all(&status(1, 0)[..9]).await.unwrap();
    drop(client);
    assert_eq!(walsender.expect_goodbye().await.unwrap_err().to_string(), "the client left within a message");
}

async fn tcp() -> (TcpStream, Walsender<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), Walsender::new(server.unwrap().0))
}
