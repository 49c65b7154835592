//! The clients that are measured. Each is a process that reads one stream to its end, and fails if it
//! was not what was announced.

mod facade;
mod floor;

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::ValueEnum;
use pgnudge::Plugin;

use crate::failure::Failure;
pub(crate) use floor::{BUFFER, message};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    pub(crate) kind: Kind,
    #[arg(long)]
    pub(crate) port: u16,
    #[arg(long, value_parser = plugin)]
    pub(crate) plugin: Plugin,
    /// Changes that the stream has
    #[arg(long)]
    pub(crate) changes: u64,
    #[arg(long)]
    pub(crate) tls: bool,
    /// Where to connect to when the stream may begin; only a feed has to
    #[arg(long)]
    pub(crate) gate: SocketAddr,
}

impl Arguments {
    /// The words that start such a client: program and arguments.
    pub(crate) fn words(&self) -> Result<Vec<OsString>, Failure> {
        let Self { kind, port, plugin, changes, tls, gate } = self;
        let kind = kind.to_possible_value().ok_or_else(|| Failure::new("a client without a name"))?;
        let (kind, plugin, tls) = (kind.get_name(), plugin.name(), if *tls { " --tls" } else { "" });
        let words =
            format!("client {kind} --port {port} --plugin {plugin} --changes {changes} --gate {gate}{tls}");
        let program = std::env::current_exe()?.into_os_string();
        Ok([program].into_iter().chain(words.split(' ').map(Into::into)).collect())
    }
}

/// What a client does with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Throws it away as it comes
    Discard,
    /// Walks the messages, compares the name of each row's table with the last one, and counts
    Names,
    /// A feed on a runtime of one thread
    Pgnudge,
    /// A feed on a runtime of several threads, as tokio makes it unless told otherwise
    PgnudgeThreads,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.kind {
        Kind::Discard => floor::discard(arguments),
        Kind::Names => floor::names(arguments),
        Kind::Pgnudge => crate::runtime()?.block_on(facade::count(arguments)),
        Kind::PgnudgeThreads => tokio::runtime::Runtime::new()?.block_on(facade::count(arguments)),
    }
}

pub(crate) fn plugin(name: &str) -> Result<Plugin, String> {
    let all = [Plugin::TestDecoding, Plugin::Wal2Json];
    all.into_iter().find(|plugin| plugin.name() == name).ok_or_else(|| format!("no plugin {name}"))
}
