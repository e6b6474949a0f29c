//! Brings a stage up: observe, images, plan, execute.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Faults, Progress, RunError, RunningLab, built, entry, made_of, pulled, undo};
use crate::engine::probe::Ready;
use crate::engine::{Engine, EngineError, LabIdentity, Progress as Step, Surroundings, resources};
use crate::images::folder::Folder;
use crate::images::{self, ImageName};
use crate::kinds::{self, Context, PublishMode};
use crate::plan::layout::Subnet;
use crate::plan::node::NodeSpec;
use crate::plan::observed::{Observed, ObservedNetwork, State};
use crate::plan::releases::deployed;
use crate::plan::subnet::of_labs;
use crate::plan::{Desired, Plan, main_name, plan};
use crate::report::Ui;
use crate::spec;
use crate::spec::model::{Container, Emulator, Kind, Service, Stage};
use crate::spec::releases::as_deployed;

/// How long tasks that answer may take to make what they need of managed services.
const WANTED_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks whether they have: a dozen questions, while everything starts.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Everything decided, nothing done yet.
pub struct Up {
    /// What will be done.
    pub plan: Plan,
    /// What should be.
    pub desired: Desired,
    around: Surroundings,
    stage: Stage,
    begun: Instant,
}

/// Where published ports go, and whether that is for a lab that runs, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// Where they go when nothing runs yet; a lab that runs keeps its ports.
    AtFirst(PublishMode),
    /// Where the user wants them.
    Always(PublishMode),
}

impl Publish {
    fn mode(self) -> PublishMode {
        match self {
            Self::AtFirst(mode) | Self::Always(mode) => mode,
        }
    }
}

/// What a lab is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its published ports.
    pub publish: Publish,
    /// Its subnet; the first free one when absent.
    pub subnet: Option<Subnet>,
    /// Subnets that somebody else took while we were about to.
    pub lost: Vec<Subnet>,
}

/// How many subnets may be lost to others before the start fails: more than start labs at once.
const LOST_AT_MOST: usize = 16;

impl Start {
    /// Whether another subnet may be tried after one was lost.
    pub fn may_lose(&self) -> bool {
        self.subnet.is_none() && self.lost.len() < LOST_AT_MOST
    }

    fn candidates(&self) -> Vec<Subnet> {
        match self.subnet {
            Some(wanted) => vec![wanted],
            None => of_labs().into_iter().filter(|s| !self.lost.contains(s)).collect(),
        }
    }
}

/// The same context with the ports that the lab was started with: those with which most of its nodes
/// are what they should be.
fn keep_ports<'a>(context: Context<'a>, observed: &Observed) -> Context<'a> {
    let ports = observed.containers.values().flat_map(|c| c.ports.iter().map(|(_, host)| *host));
    let lowest = ports.min().map(PublishMode::From);
    let modes = [context.publish, PublishMode::AsDeclared, PublishMode::From(0)];
    let right = |mode: &PublishMode| {
        let nodes = kinds::nodes(&Context { publish: *mode, ..context });
        let is_right = |node: &&NodeSpec| {
            let hash = node.hash();
            observed.containers.values().any(|c| c.node == node.name && c.spec == hash)
        };
        nodes.iter().filter(is_right).count()
    };
    // Of equals the first: what is wanted when nothing runs.
    let all = modes.into_iter().chain(lowest);
    let publish = all.rev().max_by_key(right).unwrap_or(context.publish);
    Context { publish, ..context }
}

/// What `up` did.
#[derive(Clone, Debug)]
pub struct UpOutcome {
    /// The lab.
    pub lab: RunningLab,
    /// Number of operations carried out.
    pub steps: usize,
    /// From the first look to readiness, image builds not counted.
    pub took: Duration,
}

/// Observes and plans. Builds missing images, because what a node is made of is part of the plan;
/// changes nothing else.
pub async fn prepare(
    engine: &Engine,
    stage: &Stage,
    start: &Start,
    ui: &Ui,
) -> Result<Up, RunError> {
    let observed = engine.observe().await?;
    let definition = spec::definition_hash(stage);
    refuse_another(engine, &observed, stage, &definition)?;
    refuse_another_subnet(engine, &observed, start)?;
    if observed.network.is_none() && !images::any(engine.docker(), ImageName::Net).await? {
        // Images take minutes: before them.
        let network = propose(engine, stage, definition.clone(), start).await?;
        engine.try_network(&network).await?;
    }
    // A tool that was killed may have left faults behind.
    undo(engine, Faults::Abandoned).await?.tell(ui);
    let images = images_of(engine, stage, ui).await?;
    // What was deployed since is what should be.
    let deployed = &as_deployed(stage, &deployed(&engine.containers().await?));
    let begun = Instant::now();
    let network = match observed.network.clone() {
        Some(network) => network,
        None => propose(engine, stage, definition, start).await?,
    };
    let context = Context {
        lab: engine.lab(),
        stage: deployed,
        subnet: network.subnet,
        secret: &network.secret,
        images: &images,
        publish: start.publish.mode(),
    };
    let context = match start.publish {
        Publish::AtFirst(_) => keep_ports(context, &observed),
        Publish::Always(_) => context,
    };
    let nodes = kinds::nodes(&context);
    if let Some(port) = ports_end(&nodes) {
        return Err(RunError::PortsEnd { port });
    }
    let images_now = images_now(engine, &nodes).await?;
    let desired = Desired { lab: engine.lab().into(), nodes, images: images_now };
    // Healing may have changed what was observed first.
    let mut observed = engine.observe_closely().await?;
    observed.not_ready = not_ready(engine, &desired, &observed).await;
    let plan = plan(&desired, &observed);
    let holder_image = images.get(ImageName::Net.as_str()).cloned().unwrap_or_default();
    let around = Surroundings { network, holder_image };
    Ok(Up { plan, desired, around, stage: stage.clone(), begun })
}

