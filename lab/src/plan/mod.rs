//! The planner: a pure function of (what should be, what is) to an ordered list of operations,
//! each with its cause. The plan is what `--dry-run` prints and what the engine executes.

pub mod ailment;
pub mod layout;
pub mod names;
mod needs;
pub mod node;
pub mod observed;
pub mod ports;
mod queue_at;
pub mod releases;
pub mod subnet;
mod wanted;

pub use names::{
    CONTROL, deploy_name, fault_name, holder_name, is_of_an_earlier_version, main_name,
    network_name, nth_volume_name, shared_volume_name, volume_name,
};
pub use queue_at::QueueAt;
pub use wanted::{Resource, Wanted};

use std::collections::BTreeMap;
use std::fmt;

use node::{NodeSpec, Probe};
use observed::{LABEL_IMAGE, Observed, ObservedContainer, Part, State};

/// What should be.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Name of the lab; the prefix of all its names.
    pub lab: String,
    /// Every node, the control plane included.
    pub nodes: Vec<NodeSpec>,
    /// What the names of images stand for at this moment, by name; what is not in here is not compared.
    pub images: BTreeMap<String, String>,
}

/// An ordered list of operations; each step's `after` names earlier steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One operation with its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub operation: Operation,
    /// Why.
    pub cause: String,
    /// Steps, by index, that must have succeeded before.
    pub after: Vec<usize>,
}

/// What the engine can be told to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Creates the lab's network.
    CreateNetwork,
    /// Removes a container of ours.
    Remove {
        /// Container name.
        container: String,
    },
    /// Creates and starts the container that owns a node's network namespace.
    RunHolder {
        /// The node.
        node: Box<NodeSpec>,
    },
    /// Creates a node's main container, and starts it unless it is in reserve.
    RunMain {
        /// The node.
        node: Box<NodeSpec>,
    },
    /// Starts a container that exists.
    Start {
        /// Container name.
        container: String,
    },
    /// Wakes a frozen container.
    Unpause {
        /// Container name.
        container: String,
    },
    /// Waits until the node's probe succeeds.
    AwaitReady {
        /// The node.
        node: Box<NodeSpec>,
    },
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateNetwork => write!(f, "create network"),
            Self::Remove { container } => write!(f, "remove {container}"),
            Self::RunHolder { node } => {
                write!(f, "create {} network ({})", node.name, node.address)
            }
            Self::RunMain { node } if node.reserve => {
                write!(f, "create {} ({}, in reserve)", node.name, node.kind)
            }
            Self::RunMain { node } => write!(f, "create {} ({})", node.name, node.kind),
            Self::Start { container } => write!(f, "start {container}"),
            Self::Unpause { container } => write!(f, "wake {container}"),
            Self::AwaitReady { node } => write!(f, "await {}", node.name),
        }
    }
}

