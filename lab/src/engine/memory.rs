//! Who was killed for want of memory.
//!
//! A component may go on: Patroni starts its PostgreSQL again, and the container never ends. So for one
//! that runs the kernel's own count is read, which begins anew with each start; where it cannot be read,
//! what Docker told last.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::models::{ContainerInspectResponse, EventMessage};
use bollard::query_parameters::EventsOptions;
use futures::stream::{Stream, StreamExt};

use super::{Engine, EngineError, LABEL_NODE};

/// How a container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `running`, `paused`, `exited (137)`.
    pub state: String,
    /// Whether its processes have ended.
    pub ended: bool,
    /// Something in it was killed for want of memory since its start.
    pub starved: Option<Starved>,
}

/// The memory that was not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starved {
    /// The limit in MiB; none when it was the machine's own memory.
    pub limit_mib: Option<u64>,
}

/// A kill for want of memory, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starvation {
    /// The node.
    pub node: String,
    /// Docker's id of the container.
    pub container: String,
    /// When, in nanoseconds since the Unix epoch.
    pub at_ns: i64,
}

impl Engine {
    /// How a container is, and whether it ever had too little memory since its start.
    ///
    /// # Errors
    /// There is no such container, or Docker does not answer.
    pub async fn condition(&self, container: &str) -> Result<Condition, EngineError> {
        let inspected = self.docker.inspect_container(container, None).await;
        let inspected = inspected.map_err(|e| EngineError::docker("inspect", container, e))?;
        let limit_mib = limit_mib(&inspected);
        let state = inspected.state.unwrap_or_default();
        let status = state.status.map(|s| s.as_ref().to_owned()).unwrap_or_default();
        let ended = matches!(status.as_str(), "exited" | "dead");
        let running = state.running == Some(true);
        let killed = match (ended, running.then_some(state.pid).flatten().and_then(kills_of)) {
            (true, _) => state.oom_killed == Some(true),
            (false, Some(kills)) => kills > 0,
            (false, None) => running && self.told_of_a_kill(container).await,
        };
        let state = match status.as_str() {
            "exited" => format!("exited ({})", state.exit_code.unwrap_or_default()),
            "" => "unknown".to_owned(),
            other => other.to_owned(),
        };
        Ok(Condition { state, ended, starved: killed.then_some(Starved { limit_mib }) })
    }

    /// The memory limit of a container in MiB, if it has one.
    ///
    /// # Errors
    /// There is no such container, or Docker does not answer.
    pub async fn memory_limit_mib(&self, container: &str) -> Result<Option<u64>, EngineError> {
        let inspected = self.docker.inspect_container(container, None).await;
        let inspected = inspected.map_err(|e| EngineError::docker("inspect", container, e))?;
        Ok(limit_mib(&inspected))
    }

    /// Whether a kill is among what Docker remembers of the last minute.
    async fn told_of_a_kill(&self, container: &str) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let options = EventsOptions {
            since: Some(now.saturating_sub(60).to_string()),
            until: Some(now.to_string()),
            filters: Some(
                [("event", "oom"), ("container", container)]
                    .map(|(key, value)| (key.to_owned(), vec![value.to_owned()]))
                    .into(),
            ),
        };
        let mut events = std::pin::pin!(self.docker.events(Some(options)));
        matches!(events.next().await, Some(Ok(_)))
    }

    /// The kills for want of memory in this lab's containers since a moment (in nanoseconds since the
    /// Unix epoch), as they happen. It ends when Docker does.
    pub fn starvations(&self, since_ns: i64) -> impl Stream<Item = Starvation> + Send + use<> {
        let mut filters = self.filter();
        filters.insert("event".into(), vec!["oom".into()]);
        let (seconds, rest) = (since_ns / 1_000_000_000, since_ns % 1_000_000_000);
        let since = Some(format!("{seconds}.{rest:09}"));
        let options = EventsOptions { since, filters: Some(filters), ..Default::default() };
        self.docker.events(Some(options)).filter_map(|event| async move {
            event
                .map_err(|e| tracing::warn!(error = %e, "Docker's events cannot be read"))
                .ok()
                .and_then(starvation)
        })
    }
}

fn limit_mib(inspected: &ContainerInspectResponse) -> Option<u64> {
    let bytes = inspected.host_config.as_ref().and_then(|c| c.memory).unwrap_or_default();
    u64::try_from(bytes >> 20).ok().filter(|mib| *mib > 0)
}

fn starvation(event: EventMessage) -> Option<Starvation> {
    let actor = event.actor?;
    let node = actor.attributes?.remove(LABEL_NODE)?;
    Some(Starvation { node, container: actor.id?, at_ns: event.time_nano? })
}

/// How many processes of the group of this one the kernel has killed for want of memory; `None` where
/// that cannot be read, as where Docker runs on another machine.
fn kills_of(pid: i64) -> Option<u64> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    kills(&std::fs::read_to_string(counter_of(&groups)?).ok()?)
}

/// The file with the count, from the groups of a process: version 1 names the controller, version 2 has
/// one line without.
fn counter_of(groups: &str) -> Option<PathBuf> {
    let fields = |line: &'_ str| -> Option<(String, String)> {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        Some((controllers.to_owned(), path.to_owned()))
    };
    let all: Vec<(String, String)> = groups.lines().filter_map(fields).collect();
    let first = all.iter().find(|(c, _)| c.split(',').any(|c| c == "memory"));
    if let Some((_, path)) = first {
        return Some(format!("/sys/fs/cgroup/memory{path}/memory.oom_control").into());
    }
    let (_, path) = all.iter().find(|(controllers, _)| controllers.is_empty())?;
    Some(format!("/sys/fs/cgroup{path}/memory.events").into())
}

/// `oom_kill 3`; both versions spell it so.
fn kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_both_versions() {
        let first = "12:cpu,cpuacct:/docker/ab\n7:memory:/docker/ab\n0::/docker/ab\n";
        let counter = counter_of(first).unwrap();
        assert_eq!(counter.to_str(), Some("/sys/fs/cgroup/memory/docker/ab/memory.oom_control"));
        let second = "0::/system.slice/docker-ab.scope\n";
        let counter = counter_of(second).unwrap();
        assert_eq!(
            counter.to_str(),
            Some("/sys/fs/cgroup/system.slice/docker-ab.scope/memory.events")
        );
        assert_eq!(counter_of("nothing"), None);
    }

    #[test]
    fn kills_are_counted_and_attempts_are_not() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), Some(2));
        assert_eq!(kills("low 0\nhigh 0\nmax 41\noom 5\noom_kill 0\noom_group_kill 0\n"), Some(0));
        assert_eq!(kills("max 41\n"), None);
    }
}
