//! Where a server comes from.

use std::path::PathBuf;

use pgnudge_live::Failure;
use pgnudge_testkit::{Cluster, Installation, Server};

/// One of the ways that the command line offers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Whichever there is: installed, or in a container.
    Found,
    /// The programs in a directory.
    Installed(PathBuf),
    /// A container.
    Image(String),
    /// Somebody's.
    Named(String),
}

impl Provider {
    /// The server.
    pub(crate) async fn server(&self) -> Result<Server, Failure> {
        Ok(match self {
            Self::Found => Server::find().await?,
            Self::Installed(directory) => {
                let installation = Installation::find(std::slice::from_ref(directory))?;
                Server::start_from(installation, Cluster::builder()).await?
            }
            Self::Image(image) => Server::image(image).await?,
            Self::Named(uri) => Server::named(uri).await?,
        })
    }

    /// What led to it, with a space in front, and without a URI, in which there may be a password.
    pub(crate) fn flags(&self) -> String {
        match self {
            Self::Found => String::new(),
            Self::Installed(directory) => format!(" --bin-dir {}", directory.display()),
            Self::Image(image) => format!(" --image {image}"),
            Self::Named(_) => " --dsn …".to_owned(),
        }
    }
}
