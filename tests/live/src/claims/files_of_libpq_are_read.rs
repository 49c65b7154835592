//! The files in which people keep their connections: the service file and the password file.
//!
//! It can fail: with the variables left out of the settings (`PGSERVICEFILE`, `PGPASSFILE`), and with a
//! password file that is read although others may read it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pgnudge::{ErrorKind, Feed};

use crate::consumer::Consumer;
use crate::context::{connected, refused};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch, watch};

pub(super) const CLAIM: Claim = Claim {
    name: "files_of_libpq_are_read",
    title: "service file and password file",
    claim: "A service and a password come out of the files that the text names (servicefile, passfile) or the \
            variables do (PGSERVICEFILE, PGPASSFILE); a password file that others may read is left alone.",
    falsified_by: "a login that misses its settings, or one with a password that everybody could read",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(files_of_libpq_are_read(context)),
};

async fn files_of_libpq_are_read(context: Context) -> Result<Evidence, Failure> {
    let (port, database) = (context.server.cluster()?.port(), context.scratch.name());
    let keywords =
        format!("host=localhost\nhostaddr=127.0.0.1\nport={port}\ndbname={database}\nuser=nudger\n");
    let services = context.file("service", &format!("[other]\nuser=nobody\n[ours]\n{keywords}"))?;
    let entries =
        format!("other:*:*:nudger:wrong\nlocalhost:{port}:{database}:nudger:nudger\n*:*:*:*:wrong\n");
    let passwords = context.file("pass", &entries)?;

    let (service, password) = (services.display(), passwords.display());
    let text = format!("service=ours servicefile='{service}' passfile='{password}'");
    let mut feed = connected(Feed::builder(&text)).await?;
    context.tally(&mut feed).await?;
    by_variables(&context, &services, &passwords).await?;

    std::fs::set_permissions(&passwords, Permissions::from_mode(0o644))?;
    let error = refused(&text).await?;
    ensure!(error.kind() == ErrorKind::Authentication, "refused for another reason: {error:?}");
    evidence!("named by the text and by variables; once others may read the passwords: \"{error}\"")
}

/// The program gets no connection text at all.
async fn by_variables(context: &Context, services: &Path, passwords: &Path) -> Result<(), Failure> {
    let mut command = watch::command()?;
    command.env("PGSERVICE", "ours").env("PGSERVICEFILE", services).env("PGPASSFILE", passwords);
    let mut watch = Watch::start_with(command, [])?;
    watch.resync("connected").await?;
    context.tally(&mut watch).await?;
    Ok(())
}
