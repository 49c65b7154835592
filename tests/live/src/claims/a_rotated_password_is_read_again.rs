//! Passwords that change in their files: each connection reads them again, as psql does.
//!
//! Seen to fail: with the password that the file had when the feed was made, the feed stays away, and the
//! second session leaves its items unchecked.

use std::path::Path;

use pgnudge::{Feed, Status, Visibility};
use pgnudge_testkit::wait_until;

use crate::consumer::{Consumer, PATIENCE};
use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_rotated_password_is_read_again",
    title: "a password that is rotated in its file",
    claim: "A feed whose role gets another password reads that from the password file, or the service file, when it \
            opens its second session and when it reconnects. While the file is missing it goes on trying.",
    falsified_by: "a feed that stays away although psql gets in",
    proves: &["R2", "R13"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_rotated_password_is_read_again(context)),
};

async fn a_rotated_password_is_read_again(context: Context) -> Result<Evidence, Failure> {
    let dsn = context.scratch.login("first", "REPLICATION").await?;
    let role = dsn.split(['/', ':']).nth(3).unwrap_or_default().to_owned();
    let passwords = context.file("pass", &format!("*:*:*:{role}:first\n"))?;
    let (port, database) = (context.server.cluster()?.port(), context.scratch.name());
    let service = format!(
        "[ours]\nhost=localhost\nhostaddr=127.0.0.1\nport={port}\ndbname={database}\nuser={role}\npassword=first\n"
    );
    let services = context.file("service", &service)?;
    let by_passfile = context.text(&format!("user={role} password='' passfile='{}'", passwords.display()))?;
    let by_service = format!("service=ours servicefile='{}'", services.display());

    for (text, file) in [(by_passfile, &passwords), (by_service, &services)] {
        context.sql(&format!("ALTER ROLE {role} PASSWORD 'first'")).await?;
        let mut feed = Feed::builder(&text).visibility(Visibility::Always).connect().await?;
        feed.resync("connected").await?;
        rotate(&context, &role, file, "first", "second").await?;
        context.tally(&mut feed).await?;
        let checked = matches!(*feed.status().borrow(), Status::Streaming { unchecked: None, .. });
        ensure!(checked, "the second session did not get in: {:?}", feed.status().borrow());

        let hidden = file.with_extension("hidden");
        std::fs::rename(file, &hidden)?;
        context.scratch.terminate(streaming(&feed)?.1).await?;
        let status = feed.status();
        let failed = |failed: &bool| *failed;
        let fails = async || Ok(matches!(*status.borrow(), Status::BackingOff { attempt: 3.., .. }));
        wait_until("attempts without the file fail", PATIENCE, fails, failed).await?;
        std::fs::rename(&hidden, file)?;
        rotate(&context, &role, file, "second", "third").await?;
        feed.resync("reconnected").await?;
        context.tally(&mut feed).await?;
        std::fs::write(file, std::fs::read_to_string(file)?.replace("third", "first"))?;
    }
    evidence!("a second session and a reconnection with the new password, from either file")
}

async fn rotate(context: &Context, role: &str, file: &Path, from: &str, to: &str) -> Result<(), Failure> {
    context.sql(&format!("ALTER ROLE {role} PASSWORD '{to}'")).await?;
    std::fs::write(file, std::fs::read_to_string(file)?.replace(from, to))?;
    Ok(())
}
