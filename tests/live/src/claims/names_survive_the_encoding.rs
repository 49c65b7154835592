//! Names in databases that are not UTF-8: what is decoded arrives in the database's own encoding.
//!
//! It can fail: with the conversion of `nudge_decode::ServerEncoding` left out, every name here is an
//! Undecodable.

use crate::consumer::Consumer;
use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "names_survive_the_encoding",
    title: "LATIN1, EUC_JP, SQL_ASCII",
    claim: "In databases in LATIN1, LATIN2, EUC_JP, WIN1251 and EUC_KR names come out right; in SQL_ASCII, which does not \
            say what its bytes mean, an ASCII name does, and any other is a Resync(Undecodable).",
    falsified_by: "a name that is mangled, or silence",
    proves: &["R7"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(names_survive_the_encoding(context)),
};

async fn names_survive_the_encoding(context: Context) -> Result<Evidence, Failure> {
    let mut told = Vec::new();
    for (encoding, name) in NAMES {
        let other = context.in_encoding(encoding).await?;
        let mut feed = other.feed().await?;
        other.sql(&format!(r#"CREATE TABLE "{name}" AS SELECT 1; CREATE TABLE plain AS SELECT 1"#)).await?;
        let expected = format!("public.{name}");
        other.tally(&mut feed).await?.ensure_exactly(&[(&expected, 1), ("public.plain", 1)])?;
        told.push(format!("{name} in {encoding}"));
    }
    let unknown = context.in_encoding("SQL_ASCII").await?;
    let mut feed = unknown.feed().await?;
    unknown.sql("CREATE TABLE plain AS SELECT 1").await?;
    unknown.tally(&mut feed).await?.ensure_exactly(&[("public.plain", 1)])?;
    unknown.sql(r#"CREATE TABLE "größe" AS SELECT 1"#).await?;
    feed.resync("undecodable").await?;
    evidence!("told: {}; in SQL_ASCII plain as it is, größe as Resync(undecodable)", told.join(", "))
}

const NAMES: [(&str, &str); 5] = [
    ("LATIN1", "größe"),
    ("LATIN2", "żółw"),
    ("EUC_JP", "注文表"),
    ("WIN1251", "заказы"),
    ("EUC_KR", "주문"),
];
