//! A lab that runs, as read from Docker.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::RunError;
use super::ailments::explain;
use super::programs::NodePrograms;
use crate::chaos::{Roles, StrayLab, read_roles};
use crate::control::client::ControlClient;
use crate::dns::EntryName;
use crate::engine::Engine;
use crate::engine::probe::Ready;
use crate::kinds;
use crate::load::{Site, Transport};
use crate::plan::layout::{self, Place};
use crate::plan::observed::{Observed, ObservedNetwork, Part, State};
use crate::plan::{CONTROL, main_name};
use crate::spec::model::{Kind, Name, Stage};
use crate::spec::slots::Duty;
use crate::spec::workload::Workload;

/// How long what only `lab up` mends must have been seen until it is not waited for any more.
const LASTING: Duration = Duration::from_secs(6);
/// Pause between two looks at the containers while nodes are not ready.
const EXPLAIN_EVERY: Duration = Duration::from_secs(1);
/// Pause between two looks at nodes that are not ready.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long none of a group's tasks may have ended before it counts as smaller: they end one after the
/// other, and each goes on with what it has in hand.
const SHRUNK: Duration = Duration::from_secs(5);

/// A lab that runs.
#[derive(Clone, Debug)]
pub struct RunningLab {
    /// Its engine.
    pub engine: Engine,
    /// Its network, with what the labels say.
    pub network: ObservedNetwork,
    /// Its stage.
    pub stage: Stage,
    /// Its nodes.
    pub places: Vec<Place>,
    /// Image of the holders, which also serves for fault markers.
    pub holder_image: String,
}

impl RunningLab {
    /// The lab that runs under the engine's name, if there is one.
    pub async fn find(engine: &Engine) -> Result<Option<Self>, RunError> {
        let observed = engine.observe().await?;
        Self::from_observed(engine, &observed)
    }

    /// The lab that runs under the engine's name; none is an error that says what to do.
    pub async fn require(engine: &Engine) -> Result<Self, RunError> {
        Self::find(engine).await?.ok_or_else(|| RunError::NotRunning { lab: engine.lab().into() })
    }

    /// Reads a lab from what was observed.
    pub fn from_observed(engine: &Engine, observed: &Observed) -> Result<Option<Self>, RunError> {
        let Some(network) = observed.network.clone() else { return Ok(None) };
        let stage: Stage = serde_json::from_str(&network.stage_json).map_err(|e| {
            RunError::Corrupt(format!("the stage in the labels of {}: {e}", network.name))
        })?;
        let places = layout::places(&stage, network.subnet);
        let holder_image = observed
            .containers
            .values()
            .find(|c| c.part == Part::Holder)
            .map(|c| c.image.clone())
            .unwrap_or_default();
        Ok(Some(Self { engine: engine.clone(), network, stage, places, holder_image }))
    }

    /// Where clients send their requests.
    pub fn entry(&self) -> Vec<SocketAddr> {
        kinds::entry(&self.stage, &self.places).into_iter().map(SocketAddr::from).collect()
    }

    /// The same, with how it is spoken to, and who starts the commands of the stage's workload.
    pub fn site(&self) -> Site {
        self.site_of(&self.stage.workload())
    }

    /// The same for the commands of another workload.
    pub fn site_of(&self, workload: &Workload) -> Site {
        let traffic = &self.stage.traffic;
        Site {
            addresses: self.entry(),
            transport: Transport::of(traffic.tls.as_ref(), traffic.http2),
            programs: NodePrograms::of(&self.engine, workload, |tier| {
                let nodes = layout::with_duty(&self.places, tier, Duty::Member);
                nodes.map(|place| place.name.clone()).collect()
            }),
        }
    }

    /// How clients find it by name, where the stage has a name server for it.
    pub fn entry_name(&self) -> Option<EntryName> {
        kinds::names(&self.stage, &self.places)
    }

    /// The control plane.
    pub fn control(&self) -> ControlClient {
        ControlClient::new(self.network.subnet.control())
    }

