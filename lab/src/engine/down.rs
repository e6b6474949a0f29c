//! Removal: everything that carries the lab's labels, and nothing else.

use std::time::{Duration, Instant};

use bollard::query_parameters::{RemoveContainerOptions, RemoveVolumeOptions};
use futures::stream::{self, StreamExt};

use super::{Engine, EngineError};
use crate::plan::CONTROL;
use crate::plan::observed::Part;

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
/// How long a thing may refuse to be removed. What Docker is just making or starting is done by then.
const STUBBORN: Duration = Duration::from_secs(10);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many removals run at once; more only queue in the engine.
const PARALLEL: usize = 4;

impl Removed {
    fn add(&mut self, more: Self) {
        self.containers += more.containers;
        self.volumes += more.volumes;
        self.networks += more.networks;
    }
}

impl Engine {
    /// Removes every container, volume and network of this lab. Goes on after a failure, so that
    /// one stubborn object does not keep the others alive. Safe to run at any time and any number
    /// of times.
    ///
    /// Docker finishes what a killed command had asked for: a container may appear after everything
    /// was removed, and what is being made cannot be removed at that moment. So it is over only when
    /// nothing has appeared for a while, and a failure counts only when it lasts.
    ///
    /// # Errors
    /// The first thing that could still not be removed after ten seconds of trying.
    pub async fn down(&self) -> Result<Removed, EngineError> {
        let begun = Instant::now();
        let mut all = Removed::default();
        let mut quiet_since = begun;
        loop {
            let (more, failure) = self.sweep().await?;
            all.add(more);
            match failure {
                Some(e) if begun.elapsed() >= STUBBORN => return Err(e),
                Some(_) => quiet_since = Instant::now(),
                None if more != Removed::default() => quiet_since = Instant::now(),
                None if all == Removed::default() || quiet_since.elapsed() >= QUIET => {
                    return Ok(all);
                }
                None => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Removes what is there now; returns it, and the first failure.
    async fn sweep(&self) -> Result<(Removed, Option<EngineError>), EngineError> {
        let mut removed = Removed::default();
        let mut first_error = None;
        let containers = self.containers_by_any_name().await?;
        let found = containers.into_iter().map(|(name, c)| (name, c.part, c.node)).collect();
        for group in in_order(found) {
            let results: Vec<_> = stream::iter(group)
                .map(|name| async move { self.remove_container(&name).await })
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
        Ok((removed, first_error))
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

/// The containers in the order in which they go: the control plane first, which would start again
/// what it sees dead; holders last, in whose namespaces the others live. Part and node are read from
/// labels: a lab of an earlier version has other names.
fn in_order(found: Vec<(String, Part, String)>) -> [Vec<String>; 3] {
    let mut groups: [Vec<String>; 3] = Default::default();
    let [first, others, holders] = &mut groups;
    for (name, part, node) in found {
        match part {
            Part::Holder => holders.push(name),
            _ if node == CONTROL => first.push(name),
            _ => others.push(name),
        }
    }
    groups
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_would_start_others_again_goes_first_and_who_carries_others_last() {
        let found = [
            ("l.control", Part::Main, "control"),
            ("l.control.net", Part::Holder, "control"),
            ("l.db-a1", Part::Main, "db-a1"),
            ("l.db-a1.net", Part::Holder, "db-a1"),
            ("l.fault.1", Part::Fault, ""),
        ];
        let owned = |(name, part, node): (&str, _, &str)| (name.to_owned(), part, node.to_owned());
        let expected: [&[&str]; 3] =
            [&["l.control"], &["l.db-a1", "l.fault.1"], &["l.control.net", "l.db-a1.net"]];
        assert_eq!(in_order(found.map(owned).to_vec()), expected);
    }

    #[test]
    fn a_lab_of_an_earlier_version_goes_in_the_same_order() {
        let found = [("l-db-a1", "db-a1"), ("l-control", "control")];
        let owned = |(name, node): (&str, &str)| (name.to_owned(), Part::Main, node.to_owned());
        let expected: [&[&str]; 3] = [&["l-control"], &["l-db-a1"], &[]];
        assert_eq!(in_order(found.map(owned).to_vec()), expected);
    }
}
