//! TLS modes, certificate files and keys.

use pgnudge::settings::{
    Environment, FileFacts, FileKind, RootCertificates, SslMode, TlsSettings, Verification,
};

use crate::imagined::{Imagined, refusal, refusal_in, resolve, resolve_in};

const HOME: &str = "/home/alice/.postgresql";

fn with_files(names: &[&str]) -> Environment {
    let add = |files: Imagined, name: &&str| files.file(&format!("{HOME}/{name}"), 0o600, "");
    names.iter().fold(Imagined::new(), add).environment()
}

fn tls(text: &str, environment: &Environment) -> TlsSettings {
    resolve_in(text, environment).settings.tls
}

#[test]
fn the_ladder() {
    let bare = with_files(&[]);
    let check = |text: &str, environment: &Environment, verification| {
        assert_eq!(tls(text, environment).verification(), verification, "{text}");
    };
    check("host=h", &bare, Verification::Nothing);
    check("host=h sslmode=require", &bare, Verification::Nothing);
    let rooted = with_files(&["root.crt"]);
    check("host=h sslmode=disable", &rooted, Verification::Nothing);
    check("host=h sslmode=prefer", &rooted, Verification::Chain);
    check("host=h sslmode=require", &rooted, Verification::Chain);
    check("host=h sslmode=verify-ca", &rooted, Verification::Chain);
    check("host=h sslmode=verify-full", &rooted, Verification::ChainAndHost);
    check("host=h sslrootcert=system", &bare, Verification::ChainAndHost);
}

#[test]
fn verifying_needs_a_root_certificate() {
    for mode in ["verify-ca", "verify-full"] {
        assert_eq!(
            refusal(&format!("host=h sslmode={mode}")),
            "no root certificate file is there, which sslmode verify-ca and verify-full need \
             (\"/home/alice/.postgresql/root.crt\")"
        );
    }
    // A socket is not encrypted, and a mode that does not verify needs none.
    assert_eq!(resolve("host=/tmp sslmode=verify-full").tls.roots, RootCertificates::Unchecked);
    assert_eq!(resolve("host=h sslmode=require").tls.roots, RootCertificates::Unchecked);
}

#[test]
fn named_files_must_exist() {
    for keyword in ["sslrootcert", "sslcert"] {
        let message = refusal(&format!("host=h {keyword}=/typo"));
        assert_eq!(message, format!("{keyword} file \"/typo\" cannot be used: entity not found"));
        resolve(&format!("host=h {keyword}=/typo sslmode=disable"));
        resolve(&format!("host=/tmp {keyword}=/typo"));
    }
    let environment = with_files(&["postgresql.crt"]);
    let message = refusal_in("host=h sslkey=/typo", &environment);
    assert!(message.starts_with("sslkey file \"/typo\""), "{message}");
}

#[test]
fn the_systems_authorities_need_the_whole_check() {
    assert_eq!(resolve("sslrootcert=system").tls.mode, SslMode::VerifyFull);
    assert_eq!(
        refusal("sslrootcert=system sslmode=verify-ca"),
        "weak sslmode \"verify-ca\" may not be used with sslrootcert=system (use \"verify-full\")"
    );
}

#[test]
fn starting_with_tls_needs_a_mode_that_insists() {
    let message = refusal("sslnegotiation=direct");
    assert!(message.starts_with("weak sslmode \"prefer\" may not be used"), "{message}");
    resolve("sslnegotiation=direct sslmode=require");
}

#[test]
fn verify_full_needs_a_name() {
    let environment = with_files(&["root.crt"]);
    assert_eq!(
        refusal_in("hostaddr=10.0.0.1 sslmode=verify-full", &environment),
        "sslmode=verify-full needs a host name for 10.0.0.1:5432: give host besides hostaddr"
    );
    tls("hostaddr=10.0.0.1 host=db sslmode=verify-full", &environment);
    tls("hostaddr=10.0.0.1 sslmode=verify-ca", &environment);
}

#[test]
fn client_certificates_come_in_pairs() {
    let pair = with_files(&["postgresql.crt", "postgresql.key"]);
    let client = tls("host=h", &pair).client.unwrap();
    assert_eq!(client.certificate.to_str(), Some("/home/alice/.postgresql/postgresql.crt"));
    assert_eq!(client.key.to_str(), Some("/home/alice/.postgresql/postgresql.key"));
    assert_eq!(tls("host=/tmp", &pair).client, None);
    assert_eq!(tls("host=h sslmode=disable", &pair).client, None);

    let message = refusal_in("host=h", &with_files(&["postgresql.crt"]));
    assert!(message.contains("is there, but not its private key"), "{message}");
    let message = refusal("host=h sslkey=/key");
    assert_eq!(message, "sslkey is given, but there is no certificate: give sslcert too");
}

#[test]
fn private_keys_are_private() {
    let check = |mode, owner, fine: bool| {
        let facts = FileFacts { kind: FileKind::Regular, mode, owner };
        let environment = Imagined::new().file("/cert", 0o644, "").entry("/key", facts, b"").environment();
        let text = "host=h sslcert=/cert sslkey=/key";
        if fine {
            assert!(tls(text, &environment).client.is_some());
        } else {
            let message = refusal_in(text, &environment);
            assert!(message.contains("has group or world access"), "{mode:o}: {message}");
        }
    };
    check(0o600, 1000, true);
    check(0o400, 1000, true);
    check(0o640, 1000, false);
    check(0o604, 1000, false);
    check(0o640, 0, true);
    check(0o620, 0, false);
    check(0o610, 0, false);
    check(0o660, 0, false);
    check(0o644, 0, false);
}

#[test]
fn a_key_is_a_file() {
    let directory = FileFacts { kind: FileKind::Directory, mode: 0o700, owner: 1000 };
    let environment = Imagined::new().file("/cert", 0o644, "").entry("/key", directory, b"").environment();
    let message = refusal_in("host=h sslcert=/cert sslkey=/key", &environment);
    assert_eq!(message, "private key file \"/key\" is not a regular file");
    let message = refusal_in("host=h sslcert=/cert sslkey=pkcs11:token", &environment);
    assert!(message.starts_with("unsupported sslkey value \"pkcs11:token\""), "{message}");
}

#[test]
fn a_revocation_list_is_not_ignored() {
    let environment = with_files(&["root.crt", "root.crl"]);
    let message = refusal_in("host=h", &environment);
    assert!(message.starts_with("certificate revocation list"), "{message}");
    tls("host=h sslmode=disable", &environment);
    tls("host=h sslrootcert=system", &environment);
}
