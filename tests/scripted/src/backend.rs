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

/// The transaction that changes belong to, unless the test says otherwise.
pub const XID: u64 = 748;

/// One connection's server process: a [`Walsender`] that speaks test_decoding, and keeps count of its
/// positions. Every message is one further; every commit ends on the next multiple of 0x100. Its clock goes
/// as the feed's does, and shows another time.
pub struct Backend {
    walsender: Walsender<DuplexStream>,
    fate: Arc<Fate>,
    lsn: u64,
    /// The transaction that changes belong to.
    pub xid: u64,
    began: Instant,
}

impl Backend {
    /// What cancels the command of any of them.
    pub const CANCEL_REQUEST: Opening = Opening::Cancel(BACKEND_KEY.0, BACKEND_KEY.1);

    pub(crate) fn new(pipe: DuplexStream, fate: Arc<Fate>) -> Self {
        Self { walsender: Walsender::new(pipe), fate, lsn: START, xid: XID, began: Instant::now() }
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
        let view = View { xmax: XID, inserted: "0/1", ..View::of(server) };
        self.prepares_with(server.wal_sender_timeout, &view).await;
    }

    /// Answers the settings of the session, on a server that looks so before there is a slot.
    pub async fn prepares_to_show(&mut self, view: &View) {
        self.prepares_with(Server::default().wal_sender_timeout, view).await;
    }

    async fn prepares_with(&mut self, wal_sender_timeout: &str, view: &View) {
        let sql = self.walsender.expect_query("SET ").await.expect("the settings");
        let settings = sql.split("; ").filter(|statement| statement.starts_with("SET"));
        let mut answer: Vec<u8> = settings.flat_map(|_| frames::command_complete("SET")).collect();
        // set_config() writes the value with a unit, as SHOW does.
        let set = format!("{wal_sender_timeout}ms");
        answer.extend(rows(&[[Some("7")]]));
        answer.extend(rows(&[[wal_sender_timeout, &set].map(Some)]));
        answer.extend(view.rows());
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
        let mut sql = self.walsender.expect_query("").await.expect("a slot is asked for");
        if sql.starts_with("SELECT p.i FROM (VALUES") {
            // Which of the filter's patterns name no table: none.
            self.walsender.answer_command("SELECT 0").await.expect("the feed is there");
            sql = self.walsender.expect_query("").await.expect("a slot is asked for");
        }
        assert!(sql.starts_with("CREATE_REPLICATION_SLOT"), "{sql}");
        let words: Vec<_> = sql.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
        let [_, slot, _, _, plugin, ..] = &words[..] else { unreachable!("{sql}") };
        (slot.clone(), plugin.clone())
    }

    /// Starts to stream. Returns the command.
    pub async fn starts(&mut self) -> String {
        let mut sql = self.walsender.expect_query("").await.expect("the stream is asked for");
        if sql.starts_with(VIEW) {
            self.runs(&[]).await;
            sql = self.walsender.expect_query("START_REPLICATION").await.expect("the stream is asked for");
        }
        assert!(sql.starts_with("START_REPLICATION"), "{sql}");
        self.walsender.start_streaming().await.expect("the feed is there");
        sql
    }

    /// Takes the next command: whether it is the question which transactions are running.
    pub async fn asks_what_runs(&mut self) -> bool {
        self.walsender.expect_query("").await.expect("a command").starts_with(VIEW)
    }

    /// Answers it.
    pub async fn runs(&mut self, running: &[u64]) {
        self.shows_what_runs(&View { running: running.to_vec(), ..View::default() }).await;
    }

    /// Answers it like this.
    pub async fn shows_what_runs(&mut self, view: &View) {
        self.sends(&[view.rows(), frames::ready_for_query()].concat()).await;
    }

    /// Answers what a session that is not to stream asks at first: whether it is shared, and its settings.
    pub async fn settles_in(&mut self) {
        self.settles_in_as(BACKEND_KEY.0).await;
        self.walsender.expect_query("SET TRANSACTION").await.expect("the settings");
        self.walsender.answer_command("SET").await.expect("the feed is there");
    }

    /// Answers which server process it is.
    pub async fn settles_in_as(&mut self, pid: i32) {
        self.walsender
            .expect_query(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.pg_backend_pid()",
            )
            .await
            .expect("the first question");
        self.sends(&[rows(&[[Some(pid.to_string().as_str())]]), frames::ready_for_query()].concat()).await;
    }

    /// Waits for the question what can be seen, and returns it.
    pub async fn is_asked(&mut self) -> String {
        let sql = self.walsender.expect_query("").await.expect("the question");
        assert!(sql.contains("pgnudge_view") || sql.contains(VIEW), "{sql}");
        sql
    }

    /// Answers what can be seen: every transaction before `xmax`, except those that are running.
    pub async fn sees(&mut self, xmax: u64, running: &[u64]) {
        self.shows(&View { xmax, running: running.to_vec(), ..View::default() }, &[]).await;
    }

