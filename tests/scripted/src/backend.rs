//! A server process, played by the test.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pgnudge_testkit::frames::{self, Report};
use pgnudge_testkit::{BACKEND_KEY, Opening, StandbyStatus, Walsender};
use tokio::io::DuplexStream;
use tokio::time::{Instant, timeout};

use crate::S;
use crate::network::Fate;

/// Where every slot starts.
pub const START: u64 = 0x100;

/// The transaction that every change belongs to.
pub const XID: u64 = 748;

/// One connection's server process: a [`Walsender`] that speaks test_decoding, and keeps count of its
/// positions. Every message is one further; every commit ends on the next multiple of 0x100. Its clock goes
/// as the feed's does, and shows another time.
pub struct Backend {
    walsender: Walsender<DuplexStream>,
    fate: Arc<Fate>,
    lsn: u64,
    began: Instant,
}

impl Backend {
    /// What cancels the command of any of them.
    pub const CANCEL_REQUEST: Opening = Opening::Cancel(BACKEND_KEY.0, BACKEND_KEY.1);

    pub(crate) fn new(pipe: DuplexStream, fate: Arc<Fate>) -> Self {
        Self { walsender: Walsender::new(pipe), fate, lsn: START, began: Instant::now() }
    }

    /// Lets the feed in, prepares its session, makes its slot and streams.
    pub async fn streams(&mut self) {
        self.lets_in().await;
        self.prepares().await;
        self.makes_slot().await;
        self.starts().await;
    }

    /// Lets the feed in without a password.
    pub async fn lets_in(&mut self) {
        self.walsender.handshake_trust().await.expect("the feed logs in");
    }

    /// Answers the settings of the session, on a server that has nothing special.
    pub async fn prepares(&mut self) {
        self.prepares_as(Server::default()).await;
    }

    /// Answers the settings of the session, on such a server.
    pub async fn prepares_as(&mut self, server: Server) {
        let mut sql = self.walsender.expect_query("").await.expect("the settings");
        if sql.starts_with("SELECT p.i FROM (VALUES") {
            // Which of the filter's patterns name no table: none.
            self.walsender.answer_command("SELECT 0").await.expect("the feed is there");
            sql = self.walsender.expect_query("SET ").await.expect("the settings");
        }
        let settings = sql.split("; ").filter(|statement| statement.starts_with("SET"));
        let mut answer: Vec<u8> = settings.flat_map(|_| frames::command_complete("SET")).collect();
        let Server { wal_sender_timeout, standbys, partitioned } = server;
        // set_config() writes the value with a unit, as SHOW does.
        let set = format!("{wal_sender_timeout}ms");
        answer.extend(rows(&[[wal_sender_timeout, standbys, truth(partitioned), &set].map(Some)]));
        answer.extend(frames::ready_for_query());
        self.sends(&answer).await;
    }

    /// Makes the slot at [`START`]. Returns the name and the plugin that the feed chose.
    pub async fn makes_slot(&mut self) -> (String, String) {
        let (slot, plugin) = self.asked_for_slot().await;
        self.walsender.slot_created(&slot, &plugin, START).await.expect("the feed is there");
        (slot, plugin)
    }

    /// Takes CREATE_REPLICATION_SLOT, and leaves it without an answer. Returns name and plugin.
    pub async fn asked_for_slot(&mut self) -> (String, String) {
        let sql = self.walsender.expect_query("CREATE_REPLICATION_SLOT").await.expect("a slot is asked for");
        let words: Vec<_> = sql.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
        let [_, slot, _, _, plugin, ..] = &words[..] else { unreachable!("{sql}") };
        (slot.clone(), plugin.clone())
    }

    /// Starts to stream. Returns the command.
    pub async fn starts(&mut self) -> String {
        let mut sql = self.walsender.expect_query("").await.expect("the stream is asked for");
        if sql == RUNNING {
            self.runs(&[]).await;
            sql = self.walsender.expect_query("START_REPLICATION").await.expect("the stream is asked for");
        }
        assert!(sql.starts_with("START_REPLICATION"), "{sql}");
        self.walsender.start_streaming().await.expect("the feed is there");
        sql
    }

    /// Takes the next command: whether it is the question which transactions are running.
    pub async fn asks_what_runs(&mut self) -> bool {
        self.walsender.expect_query("").await.expect("a command") == RUNNING
    }

    /// Answers it.
    pub async fn runs(&mut self, running: &[u64]) {
        let running: Vec<_> = running.iter().map(u64::to_string).collect();
        let running: Vec<_> = running.iter().map(|xid| [Some(xid.as_str())]).collect();
        self.sends(&[rows(&running), frames::ready_for_query()].concat()).await;
    }

    /// Waits for the question what can be seen, and returns it.
    pub async fn is_asked(&mut self) -> String {
        let sql = self.walsender.expect_query("").await.expect("the question");
        assert!(sql.contains("EXECUTE testimony"), "{sql}");
        sql
    }

    /// Answers what can be seen: every transaction before `xmax`, except those that are running.
    pub async fn sees(&mut self, xmax: u64, running: &[u64]) {
        self.is_asked().await;
        let (xmax, running) = (xmax.to_string(), running.iter().map(u64::to_string));
        let row = |xid| [Some(xmax.as_str()), Some("0/900"), Some("f"), xid];
        let running: Vec<_> = running.collect();
        let mut snapshot: Vec<_> = running.iter().map(|xid| row(Some(xid.as_str()))).collect();
        if snapshot.is_empty() {
            snapshot.push(row(None));
        }
        self.sends(&[rows(&snapshot), frames::ready_for_query()].concat()).await;
    }

