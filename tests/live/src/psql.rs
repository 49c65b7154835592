//! psql, for what libpq makes of the text that the product gets.

use std::process::Stdio;

use crate::{Context, Failure, watch};

/// Asks a server of ours one thing over a connection of that text. Yields the answer, or psql's words.
pub(crate) async fn ask(server: &Context, text: &str, sql: &str) -> Result<Result<String, String>, Failure> {
    let mut psql = watch::clean(server.server.cluster()?.installation().psql()?);
    let output = psql.args(["-XAtqwc", sql, text]).stdin(Stdio::null()).output().await?;
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let answer = words(&output.stdout);
    Ok(if output.status.success() { Ok(answer) } else { Err(words(&output.stderr)) })
}