/// A port that two nodes would publish: there is none above the last.
fn ports_end(nodes: &[NodeSpec]) -> Option<u16> {
    let mut known = std::collections::BTreeSet::new();
    let mut ports = nodes.iter().filter_map(|node| node.publish.as_ref()).map(|p| (p.host, p.udp));
    ports.find(|(port, udp)| *port != 0 && !known.insert((*port, *udp))).map(|(port, _)| port)
}

impl Up {
    /// Carries the plan out.
    ///
    /// # Errors
    /// What failed first; what was done stays. Of an engine whose containers cannot be reached nothing stays.
    pub async fn execute(self, engine: &Engine, ui: &Ui) -> Result<UpOutcome, RunError> {
        let left: Vec<String> = self.plan.steps.iter().map(|s| s.operation.to_string()).collect();
        let (all, left) = (left.len(), Mutex::new(left));
        let steps = |Step::Done { what, took }| {
            left.lock().unwrap_or_else(PoisonError::into_inner).retain(|step| *step != what);
            ui.detail(&format!("{what} ({} ms)", took.as_millis()));
        };
        let told = |_| under_way(all, &left.lock().unwrap_or_else(PoisonError::into_inner));
        let progress = Progress::new(ui, &self.stage.stage);
        let executed =
            progress.during(told, engine.execute(&self.plan, &self.around, &steps)).await;
        if let Err(EngineError::OutOfReach { .. }) = &executed {
            engine.down().await?;
        }
        let executed = executed?;
        let lab = RunningLab::require(engine).await?;
        debug_assert_eq!(lab.stage, self.stage);
        let told = |_| "waits until its queues, buckets and tables are there".to_owned();
        progress.during(told, await_wanted(&lab, WANTED_LIMIT)).await?;
        let told = |_| "waits until its entry knows whom to send users to".to_owned();
        for (node, said) in progress.during(told, entry::serves(&lab)).await {
            ui.warn(&format!("{node}: {said}"));
        }
        Ok(UpOutcome { lab, steps: executed.steps, took: self.begun.elapsed() })
    }
}

