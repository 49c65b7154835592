//! `pgnudge watch`: tells each item, until it is asked to end.

mod board;
mod ending;
mod exec;
mod outlet;
mod rate;
mod variables;

use std::time::Duration;

use pgnudge::FeedBuilder;

use crate::arguments::WatchArguments;
use crate::failure::{self, Failure};
use crate::screen::Screen;
use crate::{service, shutdown};
use ending::Ending;
use outlet::Outlet;

/// Runs until it is asked to end, has seen what it was to wait for, nobody reads stdout any more, or the
/// feed cannot be had.
pub(crate) async fn run(arguments: &WatchArguments, screen: Option<Screen>) -> Result<(), Failure> {
    let requested = shutdown::requested()?;
    let builder = arguments.feed.builder();
    builder.check().map_err(failure::typed)?;
    let status = builder.status();
    service::follow(builder.status());
    let mut outlet = Outlet::new(arguments, screen, builder.status());
    let ending = Ending::new(arguments.once, arguments.until_idle);
    let result = tokio::select! {
        result = pump(builder, &mut outlet, ending) => result.and_then(|()| outlet.verdict()),
        failure = time_is_up(arguments.timeout) => Err(failure),
        _ = requested => Ok(()),
    };
    service::stopping();
    tokio::join!(outlet.close(), shutdown::closed(status));
    result
}

/// The feed lives as long as this does.
async fn pump(builder: FeedBuilder, outlet: &mut Outlet, mut ending: Ending) -> Result<(), Failure> {
    let mut feed = tokio::select! {
        feed = builder.connect() => feed?,
        result = outlet.keep_fresh() => match result? {},
    };
    let status = feed.status();
    loop {
        let item = tokio::select! {
            biased;
            item = feed.next() => Some(item),
            () = ending.idle(status.clone()) => None,
            result = outlet.keep_fresh() => match result? {},
        };
        let Some(item) = item else {
            // A window may stay open for longer than that.
            if feed.has_pending() {
                continue;
            }
            return Ok(());
        };
        if !outlet.tell(&item).await? || ending.is_reached_with(&item) {
            return Ok(());
        }
    }
}

/// Ends with the time that there is.
async fn time_is_up(limit: Option<Duration>) -> Failure {
    let Some(limit) = limit else { return std::future::pending().await };
    tokio::time::sleep(limit).await;
    Failure::timeout(limit)
}
