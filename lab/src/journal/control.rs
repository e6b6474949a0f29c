//! What the control plane, and who deploys, saw and did.

use serde::{Deserialize, Serialize};

use super::Micros;

/// What the control plane saw or did; `node` is a node's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "kebab-case")]
pub enum ControlEvent {
    /// The control plane began to work.
    Started,
    /// A node stopped answering.
    Detected {
        /// The node.
        node: String,
        /// What was seen.
        how: String,
    },
    /// A node, or a process in it, was killed for want of memory.
    OutOfMemory {
        /// The node.
        node: String,
        /// Its limit in MiB; none when it was the machine that had no more.
        limit_mib: Option<u64>,
    },
    /// A dead database node can no longer be primary.
    Fenced {
        /// The node.
        node: String,
    },
    /// A node became primary.
    Promoted {
        /// The node.
        node: String,
    },
    /// A failed task or node was started again.
    Replaced {
        /// The node.
        node: String,
    },
    /// A node answers again.
    Recovered {
        /// The node.
        node: String,
    },
    /// The program of a node that keeps everything in memory runs since some moment: what it holds, it
    /// holds since then. Told when it is seen first, when that has changed, and from time to time.
    Began {
        /// The node.
        node: String,
        /// When its program was started.
        since: Micros,
    },
    /// The machine itself stood still, until the moment of this entry.
    Stalled {
        /// What of it.
        part: StalledPart,
        /// Since when.
        since: Micros,
    },
    /// An alarm went on or off.
    Alarm {
        /// Its name.
        name: String,
        /// Whether it is on now.
        on: bool,
    },
    /// Database nodes have another capacity.
    Resized {
        /// The nodes.
        nodes: Vec<String>,
        /// The capacity so far, in halves of a unit.
        from_half_units: u16,
        /// The capacity from now on.
        to_half_units: u16,
        /// Why.
        why: String,
    },
    /// A release begins to take the place of another.
    Deploying {
        /// The tier.
        tier: String,
        /// The release that runs.
        from: String,
        /// The release that is to run.
        to: String,
    },
    /// The new release has another share of the traffic.
    Shifted {
        /// The tier.
        tier: String,
        /// The new release.
        release: String,
        /// Its share.
        percent: u8,
    },
    /// The release runs, alone.
    Deployed {
        /// The tier.
        tier: String,
        /// The release.
        release: String,
    },
    /// All traffic is back on the release from before.
    RolledBack {
        /// The tier.
        tier: String,
        /// The release that was not good enough.
        release: String,
        /// The release from before.
        to: String,
        /// Why.
        why: String,
        /// Whoever deployed wanted it back, and nobody found anything wrong with it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hand: bool,
    },
    /// A container of a node was removed by somebody else, at the moment of this entry, and nobody has made
    /// it anew.
    Removed {
        /// The node.
        node: String,
    },
    /// Something that only a fault does was found and undone, and no fault on record explains it.
    Stray {
        /// The node.
        node: String,
        /// What was found.
        what: String,
    },
    /// Tasks that a scaling group or a queue may need are not there.
    ReserveGone {
        /// The tier.
        tier: String,
        /// The tasks.
        nodes: Vec<String>,
    },
    /// A scaling group shall have another number of tasks.
    Scaled {
        /// The tier.
        tier: String,
        /// The number so far.
        from: u16,
        /// The number from now on.
        to: u16,
        /// Why.
        why: String,
    },
}

impl ControlEvent {
    /// What people should know of it who did not ask for it, in words; nothing for everyday events.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Removed { node } => Some(format!("{node} was removed by somebody else")),
            Self::Stray { node, what } => {
                Some(format!("{what} on {node}, undone: no fault on record explains it"))
            }
            Self::ReserveGone { tier, nodes } => Some(format!(
                "{tier} cannot grow: {} in reserve gone; `lab up` makes anew: {}",
                if nodes.len() == 1 { "a task is" } else { "tasks are" },
                nodes.join(", ")
            )),
            _ => None,
        }
    }
}

/// What of the machine stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StalledPart {
    /// A write to the disk took much longer than it does.
    Disk,
    /// A process that wanted to run was let run much later.
    Processor,
    /// The control plane was not let run at all, although the processors were free: it was frozen.
    ControlPlane,
}
