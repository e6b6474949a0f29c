//! A deploy that is under way is written down as faults are: in the labels of a container that is
//! created and never started. Its name is the same for every deploy, so Docker sees to it that there
//! is one at a time. A second marker says that all traffic is on the new release for good: what was
//! left behind is undone without it, and finished with it.

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptions;
use serde::{Deserialize, Serialize};

use super::{Engine, EngineError, Owner};
use crate::plan::deploy_name;
use crate::plan::observed::{ObservedContainer, Part};
use crate::spec::model::Name;

const LABEL_DEPLOY: &str = "lab.deploy";

/// A deploy that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployMarker {
    /// The tier.
    pub tier: Name,
    /// The release that runs.
    pub from: Name,
    /// The release that is to run.
    pub to: Name,
    /// The nodes that run the old release.
    pub blue: Vec<Name>,
    /// The nodes that run when the deploy is done.
    pub after: Vec<Name>,
    /// Whether all traffic is on the new release for good.
    pub committed: bool,
    /// The command that deploys.
    pub owner: Owner,
}

impl DeployMarker {
    /// What became of it when the next command ended it, in words.
    pub fn recovered(&self) -> String {
        let Self { tier, from, to, .. } = self;
        if self.committed {
            format!("finished a deploy that was left behind: {tier} runs {to}")
        } else {
            format!("rolled back a deploy that was left behind: {tier} runs {from}, not {to}")
        }
    }
}

impl Engine {
    /// Writes a deploy down: before it begins, and again once it is committed. `image` is any local
    /// image: the container is never started.
    ///
    /// # Errors
    /// [`EngineError::NameTaken`] when another deploy is under way.
    pub async fn write_deploy(
        &self,
        marker: &DeployMarker,
        image: &str,
    ) -> Result<(), EngineError> {
        let json = serde_json::to_string(marker)
            .map_err(|e| EngineError::Corrupt(format!("deploy marker: {e}")))?;
        let labels = self.labels(Part::Deploy.as_str(), &[(LABEL_DEPLOY, &json)]);
        let body = ContainerCreateBody {
            image: Some(image.into()),
            labels: Some(labels.into_iter().collect()),
            network_disabled: Some(true),
            ..Default::default()
        };
        let name = deploy_name(&self.lab, marker.committed);
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        let created = self.docker.create_container(Some(options), body).await;
        created.map(drop).map_err(|e| EngineError::create(&name, e))
    }

    /// The deploy that is under way, if there is one.
    pub async fn deploy(&self) -> Result<Option<DeployMarker>, EngineError> {
        deploy_among(self.containers().await?.values())
    }

    /// Forgets a deploy that has ended.
    pub async fn remove_deploy(&self) -> Result<(), EngineError> {
        // In this order: what is left when this is cut short says that the deploy was to be finished.
        for committed in [false, true] {
            self.remove_container(&deploy_name(&self.lab, committed)).await?;
        }
        Ok(())
    }
}

/// The deploy marker among a lab's containers.
pub fn deploy_among<'a>(
    containers: impl Iterator<Item = &'a ObservedContainer>,
) -> Result<Option<DeployMarker>, EngineError> {
    let read = |c: &ObservedContainer| {
        let json = c.labels.get(LABEL_DEPLOY).map(String::as_str).unwrap_or_default();
        serde_json::from_str(json)
            .map_err(|e| EngineError::Corrupt(format!("a deploy marker cannot be read: {e}")))
    };
    let markers = containers.filter(|c| c.part == Part::Deploy).map(read);
    let markers = markers.collect::<Result<Vec<DeployMarker>, _>>()?;
    Ok(markers.into_iter().max_by_key(|m| m.committed))
}