/// Waits until what the stage needs of its managed services is there. Its tasks make it when they start, and
/// what is sent before goes nowhere.
async fn await_wanted(lab: &RunningLab, limit: Duration) -> Result<(), RunError> {
    let wanted = kinds::wanted(&lab.stage, &lab.places);
    let begun = Instant::now();
    loop {
        let missing = resources::missing(&wanted).await;
        if missing.is_empty() {
            return Ok(());
        }
        if begun.elapsed() >= limit {
            return Err(RunError::NotWhole { seconds: limit.as_secs_f64(), missing });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the names of the nodes' images stand for at this moment.
async fn images_now(
    engine: &Engine,
    nodes: &[NodeSpec],
) -> Result<BTreeMap<String, String>, RunError> {
    let mut now = BTreeMap::new();
    for node in nodes {
        if !now.contains_key(&node.image)
            && let Some(id) = engine.image_id(&node.image).await?
        {
            now.insert(node.image.clone(), id);
        }
    }
    Ok(now)
}

/// The nodes that run and do not answer as they should, with what is missing.
async fn not_ready(
    engine: &Engine,
    desired: &Desired,
    observed: &Observed,
) -> BTreeMap<String, String> {
    let runs = |node: &&NodeSpec| {
        let main = observed.containers.get(&main_name(&desired.lab, &node.name));
        main.is_some_and(|main| main.state == State::Running)
    };
    let looks = desired.nodes.iter().filter(runs).map(|node| async move {
        match engine.look(&node.name, node.address, &node.probe).await {
            Ready::Yes => None,
            Ready::NotYet(missing) => Some((node.name.clone(), missing)),
        }
    });
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}

/// `12 of 18 steps are done; to come: wait until db-a1 is ready, and 5 more`
fn under_way(all: usize, left: &[String]) -> String {
    let done = all - left.len();
    match left {
        [] => format!("{done} of {all} steps are done"),
        [one] => format!("{done} of {all} steps are done; to come: {one}"),
        [one, more @ ..] => {
            format!("{done} of {all} steps are done; to come: {one}, and {} more", more.len())
        }
    }
}

fn refuse_another(
    engine: &Engine,
    observed: &Observed,
    stage: &Stage,
    definition: &str,
) -> Result<(), RunError> {
    let running = match &observed.network {
        Some(n) if n.stage != stage.stage => n.stage.clone(),
        Some(n) if n.definition != definition => format!("another definition of {}", n.stage),
        _ => return Ok(()),
    };
    Err(RunError::AnotherStage { lab: engine.lab().into(), running })
}

/// A lab keeps the subnet that it was started with.
fn refuse_another_subnet(
    engine: &Engine,
    observed: &Observed,
    start: &Start,
) -> Result<(), RunError> {
    match (&observed.network, start.subnet) {
        (Some(network), Some(wanted)) if network.subnet != wanted => {
            let (running, wanted) = (network.subnet.cidr(), wanted.cidr());
            Err(RunError::AnotherSubnet { lab: engine.lab().into(), running, wanted })
        }
        _ => Ok(()),
    }
}

async fn propose(
    engine: &Engine,
    stage: &Stage,
    definition: String,
    start: &Start,
) -> Result<ObservedNetwork, RunError> {
    let stage_json = serde_json::to_string(stage)
        .map_err(|e| RunError::Corrupt(format!("the stage {}: {e}", stage.stage)))?;
    let identity = LabIdentity { stage: stage.stage.clone(), definition, stage_json };
    Ok(engine.propose_network(&identity, &start.candidates()).await?)
}

/// The images that releases name.
fn of_releases(kind: &Kind) -> Vec<&String> {
    match kind {
        Kind::Service(service) => {
            service.releases.values().filter_map(|r| r.image.as_ref()).collect()
        }
        _ => Vec::new(),
    }
}

/// Builds what is missing and returns the reference of every image of ours that the stage needs.
pub async fn images_of(
    engine: &Engine,
    stage: &Stage,
    ui: &Ui,
) -> Result<BTreeMap<String, String>, RunError> {
    let wanted = wanted_images(stage);
    let tags = built(engine, &wanted, ui).await?;
    for (tier, kind) in stage.tiers.iter().map(|(n, t)| (n, &t.kind)) {
        let all: Vec<&String> = match kind {
            Kind::Service(Service { build: Some(path), image, .. })
            | Kind::Container(Container { build: Some(path), image, .. }) => {
                let (path, base) = (Path::new(path), tags[ImageName::Base.as_str()].as_str());
                let name = format!("of tier {tier}");
                made_of(engine, &Folder { name, path, reference: image, base }, ui).await?;
                of_releases(kind)
            }
            Kind::Service(service) => {
                let all = of_releases(kind).into_iter().chain([&service.image]);
                all.filter(|i| *i != ImageName::App.as_str()).collect()
            }
            Kind::Container(kind) => vec![&kind.image],
            _ => Vec::new(),
        };
        for image in all {
            require_image(engine, tier, image, ui).await?;
        }
    }
    Ok(tags)
}

/// The images of ours that a stage needs; the holder and the control plane are in every stage.
pub fn wanted_images(stage: &Stage) -> Vec<ImageName> {
    let mut wanted = vec![ImageName::Net, ImageName::Control];
    wanted.extend(stage.tiers.values().flat_map(|t| images_of_kind(&t.kind)));
    wanted.extend(kinds::has_network_proxies(stage).then_some(ImageName::NetProxy));
    wanted.sort();
    wanted.dedup();
    wanted
}

/// The images of ours that a kind needs; none for somebody else's.
fn images_of_kind(kind: &Kind) -> Vec<ImageName> {
    match kind {
        Kind::Box(_) => vec![ImageName::Box],
        Kind::Service(s) if s.is_ours() => vec![ImageName::App],
        // What a Dockerfile of the user's own may begin with.
        Kind::Container(Container { build: Some(_), .. })
        | Kind::Service(Service { build: Some(_), .. }) => vec![ImageName::Base],
        Kind::Service(_) | Kind::Container(_) => vec![],
        Kind::LoadBalancer(_) | Kind::ApiGateway(_) => vec![ImageName::Nginx],
        Kind::Postgres(_) => vec![ImageName::Postgres],
        Kind::Etcd(_) => vec![ImageName::Etcd],
        Kind::Redis(_) => vec![ImageName::Redis],
        Kind::Aws(kind) => {
            let image = |emulator| match emulator {
                Emulator::Localstack => ImageName::AwsLocalstack,
                Emulator::Ministack => ImageName::AwsMinistack,
            };
            kind.services.emulators().into_iter().map(image).collect()
        }
        Kind::DatabaseProxy(_) => vec![ImageName::Dbproxy],
        Kind::Cdn(_) => vec![ImageName::Nginx],
        Kind::Dns(_) => vec![ImageName::Dns],
    }
}

/// A user's own image must be here, or must be had from a registry.
async fn require_image(engine: &Engine, tier: &str, image: &str, ui: &Ui) -> Result<(), RunError> {
    let here = pulled(engine, image, ui).await;
    here.map_err(|reason| RunError::NoImage { image: image.into(), tier: tier.into(), reason })
}
