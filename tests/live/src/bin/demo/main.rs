//! `demo`: pgnudge at work on a real PostgreSQL, in a few seconds. `cargo xtask demo` runs it.
//!
//! The consumer is the program itself, `pgnudge watch --output json`. This program is the workload
//! and the audience: it commits, waits for what the consumer is told, and shows how long that took.
//! At the end it kills the consumer hard and looks what is left on the server. Whatever is not as
//! promised ends it with status 1 and a sentence.
//!
//! `demo NAME` runs one of the `examples/` on such a server, whose table changes every second, until Ctrl-C.

mod example;
mod screen;
mod show;
mod step;

use std::process::ExitCode;
use std::time::Duration;

use pgnudge_live::example::Example;
use pgnudge_live::{Failure, product};
use pgnudge_testkit::Server;
use screen::Screen;
use tokio::runtime::Runtime;
use tokio::time::timeout;

fn main() -> ExitCode {
    let screen = Screen::new();
    match run(&screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(screen: &Screen) -> Result<(), Failure> {
    let example = std::env::args().nth(1);
    Runtime::new()?.block_on(async {
        let shown = async {
            match &example {
                Some(name) => example::run(screen, Example::find(name)?).await,
                None => demo(screen).await,
            }
        };
        // Ctrl-C too has to go through here: what we have made is taken away on the way out.
        tokio::select! {
            shown = shown => shown,
            _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted")),
        }
    })
}

async fn demo(screen: &Screen) -> Result<(), Failure> {
    product::build()?;
    let server = Server::find().await?;
    screen.title(&server);
    let shown = timeout(LIMIT, show::run(screen, &server)).await;
    shown.unwrap_or_else(|_| Err(Failure::new(format!("it was not done within {LIMIT:?}"))))
}

/// The whole takes three seconds; with the start of a server it shall end within twenty.
const LIMIT: Duration = Duration::from_secs(15);
