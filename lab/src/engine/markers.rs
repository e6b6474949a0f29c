//! A fault that is active is written down where it cannot be lost: in the labels of a container
//! that is created and never started. It survives the end of the tool and a restart of Docker, and
//! says how to undo the fault; healing removes it last.

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptions;
use serde::{Deserialize, Serialize};

use super::{Engine, EngineError};
use crate::plan::fault_name;
use crate::plan::observed::{ObservedContainer, Part};
use crate::spec::model::{Fault, Name, PoisonedRoute};

const LABEL_FAULT: &str = "lab.fault";

/// An active fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    /// Unique within the lab.
    pub id: String,
    /// What was injected.
    pub fault: Fault,
    /// Nodes whose containers were killed, frozen or cut off: healing brings all of them back.
    pub nodes: Vec<String>,
    /// The nodes stay lost until the heal: the control plane must not start them again.
    pub hold: bool,
    /// Routes of network proxies that suffer: healing ends that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<PoisonedRoute>,
    /// For a release: the tier, and the release from before, which the heal brings back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<(Name, Name)>,
    /// The command that injected it and will heal it.
    pub owner: Owner,
}

/// A process that can be told from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks since the boot of the machine.
    pub started: u64,
    /// Which boot.
    pub boot: String,
}

impl Owner {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Self { pid, started: start_of(pid).unwrap_or(0), boot: boot_id() }
    }

    /// Whether the process still runs on this machine.
    pub fn is_alive(&self) -> bool {
        self.boot == boot_id() && start_of(self.pid) == Some(self.started)
    }
}

/// Field 22 of `/proc/PID/stat`; the process's name before it may hold spaces and parentheses.
fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|s| s.trim().to_owned())
        .unwrap_or_default()
}

impl Engine {
    /// Writes a fault down before it is injected. `image` is any local image: the container is
    /// never started.
    pub async fn write_marker(&self, marker: &Marker, image: &str) -> Result<(), EngineError> {
        let json = serde_json::to_string(marker)
            .map_err(|e| EngineError::Corrupt(format!("fault marker: {e}")))?;
        let name = fault_name(&self.lab, &marker.id);
        let body = ContainerCreateBody {
            image: Some(image.into()),
            labels: Some(
                self.labels(Part::Fault.as_str(), &[(LABEL_FAULT, &json)]).into_iter().collect(),
            ),
            network_disabled: Some(true),
            ..Default::default()
        };
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        self.docker
            .create_container(Some(options), body)
            .await
            .map(drop)
            .map_err(|e| EngineError::create(&name, e))
    }

    /// The active faults, oldest first.
    pub async fn markers(&self) -> Result<Vec<Marker>, EngineError> {
        markers_among(self.containers().await?.values())
    }

    /// Forgets a fault that is healed.
    pub async fn remove_marker(&self, id: &str) -> Result<(), EngineError> {
        self.remove_container(&fault_name(&self.lab, id)).await
    }
}

/// The fault markers among a lab's containers.
pub fn markers_among<'a>(
    containers: impl Iterator<Item = &'a ObservedContainer>,
) -> Result<Vec<Marker>, EngineError> {
    let mut markers = containers
        .filter(|c| c.part == Part::Fault)
        .map(|c| {
            let json = c.labels.get(LABEL_FAULT).map(String::as_str).unwrap_or_default();
            serde_json::from_str(json)
                .map_err(|e| EngineError::Corrupt(format!("a fault marker cannot be read: {e}")))
        })
        .collect::<Result<Vec<Marker>, _>>()?;
    markers.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(markers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_alive_until_its_process_is_another() {
        let me = Owner::current();
        assert!(me.is_alive());
        assert!(!Owner { started: me.started + 1, ..me.clone() }.is_alive());
        assert!(!Owner { boot: "another".into(), ..me }.is_alive());
    }
}
