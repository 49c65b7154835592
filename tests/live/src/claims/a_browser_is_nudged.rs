//! The status page, and with it EventSource, in a real browser.
//!
//! Seen to fail: with a page that does not begin anew after it was refused.

use std::time::Duration;

use pgnudge_testkit::Signal;

use crate::bridge::Bridge;
use crate::browser::Browser;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, http};

pub(super) const CLAIM: Claim = Claim {
    name: "a_browser_is_nudged",
    title: "a browser is nudged",
    claim: "The status page loads nothing from elsewhere and shows a table within moments of an INSERT; when the \
            bridge is killed and started again, be it as one on standby that refuses it at first, the page comes \
            back by itself, resyncs, and is nudged again. Ten tabs share one stream, and a wrong token is told from a \
            bridge that does not answer.",
    falsified_by: "an error in the page, a nudge that is not shown, or a page that stays away",
    proves: &["R1", "R2"],
    plugins: Plugins::Auto,
    needs: &[Need::Browser],
    run: |context| Box::pin(a_browser_is_nudged(context)),
};

async fn a_browser_is_nudged(context: Context) -> Result<Evidence, Failure> {
    context
        .sql("CREATE TABLE orders (id int); CREATE TABLE \"<b>\" (id int); CREATE TABLE \"a\u{202e}b\" (id int)")
        .await?;
    let bridge = context.bridge(&FLAGS).await?;
    bridge.ready().await?;
    let browser = Browser::start().await?;
    browser.open(&format!("http://{}/", bridge.address())).await?;
    browser.until("document.body.dataset.state === 'streaming'").await?;
    browser.until(RESYNCED).await?;
    context.sql("INSERT INTO orders SELECT generate_series(1, 3); INSERT INTO \"<b>\" VALUES (1)").await?;
    browser.until("document.querySelector('#log').textContent.includes('public.orders ×3')").await?;
    browser
        .until("document.querySelector('[data-table=\"public.orders\"] .num').textContent === '3'")
        .await?;
    browser.until("document.querySelector('[data-table=\"public.<b>\"] .name')").await?;
    context.sql("INSERT INTO \"a\u{202e}b\" VALUES (1)").await?;
    browser.until(r"document.querySelector('#log').textContent.includes('public.a\\u{202e}b ×1')").await?;

    many_tabs(&context, &bridge, &browser).await?;

    let address = bridge.address();
    bridge.end(Signal::Kill).await?;
    browser.until("document.body.dataset.state === 'away'").await?;
    let before = browser.value("document.querySelectorAll('#log .resync').length").await?;
    let other = context.bridge(&FLAGS).await?;
    other.ready().await?;
    let bridge = Bridge::start_at(address, &context.scratch.dsn(), &FLAGS).await?;
    browser.until("document.body.dataset.state === 'standby'").await?;
    tokio::time::sleep(RETRIED).await;
    other.end(Signal::Kill).await?;
    browser.until(&format!("document.querySelectorAll('#log .resync').length > {before}")).await?;
    // A stream that begins meanwhile begins with a resync, which stands for the rows, too.
    let (told, resyncs) = (
        "document.querySelector('#log').textContent.includes('public.orders ×5')",
        "document.querySelectorAll('#log .resync').length",
    );
    for _ in 0..5 {
        let before = browser.value(resyncs).await?;
        context.sql("INSERT INTO orders SELECT generate_series(1, 5)").await?;
        browser.until(&format!("{told} || {resyncs} > {before}")).await?;
        if browser.value(told).await? == true {
            break;
        }
    }
    ensure!(browser.value(told).await? == true, "five inserts were told as resyncs only");
    browser.until("document.body.dataset.state === 'streaming'").await?;
    let elsewhere = browser.value("performance.getEntriesByType('resource').filter(e => new URL(e.name).host !== location.host && !e.name.startsWith('data:')).length").await?;
    ensure!(elsewhere == 0, "the page loaded {elsewhere} things from elsewhere");
    bridge.end(Signal::Term).await?;
    wrong_token(&context, &browser).await?;
    browser.quit().await?;
    evidence!(
        "nudged in ten tabs by one stream, left alone, resynced and nudged again; a wrong token is told"
    )
}

/// A browser has six connections to a host.
async fn many_tabs(context: &Context, bridge: &Bridge, browser: &Browser) -> Result<(), Failure> {
    for _ in 1..10 {
        browser.open_tab(&format!("http://{}/", bridge.address())).await?;
        browser.until("document.body.dataset.state === 'streaming'").await?;
    }
    context.sql("INSERT INTO orders SELECT generate_series(1, 4)").await?;
    browser.until("document.querySelector('#log').textContent.includes('public.orders ×4')").await?;
    let metrics = http::get(bridge.address(), "/metrics", &[]).await?.body;
    let one = metrics.lines().any(|line| line == "pgnudge_bridge_subscribers 1");
    ensure!(one, "ten tabs have more than one stream: {metrics}");
    Ok(())
}

async fn wrong_token(context: &Context, browser: &Browser) -> Result<(), Failure> {
    let bridge = context.bridge(&["--http-token=secret"]).await?;
    bridge.ready().await?;
    for (token, shown) in [("#token=wrong", "does not know this token"), ("", "wants a token")] {
        browser.open_tab(&format!("http://{}/{token}", bridge.address())).await?;
        browser.until(&format!("document.querySelector('#detail').textContent.includes('{shown}')")).await?;
        browser.until("getComputedStyle(document.querySelector('form')).display === 'flex'").await?;
    }
    browser.open_tab(&format!("http://{}/#token=secret", bridge.address())).await?;
    browser.until("document.body.dataset.state === 'streaming'").await?;
    bridge.end(Signal::Term).await?;
    browser.until("document.querySelector('#detail').textContent.includes('does not answer')").await
}

const FLAGS: [&str; 2] = ["--notify=nudge", "--ha"];
/// By then the EventSource of the nudges has been refused as well, and has given up. Were it too short, less
/// would be proven, and nothing would fail.
const RETRIED: Duration = Duration::from_secs(2);
const RESYNCED: &str = "document.querySelector('#log .resync')";
