//! R13 without a wait: the server is asked about a quiet window a quarter of `debounce` before that closes, and
//! the answer counts if nothing has come in since.

use nudge_engine::Knobs;
use nudge_engine::policy::Visibility;
use pgnudge_scripted::{
    Live, MS, S, Server, View, XID, knobs, live, relaxed, settle, soon, timed, wakeup, witness,
};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn r13_an_item_does_not_wait_for_an_answer_that_is_there() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "").await;
    let mut witness = witness(&mut network).await;
    for (takes, after) in [(0, 50), (11, 50), (30, 68)] {
        backend.commits(&["public.a"]).await;
        let script = async {
            let question = witness.is_asked().await;
            sleep(takes * MS).await;
            witness.answers(&question, &View::default(), &[]).await;
        };
        let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
        assert_eq!((time, wakeup(&item).as_str()), (after * MS, "public.a 1"), "{takes} ms");
        let more = timeout(S, witness.is_asked()).await;
        assert!(more.is_err(), "one question per item, and {more:?}");
    }
}

/// The transaction runs on when the question is answered.
#[tokio::test(start_paused = true)]
async fn r13_an_answer_ahead_that_does_not_see_the_change_is_not_enough() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "").await;
    let mut witness = witness(&mut network).await;
    backend.commits(&["public.a"]).await;
    let script = async {
        witness.sees(XID + 10, &[XID]).await;
        witness.sees(XID + 10, &[XID]).await;
        sleep(7 * MS).await;
        witness.sees(XID + 10, &[]).await;
    };
    let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
    assert_eq!((time, wakeup(&item).as_str()), (57 * MS, "public.a 1"));
}

/// It comes after the question, is in the item, and nothing is known of it.
#[tokio::test(start_paused = true)]
async fn r13_what_comes_after_the_question_is_asked_about() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "").await;
    let mut witness = witness(&mut network).await;
    backend.commits(&["public.a"]).await;
    backend.xid += 1;
    let script = async {
        let question = witness.is_asked().await;
        backend.commits(&["public.a"]).await;
        witness.answers(&question, &View { xmax: XID + 1, ..View::default() }, &[]).await;
        witness.sees(XID + 2, &[]).await;
    };
    let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
    assert_eq!((time, wakeup(&item).as_str()), (88 * MS, "public.a 2"), "50 ms after the later one");
}

/// It has ended when the question is answered, and is decoded later. Since it began long ago, `leaf` may have
/// been another table to it: which the question did not ask.
#[tokio::test(start_paused = true)]
async fn r7_names_of_a_transaction_that_comes_after_the_question_are_asked_for() {
    for takes in [0, 60] {
        let linked = || View { linked: true, ..View::default() };
        let partitioned = Server { partitioned: true, ..Server::default() };
        let knobs = Knobs { partition_root: true, visibility: Visibility::Always, ..knobs() };
        let Live { mut network, mut backend, mut feed } = Live::of(partitioned, knobs).await;
        assert_eq!(wakeup(&feed.next().await), "connected");
        let mut witness = witness(&mut network).await;
        let leaf = [["public", "leaf", "public", "root"]];
        backend.commits(&["public.leaf"]).await;
        let script = async {
            let question = witness.is_asked().await;
            for (at, printed) in [(1, "BEGIN 747"), (2, "table public.leaf: INSERT: id[integer]:1")] {
                backend.send_xlog_data(at, at, printed.as_bytes()).await.unwrap();
            }
            backend.send_xlog_data(0x300, 0x300, b"COMMIT 747").await.unwrap();
            settle().await;
            sleep(takes * MS).await;
            witness.answers(&question, &linked(), &leaf).await;
            let question = witness.is_asked().await;
            assert!(question.contains("pgnudge_lineage"), "{question}");
            let renamed = View { written: vec![("leaf", "748")], ..linked() };
            witness.answers(&question, &renamed, &leaf).await;
        };
        let (item, ()) = soon("both", async { tokio::join!(feed.next(), script) }).await;
        assert_eq!(wakeup(&item), "undecodable", "{takes} ms");
    }
}
