//! Each `sslmode` against each kind of server, beside libpq: `psql` gets the same text.
//!
//! It can fail: with `danger_accept_invalid_hostnames` for verify-full it does at the other name, with
//! `danger_accept_invalid_certs` at the other authority, with `TlsIfOffered` for
//! require on the server without TLS.

use std::fmt;

use pgnudge::{ErrorKind, Feed};
use pgnudge_testkit::Cluster;

use crate::context::{connected, refused, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, psql};

pub(super) const CLAIM: Claim = Claim {
    name: "every_rung_of_sslmode_holds",
    title: "the ladder of sslmode",
    claim: "For every sslmode a feed is encrypted, plain or refused exactly as psql is: on a server with the expected \
            certificate, with one for another name, with one of another authority, and without TLS.",
    falsified_by: "a connection that is weaker than its sslmode, or another than psql's",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate],
    run: |context| Box::pin(every_rung_of_sslmode_holds(context)),
};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Tls,
    Plain,
    Refused,
}

use Fate::{Plain, Refused, Tls};

/// With the expected certificate, with another name, with another authority, without TLS.
const LADDER: [(&str, [Fate; 4]); 6] = [
    ("disable", [Plain, Plain, Plain, Plain]),
    ("allow", [Plain, Plain, Plain, Plain]),
    ("prefer", [Tls, Tls, Plain, Plain]),
    ("require", [Tls, Tls, Refused, Refused]),
    ("verify-ca", [Tls, Tls, Refused, Refused]),
    ("verify-full", [Tls, Refused, Refused, Refused]),
];

async fn every_rung_of_sslmode_holds(context: Context) -> Result<Evidence, Failure> {
    let plain = context.on_own_cluster(Cluster::builder().tls(false)).await?;
    let other = context.on_own_cluster(Cluster::builder()).await?;
    let roots = |of: &Context| Ok::<_, Failure>(of.server.cluster()?.certificate()?.display().to_string());
    let (roots, others) = (roots(&context)?, roots(&other)?);
    let servers = [
        (&context, format!("sslrootcert='{roots}'")),
        (&context, format!("host=other.example sslrootcert='{roots}'")),
        (&context, format!("sslrootcert='{others}'")),
        (&plain, format!("sslrootcert='{roots}'")),
    ];
    let unchecked = context.text("sslmode=require")?;
    ensure!(ours(&context, &unchecked, Tls).await? == Tls, "require demands more than TLS");
    // Some are built without TLS.
    let compared = libpqs(&context, &unchecked).await? == Tls;
    let mut fates = Vec::new();
    for (mode, expected) in LADDER {
        for ((server, more), expected) in servers.iter().zip(expected) {
            let text = server.text(&format!("sslmode={mode} {more}"))?;
            let ours = ours(server, &text, expected).await?;
            ensure!(ours == expected, "it was {ours}, not {expected}: {text}");
            if compared {
                let libpqs = libpqs(server, &text).await?;
                ensure!(libpqs == expected, "psql was {libpqs}, not {expected}: {text}");
            }
            fates.push(ours);
        }
    }
    let count = |fate| fates.iter().filter(|&&other| other == fate).count();
    let (tls, plain, refused) = (count(Tls), count(Plain), count(Refused));
    let psql = if compared { "as psql" } else { "NOT COMPARED with psql, which has no TLS here" };
    evidence!("{tls} encrypted, {plain} plain, {refused} refused, {psql}")
}

/// What becomes of a feed. One that is refused has to be refused for its TLS.
async fn ours(server: &Context, text: &str, expected: Fate) -> Result<Fate, Failure> {
    if expected == Refused {
        let error = refused(text).await?;
        ensure!(error.kind() == ErrorKind::Tls, "{text} is refused for another reason: {error:?}");
        return Ok(Refused);
    }
    let feed = connected(Feed::builder(text)).await?;
    let session = format!("SELECT ssl FROM pg_stat_ssl WHERE pid = {}", streaming(&feed)?.1);
    Ok(if server.scratch.query_one_text(&session).await? == "t" { Tls } else { Plain })
}

/// What becomes of psql.
async fn libpqs(server: &Context, text: &str) -> Result<Fate, Failure> {
    let session = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(match psql::ask(server, text, session).await?.as_deref() {
        Ok("t") => Tls,
        Ok(_) => Plain,
        Err(_) => Refused,
    })
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tls => "encrypted",
            Plain => "plain",
            Refused => "refused",
        })
    }
}