    /// Answers whether there are tables above others, and which (schema and name) lie above
    /// which. Everything can be seen. Returns the question.
    pub async fn knows(&mut self, linked: bool, above: &[[&'static str; 4]]) -> String {
        self.shows(&View { linked, ..View::default() }, above).await
    }

    /// Waits for the question, and answers this. Every table that is asked about is there, and these lie above
    /// others. Returns the question.
    pub async fn shows(&mut self, view: &View, above: &[[&'static str; 4]]) -> String {
        let sql = self.is_asked().await;
        self.answers(&sql, view, above).await;
        sql
    }

    /// The same for a question that was taken already.
    pub async fn answers(&mut self, sql: &str, view: &View, above: &[[&'static str; 4]]) {
        let mut answer = view.rows();
        if let Some(asked) = sql.split_once("EXECUTE pgnudge_lineage ") {
            answer.extend(lineage(asked.1, view, above));
        }
        self.sends(&[answer, frames::ready_for_query()].concat()).await;
    }

    /// A transaction that changes a row of each of these tables.
    pub async fn commits(&mut self, tables: &[&str]) {
        let transaction = self.transaction(tables);
        self.sends(&transaction).await;
    }

    /// The messages of such a transaction.
    pub fn transaction(&mut self, tables: &[&str]) -> Vec<u8> {
        let mut messages = self.prints(format!("BEGIN {}", self.xid).as_bytes());
        messages.extend(tables.iter().flat_map(|table| self.change(table)));
        messages.extend(self.commit());
        messages
    }

    /// A transaction begins.
    pub async fn begins(&mut self) {
        self.says(format!("BEGIN {}", self.xid).as_bytes()).await;
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
        self.prints(format!("COMMIT {}", self.xid).as_bytes())
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
    /// Whether it is a standby.
    pub standby: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self { wal_sender_timeout: "30000", standbys: "", partitioned: false, standby: false }
    }
}

/// What a backend's clock shows at first: New Year 2026, in microseconds since 2000-01-01.
const BEGAN: i64 = 820_540_800_000_000;

/// What a server shows of itself when it is asked.
#[derive(Clone, Debug)]
pub struct View {
    /// One more than the highest id that has ended.
    pub xmax: u64,
    /// The next id, if that is another.
    pub next: u64,
    /// Below it.
    pub running: Vec<u64>,
    /// How far the log was inserted.
    pub inserted: &'static str,
    /// Whether it is a standby.
    pub standby: bool,
    /// `synchronous_standby_names`.
    pub standbys: &'static str,
    /// Whether there are tables above others.
    pub linked: bool,
    /// Tables that are not found.
    pub missing: Vec<&'static str>,
    /// The transactions that wrote what is said of a table.
    pub written: Vec<(&'static str, &'static str)>,
}

impl Default for View {
    fn default() -> Self {
        let (inserted, standbys) = ("0/900", "");
        let (missing, written) = (vec![], vec![]);
        Self {
            xmax: 1000,
            next: 0,
            running: vec![],
            inserted,
            standby: false,
            standbys,
            linked: false,
            missing,
            written,
        }
    }
}

impl View {
    /// Of such a server, when all is quiet.
    pub fn of(server: Server) -> Self {
        let Server { standbys, partitioned, standby, .. } = server;
        Self { standbys, linked: partitioned, standby, ..Self::default() }
    }

    fn rows(&self) -> Vec<u8> {
        let (xmax, age) = (self.xmax.to_string(), (self.xmax.max(self.next).cast_signed() - 3).to_string());
        let xmin = self.running.iter().min().unwrap_or(&self.xmax).to_string();
        let running: Vec<_> = self.running.iter().map(u64::to_string).collect();
        let row = |running| {
            let [standby, linked] = [self.standby, self.linked].map(truth);
            let state = [&xmax, &xmin, &age, "0/900", self.inserted, standby, self.standbys, linked];
            let [a, b, c, d, e, f, g, h] = state.map(Some);
            [a, b, c, d, e, f, g, h, running]
        };
        let listed: Vec<_> = running.iter().map(|xid| row(Some(xid.as_str()))).collect();
        rows(&if listed.is_empty() { vec![row(None)] } else { listed })
    }
}

/// The answer about the tables of an `EXECUTE` with these arguments: two arrays of plain names.
fn lineage(arguments: &str, view: &View, above: &[[&'static str; 4]]) -> Vec<u8> {
    let arrays: Vec<Vec<_>> = arguments
        .split('{')
        .skip(1)
        .map(|array| {
            array
                .split('}')
                .next()
                .unwrap_or_default()
                .split(',')
                .map(|name| name.trim_matches('"'))
                .collect()
        })
        .collect();
    let [schemas, names] = &arrays[..] else { unreachable!("{arguments}") };
    let mut found = Vec::new();
    for (place, (schema, name)) in (1..).zip(schemas.iter().zip(names)) {
        if view.missing.contains(name) {
            continue;
        }
        let written =
            |name: &str| view.written.iter().find(|(table, _)| *table == name).map_or("", |(_, xids)| xids);
        let place: String = i32::to_string(&place);
        found.push([place.clone(), (*schema).into(), (*name).into(), "f".into(), written(name).into()]);
        for [_, _, above_schema, above] in above.iter().filter(|above| above[..2] == [*schema, *name]) {
            found.push([
                place.clone(),
                (*above_schema).into(),
                (*above).into(),
                "t".into(),
                written(above).into(),
            ]);
        }
    }
    let found: Vec<_> = found.iter().map(|row| row.each_ref().map(|column| Some(column.as_str()))).collect();
    rows(&found)
}

/// Asked between the slot and the stream, and later in a prepared form.
const VIEW: &str = "SELECT pg_catalog.pg_snapshot_xmax(s)";

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
