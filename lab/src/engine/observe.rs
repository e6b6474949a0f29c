//! Reads what is there.

use std::collections::BTreeMap;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum as S, EventMessage, Network, PortSummary,
    PortSummaryTypeEnum,
};
use bollard::query_parameters::{
    EventsOptions, ListContainersOptions, ListNetworksOptions, ListVolumesOptions,
};

use futures::stream::{Stream, StreamExt};

use super::{Engine, EngineError, LABEL_LAB, LABEL_NODE, LABEL_PART, LABEL_SPEC};
use crate::plan::is_of_an_earlier_version;
use crate::plan::layout::Subnet;
use crate::plan::observed::{Closely, Observed, ObservedContainer, ObservedNetwork, Part, State};

impl Engine {
    /// Everything of this lab that Docker knows.
    pub async fn observe(&self) -> Result<Observed, EngineError> {
        let (containers, network, volumes) =
            tokio::try_join!(self.containers(), self.network(), self.volumes())?;
        Ok(Observed { network, containers, volumes, ..Observed::default() })
    }

    /// The lab's containers, fault markers included, by name.
    ///
    /// # Errors
    /// Docker does not answer, or the lab was started by a version that gave other names: nothing would be
    /// found under ours, and nothing be healed.
    pub async fn containers(&self) -> Result<BTreeMap<String, ObservedContainer>, EngineError> {
        let found = self.containers_by_any_name().await?;
        self.refuse_earlier(found.keys())?;
        Ok(found)
    }

    /// The same, also of a lab that an earlier version started.
    pub(super) async fn containers_by_any_name(
        &self,
    ) -> Result<BTreeMap<String, ObservedContainer>, EngineError> {
        let options =
            ListContainersOptions { all: true, filters: Some(self.filter()), ..Default::default() };
        let found = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(|e| EngineError::docker("list", "containers", e))?;
        Ok(found.into_iter().filter_map(container).collect())
    }

    /// The lab's network, if it exists.
    pub async fn network(&self) -> Result<Option<ObservedNetwork>, EngineError> {
        let options = ListNetworksOptions { filters: Some(self.filter()) };
        let found = self
            .docker
            .list_networks(Some(options))
            .await
            .map_err(|e| EngineError::docker("list", "networks", e))?;
        let found = found.into_iter().next().map(network).transpose()?;
        self.refuse_earlier(found.iter().map(|network| &network.name))?;
        Ok(found)
    }

