//! COPY is a change of each of its rows.
//!
//! On the server COPY writes its rows in bulk records, which decoding takes apart.
//!
//! Seen to fail: with one row less expected than copied.

use std::pin::pin;

use futures::SinkExt;

use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "copy_nudges",
    title: "COPY",
    claim: "Rows that arrive by COPY are told with their exact number.",
    falsified_by: "another number, or silence",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(copy_nudges(context)),
};

async fn copy_nudges(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE goods (id int PRIMARY KEY, name text)").await?;
    let mut feed = context.feed().await?;
    let client = context.scratch.connect().await?;
    let mut copy = pin!(client.copy_in("COPY goods FROM STDIN").await?);
    for chunk in 0..CHUNKS {
        let rows = (0..1000).map(|row| format!("{}\tproduct\n", chunk * 1000 + row));
        copy.send(std::io::Cursor::new(rows.collect::<String>())).await?;
    }
    let rows = copy.finish().await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.goods", rows)])?;
    evidence!("{rows} rows copied, {rows} told")
}

const CHUNKS: u32 = 20;
