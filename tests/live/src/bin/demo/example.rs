//! An example on a server whose table changes.

use std::process::Stdio;
use std::time::Duration;

use pgnudge_live::Failure;
use pgnudge_live::example::{self, Example, TABLE};
use pgnudge_testkit::Server;
use tokio::process::Command;
use tokio::time::sleep;

use crate::screen::Screen;

/// Runs until the example ends.
pub(crate) async fn run(screen: &Screen, example: &Example) -> Result<(), Failure> {
    example::build()?;
    let server = Server::find().await?;
    screen.title(&server);
    let scratch = server.scratch("example").await?;
    scratch.sql(TABLE).await?;
    screen.command(&format!("cargo run --package pgnudge-examples --example {}", example.name));
    let mut command = Command::from(example.command(&scratch)?);
    let mut program = command.stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    let changes = async {
        for number in 3.. {
            sleep(Duration::from_secs(1)).await;
            let name = ["Ada", "Augusta"][number % 2];
            let change = format!(
                "BEGIN; INSERT INTO public.users VALUES ({number}, 'user {number}');
                 UPDATE public.users SET name = '{name}' WHERE id = 1; COMMIT"
            );
            scratch.sql(&change).await?;
        }
        Ok::<(), Failure>(())
    };
    tokio::select! {
        ended = program.wait() => {
            let ended = ended?;
            if ended.success() { Ok(()) } else { Err(Failure::new(format!("the example has failed ({ended})"))) }
        }
        failed = changes => failed,
    }
}
