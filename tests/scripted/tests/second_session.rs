//! The second session, which tells what can be seen (R13): late, lost, nonsensical, and closed with the feed.

use nudge_engine::runtime::Status;
use pgnudge_scripted::{
    Live, MS, Reception, S, XID, eager, is_seen_after, live, settle, timed, wakeup, witness,
};
use pgnudge_testkit::frames;
use tokio::time::sleep;

fn is_unchecked(status: &Status) -> bool {
    matches!(status, Status::Streaming { unchecked: Some(_), .. })
}

#[tokio::test(start_paused = true)]
async fn r13_without_a_second_session_items_are_a_second_late() {
    for reception in [Reception::Refusal, Reception::Silence, Reception::Connection] {
        let mut live = live(eager(), "").await;
        live.network.receives_with(reception);
        for _ in 0..3 {
            live.backend.commits(&["public.a"]).await;
            let (time, item) = timed(live.next()).await;
            assert_eq!((item.as_str(), time.as_secs_f32().round()), ("public.a 1", 1.0), "{reception:?}");
            assert!(is_unchecked(&live.feed.status().borrow()), "{reception:?}");
            sleep(S).await;
        }
    }
}

/// A login may take longer than an item waits; then it is there for the next one.
#[tokio::test(start_paused = true)]
async fn r13_a_slow_login_is_not_given_up() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let (mut second, (time, _)) = tokio::join!(network.accept(), timed(feed.next()));
    assert_eq!(time, S, "one goes out unchecked");
    backend.commits(&["public.a"]).await;
    let script = async {
        sleep(S / 2).await;
        second.handshake_trust().await.unwrap();
        second.settles_in().await;
        is_seen_after(&mut second, 0).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!(time, S / 2, "on the same connection");
    assert!(!is_unchecked(&feed.status().borrow()));
}

#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_is_lost_over_a_question_is_made_again() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let status = feed.status();
    backend.commits(&["public.a"]).await;
    let script = async {
        // The one that was at rest costs nothing, the next one does.
        drop(witness(&mut network).await);
        drop(witness(&mut network).await);
        let mut second = witness(&mut network).await;
        assert!(is_unchecked(&status.borrow()));
        is_seen_after(&mut second, 5).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!(time, (250 + 2) * MS);
    assert!(!is_unchecked(&status.borrow()));
}

/// Planning it costs the server more than running it; and items do not wait for the login.
#[tokio::test(start_paused = true)]
async fn r13_the_question_is_prepared_before_the_first_item() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let mut witness = witness(&mut network).await;
    for _ in 0..3 {
        backend.commits(&["public.a"]).await;
        let (_, question) = tokio::join!(feed.next(), witness.knows(false, &[]));
        assert_eq!(question, "EXECUTE pgnudge_view");
        sleep(S).await;
    }
}

/// A pooler gives each transaction a server process of its choice: nothing may stay there, and nothing is
/// found again.
#[tokio::test(start_paused = true)]
async fn r13_in_a_session_that_is_shared_nothing_is_left() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let mut second = network.accept().await;
    second.handshake_trust().await.unwrap();
    second.settles_in_as(1).await;
    for _ in 0..3 {
        backend.commits(&["public.a"]).await;
        let (item, question) = tokio::join!(feed.next(), second.knows(false, &[]));
        assert_eq!(wakeup(&item), "public.a 1");
        assert!(question.contains("; SET LOCAL search_path TO pg_catalog, pg_temp; SELECT"), "{question}");
        assert!(!question.contains("PREPARE") && !question.contains("EXECUTE"), "{question}");
    }
}

/// A router forgets connections that are idle: what is asked then is answered by silence.
#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_has_fallen_silent_costs_a_fraction_of_the_wait() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let mut silent = witness(&mut network).await;
    for _ in 0..3 {
        sleep(3600 * S).await;
        backend.commits(&["public.a"]).await;
        let script = async {
            silent.is_asked().await;
            let mut next = witness(&mut network).await;
            is_seen_after(&mut next, 0).await;
            next
        };
        let ((time, item), next) = tokio::join!(timed(feed.next()), script);
        assert_eq!((time, wakeup(&item)), (250 * MS, "public.a 1".to_owned()));
        assert!(!is_unchecked(&feed.status().borrow()));
        silent = next;
    }
}

/// Something in between ends connections that are idle for long.
#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_is_lost_at_rest_costs_no_time() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    drop(witness(&mut network).await);
    for _ in 0..3 {
        sleep(3600 * S).await;
        backend.commits(&["public.a"]).await;
        let script = async { is_seen_after(&mut witness(&mut network).await, 0).await };
        let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
        assert!(time.is_zero(), "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_talks_nonsense_is_none() {
    let endless = frames::data_row(&[Some("1000"), Some("0/1"), Some("7")]).repeat(1000);
    let no_numbers = frames::data_row(&[Some("x"), Some("y"), Some("z")]);
    let end = [frames::command_complete("SELECT"), frames::ready_for_query()].concat();
    let no_rows = end.clone();
    let error = frames::error_response(&frames::Report::new("ERROR", "42501", "not for you"));
    for nonsense in
        [endless, [no_numbers, end.clone()].concat(), no_rows, [error, end].concat(), b"?".to_vec()]
    {
        let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
        backend.commits(&["public.a"]).await;
        let script = async {
            loop {
                let mut witness = witness(&mut network).await;
                while witness.send(&nonsense).await.is_ok() {
                    sleep(10 * MS).await;
                }
            }
        };
        let (time, item) = tokio::select! {
            never = script => never,
            item = timed(feed.next()) => item,
        };
        assert!(time < 3 * S && wakeup(&item) == "public.a 1", "{time:?}");
    }
}

/// More transactions than any server can run: it would have to be kept until the end of the answer.
#[tokio::test(start_paused = true)]
async fn r13_an_answer_that_would_fill_the_memory_is_none() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let script = async {
        let mut first = witness(&mut network).await;
        first.is_asked().await;
        let xmax = format!("{:08000}", XID + 1);
        let [lsn, no, running] = ["0/1", "f", "7"].map(Some);
        let row = [Some(xmax.as_str()), running, running, lsn, lsn, no, Some(""), no, running];
        let rows = frames::data_row(&row).repeat(100);
        for _ in 0..25 {
            first.sends(&rows).await;
        }
        first.answer_command("SELECT").await.unwrap();
        is_seen_after(&mut witness(&mut network).await, 0).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert!(time.is_zero(), "another session is asked: {time:?}");
}

#[tokio::test(start_paused = true)]
async fn r11_dropping_closes_the_second_session_too() {
    for asking in [false, true] {
        let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
        backend.commits(&["public.a"]).await;
        let script = async {
            let mut witness = witness(&mut network).await;
            if asking {
                witness.is_asked().await;
            } else {
                witness.sees(XID + 1, &[]).await;
                settle().await;
            }
            witness
        };
        let mut witness = tokio::select! {
            biased;
            witness = script => witness,
            () = async { loop { feed.next().await; } } => unreachable!(),
        };
        drop(feed);
        let (time, ()) = timed(witness.is_left()).await;
        assert!(time.is_zero(), "asking {asking}: {time:?}");
    }
}
