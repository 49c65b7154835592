//! What to prove, on which servers, and how thoroughly.

use std::path::PathBuf;

use clap::Parser;
use pgnudge_live::{ALL, Case, Effort, Security, Variant};

use crate::provider::Provider;

/// Proves the claims of pgnudge on real servers
#[derive(Debug, Parser)]
#[command(name = "proof")]
pub(crate) struct Arguments {
    /// The claims to prove, or parts of their names; without any, all of them
    #[arg(value_name = "CLAIM")]
    claims: Vec<String>,
    /// Only with this plugin
    #[arg(long, value_name = "NAME", value_parser = ["test_decoding", "wal2json"])]
    plugin: Option<String>,
    /// Only over connections of this kind
    #[arg(long, value_name = "KIND", value_parser = ["plain", "tls"])]
    security: Option<String>,
    /// On a throwaway server made of the programs in this directory; may be repeated
    #[arg(long, value_name = "DIR")]
    bin_dir: Vec<PathBuf>,
    /// On a container of this image, such as postgres:17; may be repeated
    #[arg(long, value_name = "IMAGE")]
    image: Vec<String>,
    /// On a server that is running, and may be in use: only what harms nobody is tried, in databases
    /// that are dropped afterwards; may be repeated
    #[arg(long, value_name = "URI")]
    dsn: Vec<String>,
    /// How long the claims about time go on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    minutes: Option<u64>,
    /// The long forms of the claims that have one
    #[arg(long)]
    thorough: bool,
    /// The servers side by side: sooner done, but they disturb each other's figures
    #[arg(long)]
    pub(crate) together: bool,
    /// Where to leave report.html and report.json
    #[arg(long, value_name = "DIR", default_value = "target/proof")]
    pub(crate) report: PathBuf,
    /// Tell what is claimed, and prove nothing
    #[arg(long)]
    pub(crate) list: bool,
}

impl Arguments {
    /// The servers, in the order of the kinds; without any, whichever is found.
    pub(crate) fn providers(&self) -> Vec<Provider> {
        let installed = self.bin_dir.iter().cloned().map(Provider::Installed);
        let images = self.image.iter().cloned().map(Provider::Image);
        let named: Vec<_> =
            installed.chain(images).chain(self.dsn.iter().cloned().map(Provider::Named)).collect();
        if named.is_empty() { vec![Provider::Found] } else { named }
    }

    /// What there is to try.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Case> {
        let kinds: &[Security] = match self.security.as_deref() {
            None => &[Security::Plain, Security::Tls],
            Some("plain") => &[Security::Plain],
            Some(_) => &[Security::Tls],
        };
        Case::over(kinds).filter(|case| self.wants(case))
    }

    /// The same on a server whose URI says whether its connections are encrypted.
    pub(crate) fn cases_as_given(&self) -> impl Iterator<Item = Case> {
        Case::all().filter(|case| self.wants(case))
    }

    pub(crate) fn effort(&self) -> Effort {
        Effort { thorough: self.thorough, minutes: self.minutes }
    }

    /// The command, without anything that may hold a password.
    pub(crate) fn command(&self) -> String {
        let claims = self.claims.iter().map(|claim| format!(" {claim}"));
        let plugin = self.plugin.iter().map(|plugin| format!(" --plugin {plugin}"));
        let security = self.security.iter().map(|security| format!(" --security {security}"));
        let servers = self.providers().into_iter().map(|provider| provider.flags());
        let flags = claims.chain(plugin).chain(security).chain(servers);
        let (thorough, minutes) = (if self.thorough { " --thorough" } else { "" }, self.minutes);
        let minutes = minutes.map(|minutes| format!(" --minutes {minutes}")).unwrap_or_default();
        format!("cargo xtask proof{}{thorough}{minutes}", flags.collect::<String>())
    }

    /// A name that is exactly a claim's means that one; otherwise part of a name does.
    fn wants(&self, case: &Case) -> bool {
        let named = |wanted: &String| match ALL.iter().any(|claim| claim.name == wanted) {
            true => case.claim.name == wanted,
            false => case.claim.name.contains(wanted.as_str()),
        };
        let with = |plugin: &str| matches!(case.variant, Variant::Plugin(p) if p.name() == plugin);
        (self.claims.is_empty() || self.claims.iter().any(named)) && self.plugin.as_deref().is_none_or(with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::try_parse_from(["proof"].into_iter().chain(line.split_whitespace())).unwrap()
    }

    #[test]
    fn a_uri_is_not_repeated_in_the_command() {
        let command = arguments("no_backfill --dsn postgres://me:hunter2@db/x --minutes 2").command();
        assert_eq!(command, "cargo xtask proof no_backfill --dsn … --minutes 2");
    }

    #[test]
    fn a_claim_is_tried_with_each_plugin_and_each_kind_of_connection() {
        let names: Vec<_> = arguments("no_backfill").cases().map(|case| case.to_string()).collect();
        let expected = ["test_decoding::plain", "test_decoding::tls", "wal2json::plain", "wal2json::tls"];
        assert_eq!(names, expected.map(|rest| format!("no_backfill::{rest}")));
        let one = arguments("no_backfill --plugin wal2json --security tls");
        assert_eq!(one.cases().count(), 1);
    }
}
