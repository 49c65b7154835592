//! `sslmode=verify-full`: which names in a certificate are a host's, beside libpq: `psql` gets the same text.
//!
//! Seen to fail: with the names left to the TLS library, at an address in the common name. Comparing all of these
//! certificates with all of these hosts takes minutes and was done once, with psql 15, 17 and 18: the table in
//! `nudge-engine/src/policy/server_name.rs` is what came out.

use pgnudge::{ErrorKind, Session, SessionKind};
use pgnudge_testkit::TlsDoor;

use crate::authority::{Authority, NEW_EC_KEY};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, psql};

pub(super) const CLAIM: Claim = Claim {
    name: "names_are_matched_as_psql_does",
    title: "names in certificates",
    claim: "With sslmode=verify-full a certificate is taken for a host exactly where psql takes it: names and addresses \
            as subjectAltName and as common name, with and without wildcards, one and several.",
    falsified_by: "a certificate that only one of the two takes",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate],
    run: |context| Box::pin(names_are_matched_as_psql_does(context)),
};

async fn names_are_matched_as_psql_does(context: Context) -> Result<Evidence, Failure> {
    let directory = context.server.cluster()?.socket_dir();
    let authority = Authority::new(directory, "names")?;
    let (mut taken, mut refused) = (0, 0);
    for (number, (subject, alternative, hosts)) in CERTIFICATES.iter().enumerate() {
        let issued = authority.issue_for(&format!("name{number}"), subject, &NEW_EC_KEY, alternative)?;
        let door = TlsDoor::open(&std::fs::read(issued.certificate)?, &std::fs::read(issued.key)?).await?;
        for host in *hosts {
            let (port, roots) = (door.port(), authority.certificate());
            let text = format!(
                "host='{host}' hostaddr=127.0.0.1 port={port} user=u dbname=d gssencmode=disable \
                 sslmode=verify-full sslrootcert='{}'",
                roots.display()
            );
            let ours = takes(&text).await?;
            let theirs = psql_takes(&context, &text).await?;
            ensure!(
                ours == theirs,
                "{subject} with [{alternative}] for {host}: taken {ours}, by psql {theirs}"
            );
            if ours { taken += 1 } else { refused += 1 }
        }
    }
    ensure!(taken > 0 && refused > 0, "{taken} taken, {refused} refused: nothing was compared");
    evidence!("{taken} names taken, {refused} refused, as psql")
}

async fn takes(text: &str) -> Result<bool, Failure> {
    let Err(error) = Session::connect(text, SessionKind::Sql).await else {
        return Err(Failure::new("a door has let a client in"));
    };
    let taken = error.to_string().contains(TlsDoor::ACCEPTED);
    ensure!(taken || (error.kind() == ErrorKind::Tls && error.is_permanent()), "{text}: {error:?}");
    Ok(taken)
}

async fn psql_takes(context: &Context, text: &str) -> Result<bool, Failure> {
    let Err(words) = psql::ask(context, text, "SELECT 1").await? else {
        return Err(Failure::new("a door has let psql in"));
    };
    let (taken, other) = (words.contains(TlsDoor::ACCEPTED), words.contains("server certificate for"));
    let none = words.contains("could not get server's host name");
    ensure!(taken || other || none, "psql is refused for another reason: {words}");
    Ok(taken)
}

/// Subjects, their alternative names, and hosts: those that are taken, and some that are near.
const CERTIFICATES: [(&str, &str, &[&str]); 18] = [
    ("/CN=db.example", "", &["DB.Example", "db.example.", "10.1.2.3"]),
    ("/CN=10.1.2.3", "", &["10.1.2.3", "10.1.515", "10.9.9.9"]),
    ("/O=none", "", &["db.example"]),
    ("/CN=db.example", "DNS:other.example", &["other.example", "db.example"]),
    ("/CN=10.1.2.3", "DNS:db.example", &["10.1.2.3", "db.example", "10.1.515"]),
    ("/CN=x.example", "DNS:10.1.2.3", &["10.1.2.3", "x.example", "167838211"]),
    ("/CN=10.1.2.3", "IP:10.9.9.9", &["10.9.9.9", "10.1.2.3"]),
    (
        "/CN=db.example",
        "IP:10.1.2.3",
        &["db.example", "10.1.2.3", "10.1.515", "0x0a.1.2.3", "012.1.2.3", "10.9.9.9"],
    ),
    (
        "/O=none",
        "DNS:*.db.example",
        &["my_db.db.example", "MY-DB.Db.Example", "a.b.db.example", "db.example", ".db.example"],
    ),
    ("/CN=*.db.example", "", &["my_db.db.example", "a.b.db.example"]),
    (
        "/O=none",
        "DNS:*,DNS:*.,DNS:d*.example,DNS:*b.example,DNS:*.*.example",
        &["db.example", "localhost", "a.b.example"],
    ),
    ("/CN=first.example/CN=db.example", "", &["first.example", "db.example"]),
    ("/CN=::1", "IP:::1", &["0:0:0:0:0:0:0:1", "::1", "127.0.0.1"]),
    ("/O=none", "DNS:first.example,DNS:DB.EXAMPLE,IP:10.9.9.9", &["db.example", "10.9.9.9", "10.1.2.3"]),
    (
        "/CN=db.example",
        "email:someone@example.org,URI:https://other.example/",
        &["db.example", "other.example"],
    ),
    ("/CN=db.example", "otherName:1.2.3.4;UTF8:someone", &["db.example"]),
    ("/O=none", "DNS:db.example.", &["db.example.", "db.example"]),
    ("/O=none", "DNS:*.1.2.3", &["10.1.2.3", "167838211"]),
];