impl Plan {
    /// Whether anything would change.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What is repaired, or waited for, and why, one line for each; nothing of what is made for the first
    /// time.
    pub fn repairs(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let repairs = self.steps.iter().filter(|s| s.cause != ABSENT && s.cause != STARTED);
        for step in repairs {
            let line = match &step.operation {
                Operation::Remove { container } if step.cause == RENAMED => {
                    format!("{container}: {}", step.cause)
                }
                Operation::CreateNetwork | Operation::Remove { .. } => continue,
                Operation::RunHolder { node }
                | Operation::RunMain { node }
                | Operation::AwaitReady { node } => format!("{}: {}", node.name, step.cause),
                Operation::Start { container } | Operation::Unpause { container } => {
                    format!("{container}: {}", step.cause)
                }
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn push(&mut self, operation: Operation, cause: &str, after: Vec<usize>) -> usize {
        self.steps.push(Step { operation, cause: cause.into(), after });
        self.steps.len() - 1
    }
}

/// Cause of what is made for the first time.
const ABSENT: &str = "it does not exist";
/// Cause of removing what no name leads to.
const RENAMED: &str = "it was renamed";
/// Cause of waiting for what a step before has started.
const STARTED: &str = "it was started";

/// The operations that turn `observed` into `desired`. Empty when nothing differs.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let network = match &observed.network {
        Some(_) => None,
        None => Some(plan.push(Operation::CreateNetwork, ABSENT, vec![])),
    };
    let mut removals = remove_strangers(desired, observed, &mut plan);
    removals.extend(network);

    let mut ready: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for nodes in needs::in_turns(&desired.nodes) {
        turn(desired, &nodes, observed, &removals, &mut ready, &mut plan);
    }
    plan
}

/// The steps for nodes that wait for none of each other, and the steps after which they are ready.
fn turn<'a>(
    desired: &'a Desired,
    nodes: &[&'a NodeSpec],
    observed: &Observed,
    removals: &[usize],
    ready: &mut BTreeMap<&'a str, Vec<usize>>,
    plan: &mut Plan,
) {
    let mut touched = Vec::new();
    let mut waited_for = Vec::new();
    for node in nodes {
        let needed = node.needs.iter().filter_map(|tier| ready.get(tier.as_str())).flatten();
        let needed: Vec<usize> = needed.copied().collect();
        match plan_node(desired, node, observed, removals, &needed, plan) {
            Some(step) => touched.push((*node, step)),
            None => waited_for.extend(observed.not_ready.get(&node.name).map(|why| (*node, why))),
        }
    }
    for (node, step) in touched.into_iter().filter(|(node, _)| !node.reserve) {
        let await_ready = Operation::AwaitReady { node: Box::new(node.clone()) };
        ready.entry(&node.tier).or_default().push(plan.push(await_ready, STARTED, vec![step]));
    }
    // Nothing is done to them: they start, or the control plane looks after them.
    for (node, missing) in waited_for {
        let await_ready = Operation::AwaitReady { node: Box::new(node.clone()) };
        let step = plan.push(await_ready, &format!("it is not ready: {missing}"), vec![]);
        ready.entry(&node.tier).or_default().push(step);
    }
}

/// Containers of ours that the stage does not know (a changed stage file, an older version).
fn remove_strangers(desired: &Desired, observed: &Observed, plan: &mut Plan) -> Vec<usize> {
    let known = |c: &ObservedContainer| desired.nodes.iter().any(|n| n.name == c.node);
    let named = |name: &str, c: &ObservedContainer| match c.part {
        Part::Holder => name == holder_name(&desired.lab, &c.node),
        _ => name == main_name(&desired.lab, &c.node),
    };
    let of_nodes = observed.containers.iter().filter(|(_, c)| c.part.is_of_node());
    let strangers = of_nodes.filter_map(|(name, c)| match (known(c), named(name, c)) {
        (false, _) => Some((name, "not in the stage")),
        // Nothing would find it, and it keeps the node's ports.
        (true, false) => Some((name, RENAMED)),
        (true, true) => None,
    });
    strangers
        .map(|(name, cause)| {
            plan.push(Operation::Remove { container: name.clone() }, cause, vec![])
        })
        .collect()
}

/// The steps for one node; returns the last one, or `None` when the node is as it should be.
fn plan_node(
    desired: &Desired,
    node: &NodeSpec,
    observed: &Observed,
    before: &[usize],
    needed: &[usize],
    plan: &mut Plan,
) -> Option<usize> {
    let lab = &desired.lab;
    let (holder_name, main_name) = (holder_name(lab, &node.name), main_name(lab, &node.name));
    let find = |name: &str| observed.containers.get(name);
    let (holder, main) = (find(&holder_name), find(&main_name));

    // A changed node, or one whose namespace is gone for good, is made anew as a whole: the main
    // container refers to its holder by id.
    let stale = |c: Option<&ObservedContainer>, wanted: &str| {
        c.and_then(|c| match c.state {
            State::Dead => Some("it is dead"),
            _ if c.spec != wanted => Some("its definition changed"),
            _ => None,
        })
    };
    let rebuild = stale(holder, &node.holder_hash())
        .or_else(|| stale(main, &node.hash()))
        .or_else(|| (holder.is_none() && main.is_some()).then_some("its network is gone"))
        .or_else(|| {
            let is_cut = holder.is_some_and(|h| h.closely.attached == Some(false));
            is_cut.then_some("it was taken out of the network")
        });
    let mut after = before.to_vec();
    if let Some(cause) = rebuild {
        for (name, there) in [(&main_name, main), (&holder_name, holder)] {
            if there.is_some() {
                let op = Operation::Remove { container: name.clone() };
                after.push(plan.push(op, cause, vec![]));
            }
        }
    }
    let (holder, main) = if rebuild.is_some() { (None, None) } else { (holder, main) };

    let boxed = || Box::new(node.clone());
    let cause = rebuild.unwrap_or(ABSENT);
    let holder_step = match holder.map(|c| c.state) {
        None => Some(plan.push(Operation::RunHolder { node: boxed() }, cause, after.clone())),
        Some(State::Running) => None,
        Some(State::Paused) => {
            let op = Operation::Unpause { container: holder_name };
            Some(plan.push(op, "it is frozen", after.clone()))
        }
        // A holder has no configuration.
        Some(State::Created | State::Ended | State::Stopped | State::Dead) => {
            let op = Operation::Start { container: holder_name };
            Some(plan.push(op, "it is stopped", after.clone()))
        }
    };
    let restarts = holder_step.is_some() && rebuild.is_none() && holder.is_some();
    after.extend(holder_step);
    after.extend(needed);
    if let Some(cause) = main.and_then(|main| anew(desired, node, holder, main, restarts)) {
        after.push(plan.push(Operation::Remove { container: main_name }, cause, vec![]));
        return Some(plan.push(Operation::RunMain { node: boxed() }, cause, after));
    }
    match main.map(|c| c.state) {
        None => Some(plan.push(Operation::RunMain { node: boxed() }, cause, after)),
        Some(state) if node.reserve && state.is_at_rest() => None,
        // It has done what it was there for.
        Some(State::Ended) if node.probe == Probe::Done => None,
        Some(State::Running) => None,
        Some(State::Paused) => {
            Some(plan.push(Operation::Unpause { container: main_name }, "it is frozen", after))
        }
        Some(State::Created | State::Ended | State::Stopped | State::Dead) => {
            Some(plan.push(Operation::Start { container: main_name }, "it is stopped", after))
        }
    }
}

/// Why a main container is made anew while its holder stays.
fn anew(
    desired: &Desired,
    node: &NodeSpec,
    holder: Option<&ObservedContainer>,
    main: &ObservedContainer,
    holder_restarts: bool,
) -> Option<&'static str> {
    let image = main.labels.get(LABEL_IMAGE).zip(desired.images.get(&node.image));
    if image.is_some_and(|(made_from, now)| made_from != now) {
        return Some("its image was built anew");
    }
    match main.state {
        // An `up` that was interrupted may have left it without its configuration.
        State::Created if !node.reserve => Some("it was never started"),
        // A main container that outlived its holder sits in a namespace without a network.
        State::Running | State::Paused => {
            let outlived = holder.is_some_and(|h| ailment::outlived(h, main).is_some());
            (holder_restarts || outlived).then_some("its network was restarted")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
