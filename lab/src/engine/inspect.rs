//! What Docker's list does not say: each container is asked for by itself.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::{Engine, EngineError};
use crate::plan::node::Limits;
use crate::plan::observed::{Closely, Observed, ObservedContainer, State};

/// How many containers are looked at at once: Docker needs some milliseconds for each.
const PARALLEL: usize = 8;

impl Engine {
    /// As [`Engine::observe`], with a look at each container of a node that runs.
    ///
    /// # Errors
    /// Docker does not answer.
    pub async fn observe_closely(&self) -> Result<Observed, EngineError> {
        let mut observed = self.observe().await?;
        self.look_closely(&mut observed.containers).await?;
        Ok(observed)
    }

    /// Looks at each container of a node that runs. One that has gone meanwhile stays as it was listed.
    ///
    /// # Errors
    /// Docker does not answer.
    pub async fn look_closely(
        &self,
        containers: &mut BTreeMap<String, ObservedContainer>,
    ) -> Result<(), EngineError> {
        let runs = |c: &ObservedContainer| {
            c.part.is_of_node() && matches!(c.state, State::Running | State::Paused)
        };
        let names: Vec<String> =
            containers.iter().filter(|(_, c)| runs(c)).map(|(name, _)| name.clone()).collect();
        let looks = names.into_iter().map(|name| async move {
            let seen = self.closely(&name).await;
            (name, seen)
        });
        let mut seen = stream::iter(looks).buffer_unordered(PARALLEL);
        while let Some((name, closely)) = seen.next().await {
            if let (Some(container), Some(closely)) = (containers.get_mut(&name), closely?) {
                container.closely = closely;
            }
        }
        Ok(())
    }

    /// A look at one container; nothing when there is none.
    ///
    /// # Errors
    /// Docker does not answer.
    pub async fn closely(&self, container: &str) -> Result<Option<Closely>, EngineError> {
        let inspected = match self.docker.inspect_container(container, None).await {
            Err(e) if EngineError::is_absent(&e) => return Ok(None),
            other => other.map_err(|e| EngineError::docker("inspect", container, e))?,
        };
        let running = inspected.state.as_ref().and_then(|s| s.running);
        // One that has ended was started in a network that it does not sit in any more.
        let started = inspected.state.filter(|_| running == Some(true)).and_then(|s| s.started_at);
        // One that sits in the namespace of another has none of its own.
        let own = |mode: &str| !mode.starts_with("container:");
        let host = inspected.host_config.unwrap_or_default();
        let limits = Limits {
            nano_cpus: host.nano_cpus.unwrap_or_default(),
            memory_bytes: host.memory.unwrap_or_default(),
        };
        let started_us = started.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        // A container that has ended is in no network either.
        let is_up = running.unwrap_or_default() && host.network_mode.as_deref().is_some_and(own);
        let networks = inspected.network_settings.and_then(|settings| settings.networks);
        Ok(Some(Closely {
            started_us: started_us.map(|time| time.as_microsecond()),
            limits: Some(limits),
            attached: is_up.then(|| networks.is_some_and(|networks| !networks.is_empty())),
        }))
    }

    /// What the name of an image stands for at this moment; nothing when there is no such image.
    ///
    /// # Errors
    /// Docker does not answer.
    pub async fn image_id(&self, name: &str) -> Result<Option<String>, EngineError> {
        match self.docker.inspect_image(name).await {
            Ok(image) => Ok(image.id),
            Err(e) if EngineError::is_absent(&e) => Ok(None),
            Err(e) => Err(EngineError::docker("inspect", name, e)),
        }
    }
}
