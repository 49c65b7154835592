//! Which server the tests run on: an external one, an installed one, or a container.

use pgnudge_testserver::{Cluster, Installation};

use super::{Server, container, external};
use crate::error::Error;

/// What the environment offers, best first.
#[derive(Debug)]
enum Choice {
    External(String),
    Installed(Installation),
    Container { because: pgnudge_testserver::Error },
}

pub(super) async fn find() -> Result<Server, Error> {
    let by_hand = std::env::var_os(Installation::VARIABLE).is_some();
    match choose(external::dsn(), || Installation::find(&[]), by_hand)? {
        Choice::External(dsn) => external::connect(&dsn).await,
        Choice::Installed(installation) => Server::start_from(installation, Cluster::builder()).await,
        Choice::Container { because } => container::start(container::DEFAULT).await.map_err(|error| {
            Error::new(format!(
                "no server for the tests. {} is not set; {because}; {error}",
                external::VARIABLE
            ))
        }),
    }
}

/// A container may only stand in for an installation that nobody asked for by name.
fn choose(
    external: Option<String>,
    installed: impl FnOnce() -> Result<Installation, pgnudge_testserver::Error>,
    by_hand: bool,
) -> Result<Choice, Error> {
    if let Some(dsn) = external {
        return Ok(Choice::External(dsn));
    }
    match installed() {
        Ok(installation) => Ok(Choice::Installed(installation)),
        Err(error) if by_hand => Err(error.into()),
        Err(because) => Ok(Choice::Container { because }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Result<Installation, pgnudge_testserver::Error> {
        Installation::find(&["/nowhere".into()])
    }

    #[test]
    fn an_external_server_comes_first_and_nothing_else_is_looked_for() {
        let looked = || panic!("an installation was looked for");
        let choice = choose(Some("host=db".to_owned()), looked, false).unwrap();
        assert!(matches!(choice, Choice::External(dsn) if dsn == "host=db"));
    }

    #[test]
    fn a_container_stands_in_for_an_installation_that_nobody_named() {
        let choice = choose(None, missing, false).unwrap();
        assert!(matches!(choice, Choice::Container { because } if because.cause().contains("/nowhere")));
    }

    #[test]
    fn an_installation_named_by_hand_is_not_replaced() {
        let error = choose(None, missing, true).unwrap_err();
        assert!(error.to_string().contains("no PostgreSQL server: looked at /nowhere"), "{error}");
    }
}
