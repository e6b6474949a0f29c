//! Executes a plan: in parallel along its dependencies, first failure stops what has not begun.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};

use super::permission::forbidden;
use super::probe::Ready;
use super::{Condition, Engine, EngineError, Starved};
use crate::plan::node::{NodeSpec, Probe};
use crate::plan::observed::ObservedNetwork;
use crate::plan::{Operation, Plan, main_name};

/// How many operations that make Docker work run at once. Starting containers is bound by CPU:
/// more than this gains nothing on two cores and delays the nodes that the others wait for.
const PARALLEL: usize = 4;
/// Longest wait for one node. A cluster from nothing needs 10 s on two busy cores.
const READY_LIMIT: Duration = Duration::from_secs(180);
/// Longest wait for a job: migrations read whole tables.
const JOB_LIMIT: Duration = Duration::from_secs(600);
/// Pause between two looks at a node that is not ready.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Pause between two questions to Docker whether a node that is not ready still lives.
const ALIVE_EVERY: Duration = Duration::from_millis(500);

/// What the executor reports while it works.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A step is done.
    Done {
        /// What it was, in words.
        what: String,
        /// How long it took.
        took: Duration,
    },
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executed {
    /// Steps done.
    pub steps: usize,
}

/// What the engine needs besides the plan.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The network to create, or the one that is there.
    pub network: ObservedNetwork,
    /// Image of the holders.
    pub holder_image: String,
}

impl Engine {
    /// Executes a plan. Stops at the first failure, after the steps under way have ended; what was
    /// done stays, and the next `up` continues from there.
    pub async fn execute(
        &self,
        plan: &Plan,
        around: &Surroundings,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Executed, EngineError> {
        let mut done = BTreeSet::new();
        let mut waiting: Vec<usize> = (0..plan.steps.len()).collect();
        let mut running = FuturesUnordered::new();
        let mut heavy = 0;
        let mut failure = None;
        loop {
            if failure.is_none() {
                waiting.retain(|&i| {
                    let step = &plan.steps[i];
                    let light = matches!(step.operation, Operation::AwaitReady { .. });
                    let free = light || heavy < PARALLEL;
                    let go = free && step.after.iter().all(|a| done.contains(a));
                    if go {
                        heavy += usize::from(!light);
                        running.push(async move {
                            let begun = Instant::now();
                            let result = self.perform(&step.operation, around).await;
                            (i, light, begun.elapsed(), result)
                        });
                    }
                    !go
                });
            }
            let Some((i, light, took, result)) = running.next().await else { break };
            heavy -= usize::from(!light);
            match result {
                Ok(()) => {
                    done.insert(i);
                    let what = plan.steps[i].operation.to_string();
                    progress(Progress::Done { what, took });
                }
                Err(e) => {
                    failure.get_or_insert(e);
                }
            }
            // A node that is not ready yet must not hide why another one failed.
            if failure.is_some() && heavy == 0 {
                break;
            }
        }
        failure.map_or(Ok(Executed { steps: done.len() }), Err)
    }

    async fn perform(
        &self,
        operation: &Operation,
        around: &Surroundings,
    ) -> Result<(), EngineError> {
        match operation {
            Operation::CreateNetwork => self.create_network(&around.network).await,
            Operation::Remove { container } => self.remove_container(container).await,
            Operation::RunHolder { node } => {
                self.run_holder(node, &around.holder_image).await?;
                // In a network that has just been made, before anything runs in it.
                if around.network.id.is_empty() {
                    self.must_reach(around.network.subnet, node.address).await?;
                }
                Ok(())
            }
            Operation::RunMain { node } => self.run_main(node).await,
            Operation::Start { container } => self.start(container).await,
            Operation::Unpause { container } => self.unpause(container).await,
            Operation::AwaitReady { node } if node.probe == Probe::Done => {
                self.await_ready(node, JOB_LIMIT).await
            }
            Operation::AwaitReady { node } => self.await_ready(node, READY_LIMIT).await,
        }
    }

    /// Why a node will never be ready.
    async fn death(&self, node: &NodeSpec, condition: Condition) -> EngineError {
        let log = self.log_tail(&main_name(&self.lab, &node.name), 20).await;
        let (name, tier) = (node.name.clone(), node.tier.clone());
        match condition.starved {
            Some(Starved { limit_mib }) => {
                EngineError::Starved { node: name, tier, limit_mib, log }
            }
            None => {
                // Ours have no rights, and need none.
                let cause = node.rights.as_ref().and_then(|_| forbidden(&log)).map(Box::new);
                EngineError::Died { node: name, tier, state: condition.state, cause, log }
            }
        }
    }

    /// Waits until a node's probe succeeds; fails at once when its container ends, or when something in
    /// it is killed for want of memory.
    pub async fn await_ready(&self, node: &NodeSpec, limit: Duration) -> Result<(), EngineError> {
        let begun = Instant::now();
        let mut asked = Instant::now();
        let container = main_name(&self.lab, &node.name);
        loop {
            let missing = match self.look(&node.name, node.address, &node.probe).await {
                Ready::Yes => return Ok(()),
                Ready::NotYet(missing) => missing,
            };
            if asked.elapsed() >= ALIVE_EVERY {
                asked = Instant::now();
                let condition = self.condition(&container).await?;
                if condition.ended || condition.starved.is_some() {
                    return Err(self.death(node, condition).await);
                }
            }
            if begun.elapsed() >= limit {
                return Err(EngineError::NotReady {
                    node: node.name.clone(),
                    seconds: begun.elapsed().as_secs_f64(),
                    missing,
                    log: self.log_tail(&container, 20).await,
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