    /// Where effects that nobody wrote down are looked for.
    pub fn for_strays(&self) -> StrayLab<'_> {
        StrayLab {
            engine: &self.engine,
            stage: &self.stage,
            places: &self.places,
            control: self.network.subnet.control(),
        }
    }

    /// Who is who among the database nodes at this moment.
    pub async fn roles(&self) -> Roles {
        read_roles(&self.engine, &self.stage, &self.places, &self.network.secret).await
    }

    /// The place of a node.
    pub fn place(&self, node: &str) -> Option<&Place> {
        self.places.iter().find(|p| p.name == node)
    }

    /// The nodes without the tasks that scaling groups have in reserve at this moment.
    ///
    /// # Errors
    /// Docker cannot be asked.
    pub async fn awake(&self) -> Result<Vec<Place>, RunError> {
        if !self.places.iter().any(|p| matches!(p.duty, Duty::Reserve | Duty::Job)) {
            return Ok(self.places.clone());
        }
        let containers = self.engine.containers().await?;
        let state =
            |p: &Place| containers.get(&main_name(self.engine.lab(), &p.name)).map(|c| c.state);
        let at_rest = |p: &Place| match p.duty {
            Duty::Reserve => state(p).is_none_or(State::is_at_rest),
            Duty::Job => state(p) == Some(State::Ended),
            _ => false,
        };
        Ok(self.places.iter().filter(|p| !at_rest(p)).cloned().collect())
    }

    /// Waits until no scaling group runs tasks that it has added; false when one still does at the limit.
    ///
    /// # Errors
    /// Docker cannot be asked.
    pub async fn await_scaled_in(&self, limit: Duration) -> Result<bool, RunError> {
        let begun = Instant::now();
        loop {
            if self.added().await?.is_empty() {
                return Ok(true);
            }
            if begun.elapsed() >= limit {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until every scaling group that is larger than its least has become smaller, and none of
    /// their tasks has ended for a while. Whether that came within the limit.
    pub async fn await_shrunk(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        let (mut most, mut least, mut since) = (BTreeMap::new(), BTreeMap::new(), begun);
        while begun.elapsed() < limit {
            // Docker that does not answer for a moment says nothing.
            if let Ok(now) = self.added().await {
                for (tier, count) in &now {
                    let most: &mut usize = most.entry(tier.clone()).or_default();
                    *most = (*most).max(*count);
                }
                if now != least {
                    (least, since) = (now, Instant::now());
                }
                let shrunk = |(tier, most): (&Name, &usize)| {
                    *most == 0 || least.get(tier).copied().unwrap_or(0) < *most
                };
                let quiet = most.values().all(|most| *most == 0) || since.elapsed() >= SHRUNK;
                if quiet && most.iter().all(shrunk) {
                    return true;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        false
    }

    /// How many tasks of each scaling group are awake beyond its least.
    async fn added(&self) -> Result<BTreeMap<Name, usize>, RunError> {
        let mut added = BTreeMap::new();
        for place in self.awake().await? {
            if place.duty == Duty::Reserve && self.scales(&place.tier) {
                *added.entry(place.tier).or_default() += 1;
            }
        }
        Ok(added)
    }

    /// Whether a tier is a scaling group; functions are none.
    fn scales(&self, tier: &str) -> bool {
        let kind = self.stage.tiers.get(tier).map(|tier| &tier.kind);
        matches!(kind, Some(Kind::Service(service)) if service.scaling.is_some())
    }

    /// Nodes that do not answer at this moment, with what is missing.
    pub async fn not_ready(&self) -> Vec<(String, String)> {
        let awake = match self.awake().await {
            Ok(awake) => awake,
            Err(e) => return vec![("docker".into(), e.to_string())],
        };
        let looks = awake.iter().map(|place| async move {
            let probe = kinds::probe(&self.stage, &self.places, place, &self.network.secret);
            match self.engine.look(&place.name, place.address, &probe).await {
                Ready::Yes => None,
                Ready::NotYet(missing) => Some((place.name.clone(), missing)),
            }
        });
        futures::future::join_all(looks).await.into_iter().flatten().collect()
    }

    /// The nodes of the architecture that an error says are missing.
    pub fn among_its_nodes(&self, error: &RunError) -> Vec<String> {
        let RunError::NotWhole { missing, .. } = error else { return Vec::new() };
        let is_node = |name: &str| self.places.iter().any(|p| p.name == name && name != CONTROL);
        missing.iter().map(|(name, _)| name.clone()).filter(|name| is_node(name)).collect()
    }

    /// Waits until every node answers and every cluster is whole; returns how long that took, or
    /// what was still missing at the limit, and why where its containers show that. What only `lab up`
    /// mends is not waited for.
    pub async fn await_whole(&self, limit: Duration) -> Result<Duration, RunError> {
        self.await_whole_telling(limit, |_| ()).await
    }

    /// The same; `told` hears at every look what is missing.
    pub async fn await_whole_telling(
        &self,
        limit: Duration,
        told: impl Fn(&[(String, String)]),
    ) -> Result<Duration, RunError> {
        let begun = Instant::now();
        let (mut ailments, mut explained, mut lasting) = (BTreeMap::new(), None, None);
        loop {
            let mut missing = self.not_ready().await;
            if let Err(e) = self.control().canary().await {
                missing.push((CONTROL.into(), e.to_string()));
            }
            if missing.is_empty() {
                return Ok(begun.elapsed());
            }
            told(&missing);
            if explained.is_none_or(|at: Instant| at.elapsed() >= EXPLAIN_EVERY) {
                explained = Some(Instant::now());
                // Docker that does not answer for a moment explains nothing.
                ailments = self.ailments().await.unwrap_or_default();
                let lasts = ailments.iter().any(|(node, ailment)| ailment.lasts(node));
                lasting = lasting.filter(|_| lasts).or(lasts.then(Instant::now));
            }
            let in_vain = lasting.is_some_and(|since: Instant| since.elapsed() >= LASTING);
            if in_vain || begun.elapsed() >= limit {
                explain(&mut missing, &ailments);
                return Err(RunError::NotWhole { seconds: begun.elapsed().as_secs_f64(), missing });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
