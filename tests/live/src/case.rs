//! A claim with a plugin and a kind of connection: what one run of a front end consists of.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use pgnudge::{Plugin, PluginChoice};
use pgnudge_testkit::Server;
use tokio::time::timeout;

use crate::claim::Plugins;
use crate::{Abilities, Claim, Context, Effort, Evidence, Failure, Need, Security};

/// The plugin that a claim is tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// That one.
    Plugin(Plugin),
    /// Both, side by side.
    Both,
    /// The one that the product takes by itself.
    Auto,
}

/// Held while a case is tried.
enum Turn {
    Alone(#[expect(dead_code, reason = "held for its end")] RwLockWriteGuard<'static, ()>),
    Shared(#[expect(dead_code, reason = "held for its end")] RwLockReadGuard<'static, ()>),
}

/// A claim to be tried. It prints as `claim::plugin`, or `claim::plugin::tls`.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The claim.
    pub claim: &'static Claim,
    /// The plugin.
    pub variant: Variant,
    /// Whether the connections are encrypted.
    pub security: Security,
}

impl Case {
    /// Every claim with every plugin that it is about.
    pub fn all() -> impl Iterator<Item = Self> {
        crate::ALL.iter().flat_map(|claim| {
            let variants: &[Variant] = match claim.plugins {
                Plugins::Each => &[Variant::Plugin(Plugin::TestDecoding), Variant::Plugin(Plugin::Wal2Json)],
                Plugins::Compared => &[Variant::Both],
                Plugins::Wal2Json => &[Variant::Plugin(Plugin::Wal2Json)],
                Plugins::Auto => &[Variant::Auto],
            };
            variants.iter().map(move |&variant| Self { claim, variant, security: Security::Given })
        })
    }

    /// [`all`](Self::all) of them, over each of these kinds of connections. A claim that leaves the
    /// plugin to the product is about something else, often about connections, and one that makes a
    /// cluster of its own takes long: they are tried as connections are by default, encrypted if they can be.
    pub fn over(securities: &[Security]) -> impl Iterator<Item = Self> {
        Self::all().flat_map(move |case| {
            let own_cluster =
                case.claim.needs.iter().any(|need| matches!(need, Need::OwnCluster | Need::Standby));
            let once = case.variant == Variant::Auto || own_cluster;
            let kinds = if once { &[Security::Given] } else { securities };
            kinds.iter().map(move |&security| Self { security, ..case })
        })
    }

    /// Why it cannot be tried on a server with these abilities, if it cannot.
    #[must_use]
    pub fn obstacle(&self, abilities: &Abilities) -> Option<String> {
        let plugins: &[Plugin] = match &self.variant {
            Variant::Plugin(plugin) => std::slice::from_ref(plugin),
            Variant::Both => &[Plugin::TestDecoding, Plugin::Wal2Json],
            Variant::Auto => &[],
        };
        let missing = plugins.iter().find_map(|&plugin| abilities.without_plugin(plugin));
        let missing = missing.or_else(|| abilities.without_security(self.security));
        missing.or_else(|| self.claim.needs.iter().find_map(|&need| abilities.without(need)))
    }

    /// Tries it, in a database of its own. This blocks: each case has a runtime to itself.
    ///
    /// # Errors
    /// When the claim is not upheld, or takes too long.
    pub fn prove(&self, server: &Arc<Server>, effort: Effort) -> Result<Evidence, Failure> {
        let _turn = self.turn();
        let server = Arc::clone(server);
        let limit = effort.lasting(Duration::ZERO) + if effort.thorough { 6 * LIMIT } else { LIMIT };
        let attempt = || -> Result<Evidence, Failure> {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(async {
                let attempt = timeout(limit, self.attempt(server, effort)).await;
                attempt.unwrap_or_else(|_| Err(Failure::new(format!("not done within {limit:?}"))))
            })
        };
        // A panic has printed its words; the other cases shall be tried all the same.
        let panicked = |_| Err(Failure::new("a panic (rule R12 makes bugs of the product loud)"));
        catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(panicked)
    }

    /// Waits until nothing runs beside it that must not.
    fn turn(&self) -> Turn {
        static TURNS: RwLock<()> = RwLock::new(());
        let alone = self.claim.needs.iter().any(|need| matches!(need, Need::Alone(_)));
        if alone {
            Turn::Alone(TURNS.write().unwrap_or_else(PoisonError::into_inner))
        } else {
            Turn::Shared(TURNS.read().unwrap_or_else(PoisonError::into_inner))
        }
    }

    async fn attempt(&self, server: Arc<Server>, effort: Effort) -> Result<Evidence, Failure> {
        let context = Context::new(server, self.claim.name, self.variant).await?;
        (self.claim.run)(Context { security: self.security, effort, ..context }).await
    }

    /// The command that tries this case again.
    #[must_use]
    pub fn replay(&self, server: &Server, effort: Effort) -> String {
        let plugin = match self.variant {
            Variant::Plugin(plugin) => format!(" --plugin {plugin}"),
            Variant::Both | Variant::Auto => String::new(),
        };
        let security = match self.security {
            Security::Given => String::new(),
            security => format!(" --security {security}"),
        };
        let (name, server, effort) = (self.claim.name, server.replay(), effort.flags());
        format!("cargo xtask proof {name}{plugin}{security}{effort}{server}")
    }
}

impl Variant {
    /// What the product is told.
    pub(crate) fn choice(self) -> PluginChoice {
        match self {
            Self::Plugin(plugin) => PluginChoice::Only(plugin),
            Self::Both | Self::Auto => PluginChoice::Auto,
        }
    }

    /// The same, for `--plugin`.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Plugin(plugin) => plugin.name(),
            Self::Both | Self::Auto => "auto",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plugin(plugin) => plugin.name(),
            Self::Both => "both",
            Self::Auto => "auto",
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.claim.name, self.variant)?;
        match self.security {
            Security::Given => Ok(()),
            security => write!(f, "::{security}"),
        }
    }
}

/// For one case, on a machine that does many other things. It keeps a run from hanging; what a claim
/// says about time is not measured by it.
const LIMIT: Duration = Duration::from_secs(300);