    /// Answers whether there are partitioned tables, and which tables (schema and name) lie above
    /// others. Everything can be seen. Returns the question.
    pub async fn knows(&mut self, partitioned: bool, above: &[[&'static str; 4]]) -> String {
        let sql = self.is_asked().await;
        let mut answer = rows(&[[Some("1000"), Some("0/900"), Some(truth(partitioned)), None]]);
        if sql.contains("SELECT a.depth") {
            let depth = |[schema, table, above_schema, above]: &[&'static str; 4]| {
                [Some("2"), Some(*schema), Some(*table), Some(*above_schema), Some(*above)]
            };
            answer.extend(rows(&above.iter().map(depth).collect::<Vec<_>>()));
        }
        self.sends(&[answer, frames::ready_for_query()].concat()).await;
        sql
    }

    /// A transaction that changes a row of each of these tables.
    pub async fn commits(&mut self, tables: &[&str]) {
        let transaction = self.transaction(tables);
        self.sends(&transaction).await;
    }

    /// The messages of such a transaction.
    pub fn transaction(&mut self, tables: &[&str]) -> Vec<u8> {
        let mut messages = self.prints(format!("BEGIN {XID}").as_bytes());
        messages.extend(tables.iter().flat_map(|table| self.change(table)));
        messages.extend(self.commit());
        messages
    }

    /// A transaction begins.
    pub async fn begins(&mut self) {
        self.says(format!("BEGIN {XID}").as_bytes()).await;
    }

    /// A row of a table changes.
    pub async fn changes(&mut self, table: &str) {
        let change = self.change(table);
        self.sends(&change).await;
    }

    /// The transaction ends.
    pub async fn ends(&mut self) {
        let commit = self.commit();
        self.sends(&commit).await;
    }

    /// The plugin prints a message.
    pub async fn says(&mut self, printed: &[u8]) {
        let message = self.prints(printed);
        self.sends(&message).await;
    }

    /// A NoticeResponse with a warning of a plugin's.
    pub async fn warns(&mut self, message: &str) {
        self.sends(&frames::notice_response(&Report::new("WARNING", "01000", message))).await;
    }

    /// Writes bytes, all at once if the pipe holds them.
    pub async fn sends(&mut self, bytes: &[u8]) {
        self.walsender.send(bytes).await.expect("the feed is there");
    }

    /// The next thing that the feed says, which is a standby status.
    pub async fn status(&mut self) -> StandbyStatus {
        self.walsender.expect_status().await.expect("a standby status")
    }

    /// Floods the feed with transactions that change that table, for more than a hundred reads that are full
    /// and need not be waited for. Its end may be the middle of a message.
    pub fn floods(&mut self, table: &str) {
        let transaction = self.transaction(&[table]);
        self.fate.flood.set(transaction).expect("one flood");
    }

    /// The connection is reset. (Dropping the backend closes it in good order.)
    pub fn resets(self) {
        self.fate.reset.store(true, Ordering::Relaxed);
    }

    /// For a second, the feed says nothing but statuses.
    pub async fn is_kept(&mut self) {
        let said = timeout(S, async {
            loop {
                self.status().await;
            }
        });
        assert!(said.await.is_err());
    }

    /// Waits until the feed is gone. It says nothing, the pipe just ends.
    pub async fn is_left(&mut self) {
        let goodbye = self.walsender.expect_goodbye().await.expect("the feed closes the connection");
        assert_eq!(goodbye.messages, [], "dropping is the goodbye");
    }

    fn change(&mut self, table: &str) -> Vec<u8> {
        self.prints(format!("table {table}: INSERT: id[integer]:1").as_bytes())
    }

    fn commit(&mut self) -> Vec<u8> {
        // One short of the boundary, for the message itself.
        self.lsn |= 0xff;
        self.prints(format!("COMMIT {XID}").as_bytes())
    }

    fn prints(&mut self, message: &[u8]) -> Vec<u8> {
        self.lsn += 1;
        let micros = i64::try_from(self.began.elapsed().as_micros()).expect("a test is short");
        frames::xlog_data_at(BEGAN + micros, self.lsn, self.lsn, message)
    }
}

impl Deref for Backend {
    type Target = Walsender<DuplexStream>;

    fn deref(&self) -> &Self::Target {
        &self.walsender
    }
}

impl DerefMut for Backend {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.walsender
    }
}

/// What a server tells about itself.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// In milliseconds.
    pub wal_sender_timeout: &'static str,
    /// `synchronous_standby_names`.
    pub standbys: &'static str,
    /// Whether the database has partitioned tables.
    pub partitioned: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self { wal_sender_timeout: "30000", standbys: "", partitioned: false }
    }
}

/// What a backend's clock shows at first: New Year 2026, in microseconds since 2000-01-01.
const BEGAN: i64 = 820_540_800_000_000;

/// Asked between the slot and the stream.
const RUNNING: &str = "SELECT pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot())";

/// As the server writes it.
fn truth(truth: bool) -> &'static str {
    if truth { "t" } else { "f" }
}

/// The answer of one statement.
fn rows<const COLUMNS: usize>(rows: &[[Option<&str>; COLUMNS]]) -> Vec<u8> {
    let mut answer = frames::row_description(&["?"; COLUMNS]);
    answer.extend(rows.iter().flat_map(|row| frames::data_row(row)));
    answer.extend(frames::command_complete("SELECT"));
    answer
}