    fn refuse_earlier<'a>(
        &self,
        mut names: impl Iterator<Item = &'a String>,
    ) -> Result<(), EngineError> {
        match names.find(|name| is_of_an_earlier_version(&self.lab, name)) {
            Some(name) => Err(EngineError::Earlier { lab: self.lab.clone(), name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Names of the lab's volumes.
    pub async fn volumes(&self) -> Result<Vec<String>, EngineError> {
        let options = ListVolumesOptions { filters: Some(self.filter()) };
        let found = self
            .docker
            .list_volumes(Some(options))
            .await
            .map_err(|e| EngineError::docker("list", "volumes", e))?;
        Ok(found.volumes.unwrap_or_default().into_iter().map(|v| v.name).collect())
    }

    /// What Docker says of this lab's containers, as it happens: each item is one of them that
    /// started, ended, or was removed. It ends when Docker does.
    pub fn changes(&self) -> impl Stream<Item = Change> + Send + use<> {
        let mut filters = self.filter();
        filters.insert("type".into(), vec!["container".into()]);
        let events = ["start", "die", "destroy", "pause", "unpause"].map(str::to_owned);
        filters.insert("event".into(), events.into());
        let options = EventsOptions { filters: Some(filters), ..Default::default() };
        self.docker.events(Some(options)).filter_map(|event| async move {
            event
                .map_err(|e| tracing::warn!(error = %e, "Docker's events cannot be read"))
                .ok()
                .map(change)
        })
    }

    /// The names of all labs on this machine.
    pub async fn all_labs(&self) -> Result<Vec<String>, EngineError> {
        let options = ListNetworksOptions {
            filters: Some([("label".into(), vec![LABEL_PART.to_owned()])].into()),
        };
        let networks = self
            .docker
            .list_networks(Some(options))
            .await
            .map_err(|e| EngineError::docker("list", "networks", e))?;
        let containers = self
            .docker
            .list_containers(Some(ListContainersOptions {
                all: true,
                filters: Some([("label".into(), vec![LABEL_PART.to_owned()])].into()),
                ..Default::default()
            }))
            .await
            .map_err(|e| EngineError::docker("list", "containers", e))?;
        let mut names: Vec<String> = networks
            .into_iter()
            .filter_map(|n| n.labels)
            .chain(containers.into_iter().filter_map(|c| c.labels))
            .filter_map(|mut l| l.remove(LABEL_LAB))
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// What happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The node that it belongs to; empty for one that belongs to none.
    pub node: String,
    /// Which part of the node it is.
    pub part: Option<Part>,
    /// What.
    pub happened: Happened,
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
}

/// What can happen to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Its main process was started.
    Started,
    /// It was removed.
    Removed,
    /// Something else.
    Other,
}

fn change(event: EventMessage) -> Change {
    let labels = event.actor.and_then(|a| a.attributes).unwrap_or_default();
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    Change {
        node: label(LABEL_NODE),
        part: Part::parse(&label(LABEL_PART)),
        happened: match event.action.as_deref() {
            Some("start") => Happened::Started,
            Some("destroy") => Happened::Removed,
            _ => Happened::Other,
        },
        at: event.time_nano.unwrap_or_default() / 1000,
    }
}

fn container(summary: ContainerSummary) -> Option<(String, ObservedContainer)> {
    let labels: BTreeMap<String, String> = summary.labels?.into_iter().collect();
    let name = summary.names?.first()?.trim_start_matches('/').to_owned();
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let ports = summary.ports.unwrap_or_default();
    let observed = ObservedContainer {
        id: summary.id?,
        node: label(LABEL_NODE),
        part: Part::parse(&label(LABEL_PART))?,
        spec: label(LABEL_SPEC),
        state: match summary.state {
            Some(S::RUNNING | S::RESTARTING) => State::Running,
            Some(S::PAUSED) => State::Paused,
            Some(S::CREATED) => State::Created,
            Some(S::EXITED) if ended_as_told(summary.status.as_deref()) => State::Ended,
            Some(S::EXITED) => State::Stopped,
            _ => State::Dead,
        },
        image: summary.image.unwrap_or_default(),
        ports: published(&ports),
        labels,
        closely: Closely::default(),
    };
    Some((name, observed))
}

/// The published ports. What answers over UDP as well is asked over UDP: where Docker chose the ports,
/// the two differ.
fn published(ports: &[PortSummary]) -> Vec<(u16, u16)> {
    let is_udp = |p: &&PortSummary| p.typ == Some(PortSummaryTypeEnum::UDP);
    let udp: Vec<u16> = ports.iter().filter(is_udp).map(|p| p.private_port).collect();
    let kept = ports.iter().filter(|p| is_udp(p) || !udp.contains(&p.private_port));
    kept.filter_map(|p| Some((p.private_port, p.public_port?))).collect()
}

/// Whether a container ended as it was told to: with 0, or by SIGTERM if it does not handle that.
/// Docker's listing says so only in words: `Exited (0) 3 minutes ago`.
fn ended_as_told(status: Option<&str>) -> bool {
    let ways = ["Exited (0)", "Exited (143)"];
    status.is_some_and(|status| ways.iter().any(|way| status.starts_with(way)))
}

fn network(found: Network) -> Result<ObservedNetwork, EngineError> {
    let name = found.name.unwrap_or_default();
    let labels = found.labels.unwrap_or_default();
    let label = |key: &str| {
        labels
            .get(key)
            .cloned()
            .ok_or_else(|| EngineError::Corrupt(format!("the network {name} has no label {key}")))
    };
    let cidr = found
        .ipam
        .and_then(|i| i.config)
        .and_then(|c| c.into_iter().next())
        .and_then(|c| c.subnet)
        .unwrap_or_default();
    let subnet = Subnet::parse(&cidr).ok_or_else(|| {
        EngineError::Corrupt(format!("the network {name} has an unknown subnet `{cidr}`"))
    })?;
    Ok(ObservedNetwork {
        id: found.id.unwrap_or_default(),
        stage: label("lab.stage")?,
        definition: label("lab.definition")?,
        stage_json: label("lab.stage-json")?,
        secret: label("lab.secret")?,
        subnet,
        name,
    })
}
