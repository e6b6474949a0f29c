//! The planner: a pure function of (what should be, what is) to an ordered list of operations,
//! each with its cause. The plan is what `--dry-run` prints and what the engine executes.

pub mod layout;
pub mod names;
pub mod node;
pub mod observed;
pub mod ports;
mod queue_at;
pub mod releases;
pub mod subnet;
mod wanted;

pub use names::{
    CONTROL, deploy_name, fault_name, holder_name, is_named_by, main_name, network_name,
    volume_name,
};
pub use queue_at::QueueAt;
pub use wanted::{Resource, Wanted};

use std::fmt;

use node::NodeSpec;
use observed::{Observed, ObservedContainer, State};

/// What should be.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Name of the lab; the prefix of all its names.
    pub lab: String,
    /// Every node, the control plane included.
    pub nodes: Vec<NodeSpec>,
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

    fn push(&mut self, operation: Operation, cause: &str, after: Vec<usize>) -> usize {
        self.steps.push(Step { operation, cause: cause.into(), after });
        self.steps.len() - 1
    }
}

/// The operations that turn `observed` into `desired`. Empty when nothing differs.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let network = match &observed.network {
        Some(_) => None,
        None => Some(plan.push(Operation::CreateNetwork, "it does not exist", vec![])),
    };
    let mut removals = remove_strangers(desired, observed, &mut plan);
    removals.extend(network);

    let mut nodes: Vec<&NodeSpec> = desired.nodes.iter().collect();
    nodes.sort_by_key(|n| n.priority);
    let mut touched = Vec::new();
    for node in nodes {
        if let Some(step) = plan_node(&desired.lab, node, observed, &removals, &mut plan) {
            touched.push((node, step));
        }
    }
    for (node, step) in touched {
        if node.reserve {
            continue;
        }
        plan.push(
            Operation::AwaitReady { node: Box::new(node.clone()) },
            "it was started",
            vec![step],
        );
    }
    plan
}

/// Containers of ours that the stage does not know (a changed stage file, an older version).
fn remove_strangers(desired: &Desired, observed: &Observed, plan: &mut Plan) -> Vec<usize> {
    let known = |c: &ObservedContainer| desired.nodes.iter().any(|n| n.name == c.node);
    observed
        .containers
        .iter()
        .filter(|(_, c)| c.part.is_of_node() && !known(c))
        .map(|(name, _)| {
            plan.push(Operation::Remove { container: name.clone() }, "not in the stage", vec![])
        })
        .collect()
}

/// The steps for one node; returns the last one, or `None` when the node is as it should be.
fn plan_node(
    lab: &str,
    node: &NodeSpec,
    observed: &Observed,
    before: &[usize],
    plan: &mut Plan,
) -> Option<usize> {
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
        .or_else(|| (holder.is_none() && main.is_some()).then_some("its network is gone"));
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
    let cause = rebuild.unwrap_or("it does not exist");
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
    let restarted_namespace = holder_step.is_some() && rebuild.is_none() && holder.is_some();
    after.extend(holder_step);
    match main.map(|c| c.state) {
        None => Some(plan.push(Operation::RunMain { node: boxed() }, cause, after)),
        Some(state) if node.reserve && state.is_at_rest() => None,
        // An `up` that was interrupted may have left it without its configuration.
        Some(State::Created) => {
            let op = Operation::Remove { container: main_name };
            let removed = plan.push(op, "it was never started", vec![]);
            after.push(removed);
            let op = Operation::RunMain { node: boxed() };
            Some(plan.push(op, "it was never started", after))
        }
        // A main container that outlived its holder sits in a namespace without a network.
        Some(State::Running | State::Paused) if restarted_namespace => {
            let op = Operation::Remove { container: main_name };
            let removed = plan.push(op, "its network was restarted", vec![]);
            after.push(removed);
            let op = Operation::RunMain { node: boxed() };
            Some(plan.push(op, "its network was restarted", after))
        }
        Some(State::Running) => None,
        Some(State::Paused) => {
            Some(plan.push(Operation::Unpause { container: main_name }, "it is frozen", after))
        }
        Some(State::Ended | State::Stopped | State::Dead) => {
            Some(plan.push(Operation::Start { container: main_name }, "it is stopped", after))
        }
    }
}

#[cfg(test)]
mod tests;
