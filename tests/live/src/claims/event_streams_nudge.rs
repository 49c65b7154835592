//! Server-Sent Events, as a plain HTTP client sees them.
//!
//! Seen to fail: with the filter of the query left out.

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::http::{self, EventStream};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "event_streams_nudge",
    title: "Server-Sent Events",
    claim: "An event stream begins with a resync, brings what its tables ask for and nothing else, and one that \
            comes back is told to resync, and so is one whose item would have more than 256 tables; who does not know the token, asks for nonsense or finds no seat is told \
            so; the metrics count it.",
    falsified_by: "another first item, a table that was not asked for, or another status",
    proves: &["R1", "R3"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(event_streams_nudge(context)),
};

async fn event_streams_nudge(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int)").await?;
    let bridge = context
        .bridge(&["--http-token=secret", "--http-max-subscribers=2", "--cors-origin=https://app.example"])
        .await?;
    bridge.ready().await?;
    let (address, known) = (bridge.address(), "Authorization: Bearer secret");
    let events = |query: &'static str, header: &'static str| async move {
        EventStream::open(address, query, &[known, header]).await
    };
    let mut two = events("/events?table=public.a&table=public.c", "X-None: 0").await?;
    let mut back = events("/events?table=public.b", "Last-Event-ID: 0/1").await?;
    two.resync("connected").await?;
    back.resync("reconnected").await?;
    context.sql("INSERT INTO b VALUES (1)").await?;
    context.sql("INSERT INTO a SELECT generate_series(1, 7); INSERT INTO c VALUES (1)").await?;
    let (mut told, mut others) = (crate::tally::Tally::default(), crate::tally::Tally::default());
    told.until(&mut two, "public.c").await?;
    told.ensure_exactly(&[("public.a", 7), ("public.c", 1)])?;
    others.until(&mut back, "public.b").await?;
    others.ensure_exactly(&[("public.b", 1)])?;
    ensure!(two.id.contains('/'), "no position but {:?}", two.id);

    for (path, headers, status) in [
        ("/events", &[][..], 401),
        ("/metrics", &["Authorization: Bearer wrong"], 401),
        ("/events?access_token=secret", &[], 503),
        ("/healthz", &[], 200),
        ("/readyz", &[], 200),
        ("/", &[], 200),
    ] {
        let answer = http::get(address, path, headers).await?;
        ensure!(answer.status == status, "{path} with {headers:?}: {}, not {status}", answer.status);
    }
    let metrics = http::get(address, "/metrics", &[known]).await?.body;
    for line in [
        "pgnudge_changes_total 9",
        "pgnudge_bridge_subscribers 2",
        "pgnudge_state{state=\"streaming\"} 1",
        "pgnudge_resyncs_total{reason=\"connected\"} 1",
        // An alarm on an increase sees the first one.
        "pgnudge_resyncs_total{reason=\"overflow\"} 0",
        "pgnudge_bridge_notify_gaps_total 0",
        "pgnudge_bridge_active 1",
    ] {
        ensure!(metrics.lines().any(|found| found == line), "no {line} in {metrics}");
    }
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in types {
        let helps = metrics.lines().any(|line| line.starts_with(&format!("# HELP {name} ")));
        ensure!(helps, "no HELP for {name}");
    }
    drop(two);
    let nonsense =
        async || Ok(http::get(address, "/events?table=nonsense", &[known]).await.map_or(0, |a| a.status));
    pgnudge_testkit::wait_until("the seat is free", crate::consumer::PATIENCE, nonsense, |&status| {
        status == 400
    })
    .await?;
    let allowed = http::get(address, "/healthz", &["Origin: https://app.example"]).await?.headers;
    let other = http::get(address, "/healthz", &["Origin: https://evil.example"]).await?.headers;
    let allows =
        |headers: &[String]| headers.iter().any(|h| h == "access-control-allow-origin: https://app.example");
    ensure!(allows(&allowed), "{allowed:?}");
    ensure!(!other.iter().any(|h| h.contains("evil")), "{other:?}");
    large_items_are_resyncs(&context).await?;
    evidence!("two streams with filters, 401, 400 and 503 where they belong, figures that add up")
}

/// So that a client that does not read costs little.
async fn large_items_are_resyncs(context: &Context) -> Result<(), Failure> {
    let each = |command: &str| {
        let numbers = (0..257).map(|n| command.replace('?', &n.to_string()));
        numbers.collect::<Vec<_>>().join("; ")
    };
    context.sql(&each("CREATE TABLE l? (id int)")).await?;
    let bridge = context.bridge(&["--debounce=100ms"]).await?;
    bridge.ready().await?;
    let mut stream = bridge.events("").await?;
    stream.resync("connected").await?;
    context.sql(&format!("BEGIN; {}; COMMIT", each("INSERT INTO l? VALUES (1)"))).await?;
    stream.resync("overflow").await?;
    Ok(())
}
