//! What is there: read from Docker, never remembered.

use std::collections::BTreeMap;

use super::layout::Subnet;
use super::node::Limits;

/// Label of a task in reserve: a scaling group or a queue decides when it runs.
pub const LABEL_RESERVE: &str = "lab.reserve";

/// Label of a main container with the identity of the image that it was made from: the name may stand for
/// another one by now.
pub const LABEL_IMAGE: &str = "lab.image";

/// Everything of one lab that Docker knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The lab's network, which exists for as long as the lab does.
    pub network: Option<ObservedNetwork>,
    /// Its containers, by container name.
    pub containers: BTreeMap<String, ObservedContainer>,
    /// Names of its volumes.
    pub volumes: Vec<String>,
    /// Nodes that run and do not answer as they should, with what is missing; empty when nobody asked.
    pub not_ready: BTreeMap<String, String>,
}

/// The network and what its labels say.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedNetwork {
    /// Docker's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Name of the stage that runs in it.
    pub stage: String,
    /// Hash of that stage's definition.
    pub definition: String,
    /// The whole stage as JSON.
    pub stage_json: String,
    /// The addresses.
    pub subnet: Subnet,
    /// Made anew for each lab; the components' passwords are derived from it.
    pub secret: String,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Docker's id.
    pub id: String,
    /// Name of the node it belongs to.
    pub node: String,
    /// Which part of the node it is.
    pub part: Part,
    /// Hash of the node's specification when it was created.
    pub spec: String,
    /// What it does now.
    pub state: State,
    /// Published ports of 127.0.0.1: container port and host port.
    pub ports: Vec<(u16, u16)>,
    /// Image it was made from.
    pub image: String,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// What only a look at the container itself shows.
    pub closely: Closely,
}

/// What Docker's list does not say of a container; nothing where it was only listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closely {
    /// When its main process was last started, in microseconds since the Unix epoch.
    pub started_us: Option<i64>,
    /// What it may use.
    pub limits: Option<Limits>,
    /// Of a holder that runs: whether it is in a network.
    pub attached: Option<bool>,
}

impl ObservedContainer {
    /// Whether it is a task in reserve that nobody wants to run now.
    pub fn rests_in_reserve(&self) -> bool {
        self.labels.contains_key(LABEL_RESERVE) && self.state.is_at_rest()
    }
}

/// The two containers of a node, and the markers of an active fault and of a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Owns the network namespace and the address.
    Holder,
    /// The component itself.
    Main,
    /// Never started: its labels say that a fault is active and how to undo it.
    Fault,
    /// Never started: its labels say that a release is being deployed.
    Deploy,
}

impl Part {
    /// The value of the label `lab.part`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Main => "main",
            Self::Fault => "fault",
            Self::Deploy => "deploy",
        }
    }

    /// Whether it belongs to a node; the others are notes.
    pub fn is_of_node(self) -> bool {
        matches!(self, Self::Holder | Self::Main)
    }

    /// Reads the value of the label `lab.part`.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Holder, Self::Main, Self::Fault, Self::Deploy].into_iter().find(|p| p.as_str() == s)
    }
}

/// A container's state as far as the planner cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Working.
    Running,
    /// Frozen.
    Paused,
    /// Created and never started: it may lack its configuration, which is put into it in between.
    Created,
    /// Exited because it was told to: with code 0.
    Ended,
    /// Exited otherwise.
    Stopped,
    /// Being removed, or beyond repair.
    Dead,
}

impl State {
    /// Whether its processes have ended, however that came.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Ended | Self::Stopped)
    }

    /// Whether a task that a scaling group may start is at rest: never started, or ended as told.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::Created | Self::Ended)
    }
}
