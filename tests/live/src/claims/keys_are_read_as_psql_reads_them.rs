//! The forms in which a client's key comes, beside libpq: `psql` gets the same text.
//!
//! Seen to fail: with the file handed to native-tls as it is, which takes PKCS #8 alone, at the first SEC1 key.

use std::path::{Path, PathBuf};

use pgnudge::{ErrorKind, Session, SessionKind};
use pgnudge_testkit::Cluster;

use crate::authority::{Authority, Issued, NEW_EC_KEY, openssl, run};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, psql};

pub(super) const CLAIM: Claim = Claim {
    name: "keys_are_read_as_psql_reads_them",
    title: "keys of client certificates",
    claim: "A client's key logs in exactly where psql logs in with it: PKCS #8, PKCS #1 and SEC1, PEM and DER, \
            encrypted with the right, a wrong and no sslpassword; and a key that is refused is refused for good, with \
            its file, the cause and a remedy.",
    falsified_by: "a key that only one of the two reads, or an error that names another file",
    proves: &["law 2", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate],
    run: |context| Box::pin(keys_are_read_as_psql_reads_them(context)),
};

async fn keys_are_read_as_psql_reads_them(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    let authority = Authority::new(own.server.cluster()?.socket_dir(), "keys")?;
    authority.let_in(&own, "nudger").await?;
    let issue = |kind, new_key| authority.issue_for(kind, "/CN=nudger", new_key, "");
    let issued = [
        issue("ec", &NEW_EC_KEY)?,
        issue("rsa", &["-newkey", "rsa:2048"])?,
        issue("ed", &["-newkey", "ed25519"])?,
    ];
    let [ec, rsa, ed] = &issued;
    let mut comparison = Comparison { own: &own, read: 0, refused: 0 };
    for (form, conversion, passwords) in FORMS {
        let issued = if form.starts_with("ec") { ec } else { rsa };
        let key = converted(issued, form, conversion)?;
        for password in passwords {
            comparison.make(issued, &key, password).await?;
        }
    }
    comparison.make(ed, &ed.key, "").await?;
    for (name, content) in
        [("empty", &[][..]), ("garbage", b"garbage\n"), ("certificate", &std::fs::read(&ec.certificate)?)]
    {
        let key = own.file(name, &String::from_utf8_lossy(content))?;
        comparison.make(ec, &key, "").await?;
    }
    comparison.make(ec, &rsa.key, "").await?;
    let Comparison { read, refused, .. } = comparison;
    ensure!(read >= FORMS.len() && refused > 0, "{read} read, {refused} refused: nothing was compared");
    evidence!("{read} read, {refused} refused, as psql")
}

struct Comparison<'a> {
    own: &'a Context,
    read: usize,
    refused: usize,
}

impl Comparison<'_> {
    async fn make(&mut self, issued: &Issued, key: &Path, password: &str) -> Result<(), Failure> {
        let keywords = issued.with_key(key);
        let text =
            self.own.text(&format!("password='' sslmode=require {keywords} sslpassword='{password}'"))?;
        let theirs = psql::ask(self.own, &text, "SELECT 1").await?;
        let session = Session::connect(&text, SessionKind::Sql).await;
        let same = session.is_ok() == theirs.is_ok();
        ensure!(same, "{} with {password:?}: psql {theirs:?}, ours {session:?}", key.display());
        match session {
            Ok(_) => self.read += 1,
            Err(error) => {
                let named = error.to_string().contains(&key.display().to_string());
                let clear = error.kind() == ErrorKind::Tls && error.is_permanent() && error.hint().is_some();
                ensure!(named && clear, "{}: {error:?}", key.display());
                self.refused += 1;
            }
        }
        Ok(())
    }
}

/// The key in another form, beside it.
fn converted(issued: &Issued, form: &str, conversion: &[&str]) -> Result<PathBuf, Failure> {
    let key = issued.key.with_file_name(form);
    if !conversion.is_empty() {
        run(openssl(conversion).arg("-in").arg(&issued.key).arg("-out").arg(&key))?;
        return Ok(key);
    }
    Ok(issued.key.clone())
}

/// Names, the arguments of openssl that make them of PKCS #8, and passwords to try.
#[rustfmt::skip]
const FORMS: [(&str, &[&str], &[&str]); 14] = [
    ("ec.pkcs8", &[], &["", "geheim"]),
    ("ec.sec1", &["ec"], &["", "geheim"]),
    ("ec.sec1.der", &["ec", "-outform", "DER"], &[""]),
    ("ec.pkcs8.der", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &[""]),
    ("ec.sec1.encrypted", &["ec", "-aes256", "-passout", "pass:geheim"], &["geheim", "falsch", ""]),
    ("ec.pkcs8.encrypted", &["pkcs8", "-topk8", "-passout", "pass:geheim"], &["geheim", "falsch", ""]),
    ("ec.pkcs8.encrypted.der", &["pkcs8", "-topk8", "-outform", "DER", "-passout", "pass:geheim"], &["geheim"]),
    ("rsa.pkcs8", &[], &[""]),
    ("rsa.pkcs1", &["rsa", "-traditional"], &[""]),
    ("rsa.pkcs1.der", &["rsa", "-traditional", "-outform", "DER"], &[""]),
    ("rsa.pkcs8.der", &["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &[""]),
    ("rsa.pkcs1.encrypted", &["rsa", "-traditional", "-des3", "-passout", "pass:geheim"], &["geheim", "falsch", ""]),
    ("rsa.pkcs8.scrypt", &["pkcs8", "-topk8", "-scrypt", "-passout", "pass:geheim"], &["geheim", "falsch"]),
    ("rsa.pkcs8.pbes1", &["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:geheim"], &["geheim"]),
];
