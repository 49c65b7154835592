//! A server in a container, where none is installed.

use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};

use super::{Address, Origin, Server, external};
use crate::error::Error;
use crate::wait::wait_until;

/// A running container. It is removed when this is dropped.
pub(super) type Container = ContainerAsync<GenericImage>;

/// Starts a server in a container, the image being pulled if need be.
pub(super) async fn start(image: &str) -> Result<Server, Error> {
    let failed = |error| Error::because("the container does not start", error);
    let engine = docker_client_instance().await.map_err(|error| no_engine(&error))?;
    ping(&engine).await?;
    let container = request(image).start().await.map_err(failed)?;
    let host = container.get_host().await.map_err(failed)?.to_string();
    let port = container.get_host_port_ipv4(5432).await.map_err(failed)?;
    let address = Address::new(&host, port, "postgres", "postgres");
    wait_until_ready(&address).await?;
    external::add_role(&address).await?;
    Server::at(address, Origin::Container { image: image.to_owned(), _container: Box::new(container) }).await
}

/// What runs where nobody asks for another one.
pub(super) const DEFAULT: &str = "postgres:17";

/// An image of the official kind, with the settings that a throwaway cluster has.
fn request(image: &str) -> ContainerRequest<GenericImage> {
    // A colon before a slash is that of a registry's port.
    let tagged = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let (name, tag) = tagged.unwrap_or((image, "latest"));
    // It says so when it has made its database; then it starts the server once more.
    let made = WaitFor::message_on_stdout("PostgreSQL init process complete");
    let image = GenericImage::new(name, tag).with_exposed_port(5432.tcp()).with_wait_for(made);
    let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
    image
        .with_env_var("POSTGRES_PASSWORD", "postgres")
        .with_cmd(["postgres"].into_iter().chain(settings))
        .with_startup_timeout(Duration::from_secs(300))
}

const SETTINGS: [&str; 6] = [
    "wal_level=logical",
    "fsync=off",
    "max_connections=200",
    "max_wal_senders=50",
    "max_replication_slots=50",
    "max_prepared_transactions=20",
];

async fn wait_until_ready(address: &Address) -> Result<(), Error> {
    let connected = async || Ok(address.connect("postgres").await.err());
    let limit = Duration::from_secs(60);
    wait_until("the server in the container answers", limit, connected, Option::is_none).await?;
    Ok(())
}

/// Asks the engine whether it is there, before anything that would fail less clearly.
async fn ping(engine: &Docker) -> Result<(), Error> {
    match engine.ping().await {
        Ok(_) => Ok(()),
        Err(error) => Err(no_engine(&error)),
    }
}

fn no_engine(why: &dyn std::error::Error) -> Error {
    Error::new(format!("no container engine answers ({why}): start Docker or Podman, or set DOCKER_HOST"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testcontainers::bollard::API_DEFAULT_VERSION;

    #[test]
    fn the_container_is_the_official_image_with_logical_decoding() {
        let request = request(DEFAULT);
        assert_eq!(request.descriptor(), "postgres:17");
        assert_eq!(request.expose_ports(), [5432.tcp()]);
        let command: Vec<_> = request.cmd().collect();
        assert_eq!(command[..3], ["postgres", "-c", "wal_level=logical"]);
        assert_eq!(command.len(), 1 + 2 * SETTINGS.len());
        let password = request.env_vars().find(|(name, _)| name == "POSTGRES_PASSWORD");
        assert_eq!(password.unwrap().1, "postgres");
    }

    #[test]
    fn an_image_may_come_from_a_registry_and_without_a_tag() {
        assert_eq!(
            request("localhost:5000/team/postgres").descriptor(),
            "localhost:5000/team/postgres:latest"
        );
        assert_eq!(request("docker.io/postgres:19beta1").descriptor(), "docker.io/postgres:19beta1");
    }

    #[tokio::test]
    async fn without_an_engine_one_sentence_says_so() {
        // A port of our own that nobody listens on any more.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let engine = Docker::connect_with_http(&format!("tcp://{gone}"), 5, API_DEFAULT_VERSION).unwrap();
        let error = ping(&engine).await.unwrap_err().to_string();
        assert!(error.starts_with("no container engine answers ("), "{error}");
        assert!(error.ends_with("): start Docker or Podman, or set DOCKER_HOST"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
