//! Removal: everything that carries the lab's labels, and nothing else.

use std::time::{Duration, Instant};

use bollard::query_parameters::{RemoveContainerOptions, RemoveVolumeOptions};
use futures::stream::{self, StreamExt};

use super::{Engine, EngineError};

/// What `down` removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Containers, fault markers included.
    pub containers: usize,
    /// Volumes.
    pub volumes: usize,
    /// Networks.
    pub networks: usize,
}

/// How long nothing may appear until the removal is over. Docker was seen to finish a container
/// within this time on a busy machine.
const QUIET: Duration = Duration::from_millis(600);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many removals run at once; more only queue in the engine.
const PARALLEL: usize = 4;

impl Engine {
    /// Removes every container, volume and network of this lab. Goes on after a failure, so that
    /// one stubborn object does not keep the others alive, and reports the first failure at the
    /// end. Safe to run at any time and any number of times.
    ///
    /// Docker finishes what a killed command had asked for: a container may appear after everything
    /// was removed. So it is over only when nothing has appeared for a while.
    pub async fn down(&self) -> Result<Removed, EngineError> {
        let mut all = self.sweep().await?;
        let mut quiet_since = Instant::now();
        while all != Removed::default() && quiet_since.elapsed() < QUIET {
            tokio::time::sleep(LOOK_EVERY).await;
            let more = self.sweep().await?;
            if more != Removed::default() {
                all.containers += more.containers;
                all.volumes += more.volumes;
                all.networks += more.networks;
                quiet_since = Instant::now();
            }
        }
        Ok(all)
    }

    /// Removes what is there now.
    async fn sweep(&self) -> Result<Removed, EngineError> {
        let mut removed = Removed::default();
        let mut first_error = None;
        // Main containers go before the holders whose namespaces they live in.
        let mut containers: Vec<_> = self.containers().await?.into_iter().collect();
        containers.sort_by_key(|(_, c)| std::cmp::Reverse(c.part));
        let (holders, others): (Vec<_>, Vec<_>) = containers
            .into_iter()
            .map(|(name, c)| (name, c.part == crate::plan::observed::Part::Holder))
            .partition(|(_, holder)| *holder);
        for group in [others, holders] {
            let results: Vec<_> = stream::iter(group)
                .map(|(name, _)| async move { self.remove_container(&name).await })
                .buffer_unordered(PARALLEL)
                .collect()
                .await;
            count(results, &mut removed.containers, &mut first_error);
        }
        let volumes = self.volumes().await?;
        let results: Vec<_> = stream::iter(volumes)
            .map(|name| async move { self.remove_volume(&name).await })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        count(results, &mut removed.volumes, &mut first_error);
        if let Some(network) = self.network_id().await? {
            let result = self.remove_network(&network).await;
            count(vec![result], &mut removed.networks, &mut first_error);
        }
        first_error.map_or(Ok(removed), Err)
    }

    /// Removes one container, running or not; one that is gone is fine.
    pub(crate) async fn remove_container(&self, name: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        match self.docker.remove_container(name, Some(options)).await {
            Err(e) if EngineError::is_absent(&e) => Ok(()),
            // Somebody else is removing it already.
            Err(e) if EngineError::status(&e) == Some(409) => Ok(()),
            other => other.map_err(|e| EngineError::docker("remove", name, e)),
        }
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        match self.docker.remove_volume(name, Some(RemoveVolumeOptions { force: true })).await {
            Err(e) if EngineError::is_absent(&e) => Ok(()),
            other => other.map_err(|e| EngineError::docker("remove", name, e)),
        }
    }

    async fn remove_network(&self, id: &str) -> Result<(), EngineError> {
        match self.docker.remove_network(id).await {
            Err(e) if EngineError::is_absent(&e) => Ok(()),
            other => other.map_err(|e| EngineError::docker("remove", id, e)),
        }
    }

    /// The id of the lab's network, whether or not its labels can be understood.
    async fn network_id(&self) -> Result<Option<String>, EngineError> {
        let options =
            bollard::query_parameters::ListNetworksOptions { filters: Some(self.filter()) };
        let found = self
            .docker
            .list_networks(Some(options))
            .await
            .map_err(|e| EngineError::docker("list", "networks", e))?;
        Ok(found.into_iter().next().and_then(|n| n.id))
    }
}

fn count(
    results: Vec<Result<(), EngineError>>,
    done: &mut usize,
    first_error: &mut Option<EngineError>,
) {
    for result in results {
        match result {
            Ok(()) => *done += 1,
            Err(e) => *first_error = first_error.take().or(Some(e)),
        }
    }
}
