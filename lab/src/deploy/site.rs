//! A lab whose tasks are made anew with another release.

use std::collections::BTreeMap;
use std::time::Duration;

use super::DeployError;
use super::order::{Order, Refusal, Scene};
use crate::engine::{DeployMarker, Engine, EngineError, Owner, Surroundings};
use crate::images::ImageName;
use crate::kinds::{self, Context, PublishMode};
use crate::plan::layout::{self, Place};
use crate::plan::node::NodeSpec;
use crate::plan::observed::{ObservedContainer, ObservedNetwork, Part, State};
use crate::plan::releases::release_of;
use crate::plan::{Operation, Plan, Step, holder_name, main_name};
use crate::spec::model::{Name, Stage};
use crate::spec::releases::as_deployed;
use crate::spec::slots::Duty;

/// The containers of a lab by name.
pub(super) type Containers = BTreeMap<String, ObservedContainer>;

/// How many tasks are made anew at once: they start beside those that serve.
const LANES: usize = 2;
/// How long a task may take to finish after its drain, before it is killed.
const GRACE: Duration = Duration::from_secs(8);

/// A lab.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its engine.
    pub engine: Engine,
    network: ObservedNetwork,
    stage: Stage,
    places: Vec<Place>,
}

impl Site {
    /// The lab that runs under the engine's name, if there is one.
    ///
    /// # Errors
    /// Docker does not answer, or its labels cannot be read.
    pub async fn find(engine: &Engine) -> Result<Option<Self>, DeployError> {
        let Some(network) = engine.network().await? else { return Ok(None) };
        let stage: Stage = serde_json::from_str(&network.stage_json).map_err(|e| {
            DeployError::Corrupt(format!("the stage in the labels of {}: {e}", network.name))
        })?;
        let places = layout::places(&stage, network.subnet);
        Ok(Some(Self { engine: engine.clone(), network, stage, places }))
    }

    /// What the deploy of a release means at this moment.
    ///
    /// # Errors
    /// It cannot begin, or Docker does not answer.
    pub async fn order(&self, tier: &str, to: &str) -> Result<Order, DeployError> {
        let containers = self.engine.containers().await?;
        Ok(self.scene(&containers).order(tier, to)?)
    }

    /// Its stage.
    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The nodes of a tier that have one duty.
    pub(super) fn of_duty(&self, tier: &str, duty: Duty) -> Vec<Name> {
        layout::with_duty(&self.places, tier, duty).map(|p| p.name.clone()).collect()
    }

    /// The lab as it is.
    pub(super) fn scene<'a>(&'a self, containers: &'a Containers) -> Scene<'a> {
        Scene { lab: self.engine.lab(), stage: &self.stage, places: &self.places, containers }
    }

    /// The release that a tier runs; nothing for a tier without releases.
    pub async fn release(&self, tier: &str) -> Result<Option<Name>, DeployError> {
        let containers = self.engine.containers().await?;
        Ok(crate::plan::releases::deployed(&containers).remove(tier))
    }

    /// Writes the deploy down.
    pub(super) async fn mark(&self, order: &Order, committed: bool) -> Result<(), DeployError> {
        let marker = DeployMarker {
            tier: order.tier.clone(),
            from: order.from.clone(),
            to: order.to.clone(),
            blue: order.blue.clone(),
            after: order.after.clone(),
            committed,
            owner: Owner::current(),
        };
        let containers = self.engine.containers().await?;
        let image = containers.values().find(|c| c.part == Part::Holder).map(|c| c.image.clone());
        let image = image.unwrap_or_default();
        match self.engine.write_deploy(&marker, &image).await {
            Err(EngineError::NameTaken { name }) => match self.engine.deploy().await? {
                Some(DeployMarker { tier, from, to, .. }) => {
                    Err(DeployError::UnderWay { tier, from, to })
                }
                None => Err(EngineError::NameTaken { name }.into()),
            },
            other => Ok(other?),
        }
    }

    /// Makes tasks anew with a release, and starts them if they are to serve. Two at a time: they
    /// share a few processors with those that serve meanwhile.
    pub(super) async fn make(
        &self,
        tier: &str,
        nodes: &[Name],
        release: &str,
        start: bool,
    ) -> Result<(), DeployError> {
        let containers = self.engine.containers().await?;
        let specs = self.specs(&containers, tier, release);
        let mut plan = Plan::default();
        let mut lanes: [Vec<usize>; LANES] = Default::default();
        for (n, node) in nodes.iter().enumerate() {
            let Some(spec) = specs.get(node) else {
                let why = format!("there is no task {node}");
                return Err(DeployError::Stuck { tier: tier.into(), why });
            };
            let lane = &mut lanes[n % LANES];
            for operation in operations(self.engine.lab(), spec, &containers, start) {
                let cause = format!("release {release}");
                plan.steps.push(Step { operation, cause, after: lane.clone() });
                *lane = vec![plan.steps.len() - 1];
            }
        }
        let around = Surroundings { network: self.network.clone(), holder_image: String::new() };
        self.engine.execute(&plan, &around, &|_| {}).await?;
        Ok(())
    }

