//! `pgnudge doctor` on servers that are set up in another way: `wal_level = replica`, a standby.
//!
//! Seen to fail: with a round trip tried on a standby.

use pgnudge_testkit::Cluster;

use crate::doctor::Report;
use crate::evidence::{ensure, evidence};
use crate::standby::Standby;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "the_doctor_knows_other_servers",
    title: "pgnudge doctor elsewhere",
    claim: "`pgnudge doctor` fails on a server with wal_level = replica, unless that raises it by itself (PostgreSQL \
            19), and on a standby that cannot decode (PostgreSQL 15), and passes a standby that can.",
    falsified_by: "another verdict, or another remedy",
    proves: &["law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::Standby],
    run: |context| Box::pin(the_doctor_knows_other_servers(context)),
};

async fn the_doctor_knows_other_servers(context: Context) -> Result<Evidence, Failure> {
    let major = context.server.major();
    let low = context.on_own_cluster(Cluster::builder().wal_level("replica")).await?;
    let report = Report::of(&[&low.scratch.dsn()]).await?;
    let raised = major >= 19;
    ensure!(report.recommended.is_some() == raised, "{report:?}");
    if !raised {
        report.ensure_failed(&["wal_level", "slot"])?;
        let fix = "ALTER SYSTEM SET wal_level = 'logical';  -- then restart the server";
        report.ensure_fix("wal_level", fix)?;
        report.ensure_fix("slot", fix)?;
    }

    let primary = context.on_own_cluster(Cluster::builder()).await?;
    let standby = Standby::of(&primary).await?;
    let dsn = format!(
        "host=127.0.0.1 port={} user=nudger password=nudger dbname={}",
        standby.port(),
        primary.scratch.name()
    );
    let arguments = [dsn.as_str()];
    let examined = Report::of(&arguments);
    tokio::pin!(examined);
    let report = loop {
        tokio::select! {
            report = &mut examined => break report?,
            // A slot there waits for what a primary that has nothing to do tells rarely; 15 has no word for it.
            () = tokio::time::sleep(PAUSE), if major >= 16 => {
                primary.sql("SELECT pg_log_standby_snapshot()").await?;
            }
        }
    };
    let decodes = major >= 16;
    ensure!(report.recommended.is_some() == decodes, "{report:?}");
    if decodes {
        ensure!(report.check("round_trip")?.detail.contains("standby"), "{report:?}");
    } else {
        report.ensure_failed(&["standby", "slot"])?;
    }
    let verdict = |good| if good { "passes" } else { "fails" };
    evidence!("wal_level = replica {}, a standby {}", verdict(raised), verdict(decodes))
}

/// Between two words of the primary.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
