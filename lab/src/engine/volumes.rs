//! The folders that somebody else's container keeps, as a new host would have them.

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, WaitContainerOptions};
use futures::StreamExt;

use super::{Engine, EngineError};

/// What empties a folder and says whether it is empty. It goes on where it is not, so that all are tried.
const EMPTY: &str = "for d in /kept/*; do find \"$d\" -mindepth 1 -delete; done; \
                     [ -z \"$(find /kept -mindepth 2 -print -quit)\" ]";

impl Engine {
    /// A label of a container; nothing when it has none of that name.
    ///
    /// # Errors
    /// There is no such container, or Docker does not answer.
    pub async fn label_of(
        &self,
        container: &str,
        label: &str,
    ) -> Result<Option<String>, EngineError> {
        let inspected = self.docker.inspect_container(container, None).await;
        let inspected = inspected.map_err(|e| EngineError::docker("inspect", container, e))?;
        Ok(inspected.config.and_then(|c| c.labels).and_then(|mut all| all.remove(label)))
    }

    /// Takes away what a container that does not run keeps in its own volumes, and puts there what its image
    /// has, as on a new host. Returns the folders. `image` is one of ours that can empty folders.
    ///
    /// # Errors
    /// Docker refuses, or a folder is not empty afterwards.
    pub async fn renew_volumes(
        &self,
        container: &str,
        image: &str,
    ) -> Result<Vec<String>, EngineError> {
        let inspected = self.docker.inspect_container(container, None).await;
        let inspected = inspected.map_err(|e| EngineError::docker("inspect", container, e))?;
        let of_the_node = format!("{container}.");
        let mounts = inspected.mounts.unwrap_or_default().into_iter();
        let volumes: Vec<(String, String)> = mounts
            .filter(|m| m.typ.as_deref() == Some("volume"))
            .filter_map(|m| m.name.zip(m.destination))
            // What several nodes share outlives a host.
            .filter(|(name, _)| name.starts_with(&of_the_node))
            .collect();
        if volumes.is_empty() {
            return Ok(Vec::new());
        }
        let helper = format!("{container}.renew");
        let bind = |(n, (name, _)): (usize, &(String, String))| format!("{name}:/kept/{n}");
        let body = ContainerCreateBody {
            image: Some(image.into()),
            cmd: Some(["sh", "-c", EMPTY].map(str::to_owned).to_vec()),
            labels: Some(self.labels("helper", &[]).into_iter().collect()),
            host_config: Some(HostConfig {
                binds: Some(volumes.iter().enumerate().map(bind).collect()),
                network_mode: Some("none".into()),
                cap_drop: Some(vec!["ALL".into()]),
                // Whoever wrote the files, they go.
                cap_add: Some(vec!["DAC_OVERRIDE".into(), "FOWNER".into()]),
                security_opt: Some(vec!["no-new-privileges".into()]),
                ..Default::default()
            }),
            ..Default::default()
        };
        let emptied = self.run_once(&helper, body).await;
        self.remove_container(&helper).await?;
        emptied?;
        // Docker fills an empty volume from the image when a container is created.
        let bind = |(name, path): &(String, String)| format!("{name}:{path}");
        let body = ContainerCreateBody {
            image: inspected.image,
            labels: Some(self.labels("helper", &[]).into_iter().collect()),
            host_config: Some(HostConfig {
                binds: Some(volumes.iter().map(bind).collect()),
                network_mode: Some("none".into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.create_helper(&helper, body).await?;
        self.remove_container(&helper).await?;
        Ok(volumes.into_iter().map(|(_, path)| path).collect())
    }

    async fn create_helper(
        &self,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<(), EngineError> {
        let options = CreateContainerOptions { name: Some(name.into()), ..Default::default() };
        let created = self.docker.create_container(Some(options), body).await;
        created.map(drop).map_err(|e| EngineError::create(name, e))
    }

    async fn run_once(&self, name: &str, body: ContainerCreateBody) -> Result<(), EngineError> {
        self.create_helper(name, body).await?;
        self.start(name).await?;
        let mut ended =
            std::pin::pin!(self.docker.wait_container(name, None::<WaitContainerOptions>));
        match ended.next().await {
            Some(Err(e)) => Err(EngineError::docker("empty the folders with", name, e)),
            Some(Ok(_)) | None => Ok(()),
        }
    }
}
