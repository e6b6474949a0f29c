//! The tasks of a tier that are started and ended as they are needed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::pick::{self, Now, Task};
use crate::control::{Shared, WatchedNode};
use crate::engine::deploys::deploy_among;
use crate::engine::markers::markers_among;
use crate::engine::{Engine, EngineError, Marker};
use crate::journal::ControlEvent;
use crate::plan::main_name;
use crate::plan::observed::State;
use crate::spec::model::Fault;

/// How long a task may take to finish after its drain, before it is killed.
const GRACE: Duration = Duration::from_secs(8);

/// What there is of a tier.
pub struct Seen {
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// The zones that faults have taken.
    pub dark: Vec<String>,
    /// A release is being deployed: who does that starts and ends the tasks meanwhile.
    pub deploying: bool,
}

impl Seen {
    /// How many of the tasks run.
    pub fn running(&self) -> u16 {
        let running = self.tasks.iter().filter(|t| t.now == Now::Runs).count();
        u16::try_from(running).unwrap_or(u16::MAX)
    }
}

/// The tasks of one tier.
pub struct Crew {
    shared: Shared,
    tier: String,
    drain: Duration,
    ending: Arc<Mutex<BTreeSet<String>>>,
    gone: Mutex<Vec<String>>,
}

impl Crew {
    /// The tasks of a tier, each of which serves for `drain` after it is told to end.
    pub fn new(shared: Shared, tier: &str, drain: Duration) -> Self {
        let (ending, gone) = (Arc::default(), Mutex::default());
        Self { shared, tier: tier.to_owned(), drain, ending, gone }
    }

    /// Starts and ends tasks until as many as `size` run, of those that were seen.
    ///
    /// # Errors
    /// Docker cannot be asked, or refuses.
    pub async fn bring_to(&self, size: u16, seen: &Seen) -> Result<(), EngineError> {
        let work = pick::work(&seen.tasks, usize::from(size), &seen.dark);
        for node in &work.start {
            self.shared.engine.start(&main_name(&self.shared.config.lab, node)).await?;
        }
        for node in work.end {
            self.end(node);
        }
        Ok(())
    }

    /// Tells a task to end. It first says so to those who check its health, and goes on serving
    /// until they have noticed.
    fn end(&self, node: String) {
        let ending = Arc::clone(&self.ending);
        ending.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone());
        let engine: Engine = self.shared.engine.clone();
        let container = main_name(&self.shared.config.lab, &node);
        let limit = self.drain + GRACE;
        tokio::spawn(async move {
            if let Err(e) = engine.stop(&container, limit).await {
                tracing::warn!(node, error = %e, "cannot end a task");
            }
            ending.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
        });
    }

    /// The tier as it is.
    ///
    /// # Errors
    /// Docker cannot be asked.
    pub async fn look(&self) -> Result<Seen, EngineError> {
        let config = &self.shared.config;
        let containers = self.shared.engine.containers().await?;
        let markers = markers_among(containers.values())?;
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let task = |node: &WatchedNode| {
            let state = containers.get(&main_name(&config.lab, &node.name)).map(|c| c.state);
            let held = markers.iter().any(|m| m.hold && m.nodes.contains(&node.name));
            let now = match state {
                _ if held => Now::Lost,
                _ if ending.contains(&node.name) => Now::Ends,
                Some(State::Running) => Now::Runs,
                Some(state) if state.is_at_rest() => Now::Rests,
                _ => Now::Lost,
            };
            Task { name: node.name.clone(), zone: node.zone.clone(), reserve: node.reserve, now }
        };
        let own = config.nodes.iter().filter(|n| n.tier == self.tier);
        let deploy = deploy_among(containers.values())?;
        let deploying = deploy.is_some_and(|d| d.tier == self.tier);
        let is_gone = |n: &&WatchedNode| !containers.contains_key(&main_name(&config.lab, &n.name));
        if !deploying {
            let gone = own.clone().filter(|n| n.reserve).filter(is_gone);
            self.tell_gone(gone.map(|n| n.name.clone()).collect());
        }
        Ok(Seen { tasks: own.map(task).collect(), dark: dark(&config.nodes, &markers), deploying })
    }

    /// Says by name which tasks in reserve are not there, once for each change.
    fn tell_gone(&self, gone: Vec<String>) {
        let mut told = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == gone {
            return;
        }
        told.clone_from(&gone);
        if !gone.is_empty() {
            let tier = self.tier.clone();
            self.shared.note(ControlEvent::ReserveGone { tier, nodes: gone });
        }
    }
}

/// The zones that faults have taken.
fn dark(nodes: &[WatchedNode], markers: &[Marker]) -> Vec<String> {
    let lost = markers.iter().filter(|m| matches!(m.fault, Fault::LoseZone(_)));
    let lost: BTreeSet<&String> = lost.flat_map(|m| &m.nodes).collect();
    let zones = nodes.iter().filter(|n| lost.contains(&n.name)).map(|n| n.zone.clone());
    zones.collect::<BTreeSet<_>>().into_iter().collect()
}