    /// The tasks of a tier as a release makes them. Of the ways to publish ports, the one with which
    /// a node's network was made.
    fn specs(
        &self,
        containers: &Containers,
        tier: &str,
        release: &str,
    ) -> BTreeMap<Name, NodeSpec> {
        let stage = as_deployed(&self.stage, &[(tier.to_owned(), release.to_owned())].into());
        let lab = self.engine.lab();
        let tasks = containers.values().filter(|c| c.part == Part::Main);
        let task = tasks.filter(|c| self.is_of(&c.node, tier)).map(|c| c.image.clone()).next();
        // What our own image's name stands for is what runs.
        let own = |image: String| (ImageName::App.as_str().to_owned(), image);
        let images: BTreeMap<String, String> = task.map(own).into_iter().collect();
        let ports = containers.values().flat_map(|c| c.ports.iter().map(|(_, host)| *host));
        let modes = [PublishMode::AsDeclared, PublishMode::From(0)];
        let modes = modes.into_iter().chain(ports.min().map(PublishMode::From));
        let mut chosen: BTreeMap<Name, NodeSpec> = BTreeMap::new();
        for publish in modes {
            let (subnet, secret) = (self.network.subnet, self.network.secret.as_str());
            let context = Context { lab, stage: &stage, subnet, secret, images: &images, publish };
            for node in kinds::nodes(&context).into_iter().filter(|n| n.tier == tier) {
                let holder = containers.get(&holder_name(lab, &node.name));
                let fits = holder.is_some_and(|h| h.spec == node.holder_hash());
                if fits || !chosen.contains_key(&node.name) {
                    chosen.insert(node.name.clone(), node);
                }
            }
        }
        chosen
    }

    fn is_of(&self, node: &str, tier: &str) -> bool {
        self.places.iter().any(|p| p.name == node && p.tier == tier)
    }

    /// Tells tasks to end, all at once: they fail their health checks, serve on for their drain,
    /// finish what they have and end.
    pub(super) async fn end(&self, nodes: &[Name], drain_ms: u64) -> Result<(), DeployError> {
        let limit = Duration::from_millis(drain_ms) + GRACE;
        let lab = self.engine.lab();
        let names: Vec<String> = nodes.iter().map(|n| main_name(lab, n)).collect();
        let ended = names.iter().map(|container| self.engine.stop(container, limit));
        futures::future::try_join_all(ended).await?;
        Ok(())
    }

    /// Those of the nodes that run, with their releases.
    pub(super) fn running(&self, containers: &Containers, nodes: &[Name]) -> Vec<(Name, Name)> {
        let lab = self.engine.lab();
        let runs = |node: &Name| {
            let main = containers.get(&main_name(lab, node))?;
            let release = release_of(main).unwrap_or_default().to_owned();
            (main.state == State::Running).then(|| (node.clone(), release))
        };
        nodes.iter().filter_map(runs).collect()
    }

    /// The order that a marker says is under way.
    pub(super) fn marked(
        &self,
        containers: &Containers,
        marker: &DeployMarker,
    ) -> Result<Order, Refusal> {
        let order = self.scene(containers).as_it_is(&marker.tier)?;
        Ok(Order {
            from: marker.from.clone(),
            to: marker.to.clone(),
            blue: marker.blue.clone(),
            after: marker.after.clone(),
            ..order
        })
    }

    /// Where a node answers, and what says that it works.
    pub(super) fn probe(
        &self,
        node: &str,
    ) -> Option<(std::net::Ipv4Addr, crate::plan::node::Probe)> {
        let place = self.places.iter().find(|p| p.name == node)?;
        let secret = &self.network.secret;
        Some((place.address, kinds::probe(&self.stage, &self.places, place, secret)))
    }
}

/// What makes one task anew.
fn operations(lab: &str, spec: &NodeSpec, containers: &Containers, start: bool) -> Vec<Operation> {
    let (main, holder) = (main_name(lab, &spec.name), holder_name(lab, &spec.name));
    let mut operations = Vec::new();
    if containers.get(&holder).is_some_and(|h| h.state.has_ended()) {
        operations.push(Operation::Start { container: holder });
    }
    if containers.contains_key(&main) {
        operations.push(Operation::Remove { container: main.clone() });
    }
    operations.push(Operation::RunMain { node: Box::new(spec.clone()) });
    // One that is not in reserve starts with its creation.
    if start && spec.reserve {
        operations.push(Operation::Start { container: main });
    }
    operations
}
