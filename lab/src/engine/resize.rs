//! What a container uses, and giving it more or less while it runs.

use bollard::models::{ContainerStatsResponse, ContainerUpdateBody};
use bollard::query_parameters::StatsOptions;
use futures::StreamExt;

use super::{Engine, EngineError};

/// What a container has, and uses of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Billionths of a core that it may use.
    pub nano_cpus: i64,
    /// Bytes that it may use.
    pub memory_limit: i64,
    /// Processor time since its start, in nanoseconds.
    pub cpu_ns: u64,
    /// Bytes that it uses, without what the system keeps of files for it and can drop.
    pub memory_bytes: u64,
}

impl Engine {
    /// What a container uses; nothing when it does not run.
    ///
    /// # Errors
    /// Docker cannot be asked.
    pub async fn usage(&self, container: &str) -> Result<Option<Usage>, EngineError> {
        let wrong = |e| EngineError::docker("look at", container, e);
        let inspected = self.docker.inspect_container(container, None).await.map_err(wrong)?;
        if inspected.state.and_then(|s| s.running) != Some(true) {
            return Ok(None);
        }
        let limits = inspected.host_config.unwrap_or_default();
        // One look: Docker would otherwise take two, a second apart.
        let options = StatsOptions { stream: false, one_shot: true };
        let mut stats = std::pin::pin!(self.docker.stats(container, Some(options)));
        let Some(stats) = stats.next().await else { return Ok(None) };
        let (cpu_ns, memory_bytes) = used(&stats.map_err(wrong)?);
        Ok(Some(Usage {
            nano_cpus: limits.nano_cpus.unwrap_or_default(),
            memory_limit: limits.memory.unwrap_or_default(),
            cpu_ns,
            memory_bytes,
        }))
    }

    /// Gives a container so many processors (in billionths) and so much memory, from now on.
    ///
    /// # Errors
    /// Docker cannot, for instance because more memory is in use.
    pub async fn resize(
        &self,
        container: &str,
        nano_cpus: i64,
        memory: i64,
    ) -> Result<(), EngineError> {
        let body = ContainerUpdateBody {
            nano_cpus: Some(nano_cpus),
            memory: Some(memory),
            // As when it was created: Docker's own default.
            memory_swap: Some(memory * 2),
            ..Default::default()
        };
        self.docker
            .update_container(container, body)
            .await
            .map_err(|e| EngineError::docker("resize", container, e))
    }
}

/// Processor time, and memory without the files in it. Version 1 of control groups has other names.
fn used(stats: &ContainerStatsResponse) -> (u64, u64) {
    let cpu = stats.cpu_stats.as_ref().and_then(|c| c.cpu_usage.as_ref());
    let memory = stats.memory_stats.as_ref();
    let detail = |name: &str| {
        let all = memory.and_then(|m| m.stats.as_ref());
        all.and_then(|s| s.get(&format!("total_{name}")).or_else(|| s.get(name))).copied()
    };
    let files = detail("active_file").unwrap_or(0) + detail("inactive_file").unwrap_or(0);
    let in_use = memory.and_then(|m| m.usage).unwrap_or(0);
    (cpu.and_then(|c| c.total_usage).unwrap_or(0), in_use.saturating_sub(files))
}
