//! What to do where it is us who refuse: what the server asks for is not safe, or cannot be had.

use std::borrow::Cow;

use nudge_proto::Refusal;

use crate::{Error, ErrorKind};

/// The refusal as an error, for good: the server will ask for the same again.
pub(super) fn explain(refusal: Refusal) -> Error {
    Error::permanent(ErrorKind::Authentication, refusal.to_string())
        .with_hint(remedy(&refusal))
        .with_source(refusal)
}

fn remedy(refusal: &Refusal) -> Cow<'static, str> {
    Cow::Borrowed(match refusal {
        Refusal::NoPassword => "give a password in the connection text, PGPASSWORD or the passfile",
        Refusal::Unencrypted(_) => {
            "use TLS (sslmode=require or stronger), or let the server use scram-sha-256 in pg_hba.conf"
        }
        Refusal::ServerSignature | Refusal::UnprovenServer => {
            "something may be impersonating the server: check the host, and use sslmode=verify-full"
        }
        Refusal::Iterations { limit, .. } => {
            return Cow::Owned(format!(
                "set scram_iterations on the server to {limit} at most, and then the role's password again \
                 (ALTER ROLE ... PASSWORD): its iterations are those of when it was set"
            ));
        }
        _ => "let the server use scram-sha-256 in pg_hba.conf, or change what the connection text requires",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_iterations_are_no_matter_of_the_method() {
        let error = explain(Refusal::Iterations { asked: 2_000_000, limit: 1_000_000 });
        let hint = error.hint().unwrap();
        assert!(hint.contains("scram_iterations") && hint.contains("1000000 at most"), "{hint}");
        assert!(!hint.contains("pg_hba.conf"), "{hint}");
        let method = explain(Refusal::MethodNotAllowed(nudge_proto::AuthMethod::Md5));
        assert!(method.hint().unwrap().contains("pg_hba.conf"));
    }
}
