//! Faults: what a stage file and a user can ask for. Which nodes are hit is decided when the fault is
//! injected, from the roles of that moment and the run's seed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::LONGEST_MS;
use super::short;

mod crowd;
mod database;
mod edges;
mod messages;
mod nodes;
mod releases;
mod stores;

pub use crowd::*;
pub use database::*;
pub use edges::*;
pub use messages::*;
pub use nodes::*;
pub use releases::*;
pub use stores::*;

/// A fault and when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = short::fault_schema)]
pub struct TimedFault {
    /// Milliseconds after the experiment's first fault.
    #[serde(default)]
    #[schemars(range(max = LONGEST_MS))]
    pub at_ms: u64,
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
}

/// One way to break things. The YAML field `fault` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// Kills a process inside a box; the box's own supervisor starts it again.
    KillProcess(KillProcess),
    /// Kills one node of a tier of kind `box`, `service`, `cdn`, `dns` or `etcd` (`kill-web`, `kill-box`).
    KillTask(KillTask),
    /// Kills a share of the tasks of a `service` tier at once.
    KillShare(KillShare),
    /// Puts a release in the place of the one that runs; the heal brings that one back.
    Deploy(DeployRelease),
    /// The same with a release that is bad, and has to be rolled back by itself.
    BadDeploy(DeployRelease),
    /// Stops what repairs, scales and watches: the rest must do without it.
    StopControlPlane(StopControlPlane),
    /// Kills the current primary of a `postgres` tier, or its only server.
    KillPrimary(KillPrimary),
    /// Freezes the primary and wakes it after `for_ms`: a zombie.
    PausePrimary(PausePrimary),
    /// Cuts the link between primary and standbys in both directions; both still see everyone else.
    CutReplication(CutReplication),
    /// Everything in a zone gone at once and silently, then back after `for_ms`.
    LoseZone(LoseZone),
    /// Kills an asynchronous read replica of a `postgres` tier.
    KillReplica(KillReplica),
    /// Lets the read replicas of a `postgres` tier follow only after a delay.
    ReplicaLag(ReplicaLag),
    /// Opens connections to a database and holds them, as many clients at once do.
    ConnectionStorm(ConnectionStorm),
    /// Kills the current primary of a `redis` tier.
    KillCache(KillCache),
    /// Kills one Sentinel of a `redis` tier.
    KillSentinel(KillSentinel),
    /// Empties a `redis` tier: everything cached is cold at once.
    FlushCache(FlushCache),
    /// Cuts a `cdn` tier off from its origin for pages; what it has cached stays.
    OriginDown(OriginDown),
    /// A managed service of an `aws` tier answers nothing; its data stay.
    Outage(Outage),
    /// The queue service of an `aws` tier answers nobody, or not one tier; its messages stay.
    QueueOutage(QueueOutage),
    /// Messages of a queue are delivered a second time.
    DuplicateDelivery(DuplicateDelivery),
    /// Sends messages that nobody can handle.
    PoisonMessage(PoisonMessage),
    /// Kills one worker after the other at random moments: between a message's receipt, its effect
    /// and its acknowledgement.
    KillWorker(KillWorker),
    /// Adds latency to every call that crosses an edge.
    SlowEdge(SlowEdge),
    /// Adds latency to every call of one managed service, and of no other.
    SlowDependency(SlowDependency),
    /// Cuts an edge: connections are closed, new ones are refused.
    CutEdge(CutEdge),
    /// Resets every connection that crosses an edge as soon as data flow.
    ResetEdge(CutEdge),
    /// Many clients ask for one object that is in no cache, all at the same moment.
    FlashCrowd(FlashCrowd),
    /// Few clients that send as much as they can, whatever they are answered.
    Flood(Flood),
    /// Much more of the stage's own traffic for a while.
    Spike(Spike),
}

impl Fault {
    /// The spelling in stage files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KillProcess(_) => "kill-process",
            Self::KillTask(_) => "kill-task",
            Self::KillShare(_) => "kill-share",
            Self::Deploy(_) => "deploy",
            Self::BadDeploy(_) => "bad-deploy",
            Self::StopControlPlane(_) => "stop-control-plane",
            Self::KillPrimary(_) => "kill-primary",
            Self::PausePrimary(_) => "pause-primary",
            Self::CutReplication(_) => "cut-replication",
            Self::LoseZone(_) => "lose-zone",
            Self::KillReplica(_) => "kill-replica",
            Self::ReplicaLag(_) => "replica-lag",
            Self::ConnectionStorm(_) => "connection-storm",
            Self::KillCache(_) => "kill-cache",
            Self::KillSentinel(_) => "kill-sentinel",
            Self::FlushCache(_) => "flush-cache",
            Self::OriginDown(_) => "origin-down",
            Self::Outage(_) => "outage",
            Self::QueueOutage(_) => "queue-outage",
            Self::DuplicateDelivery(_) => "duplicate-delivery",
            Self::PoisonMessage(_) => "poison-message",
            Self::KillWorker(_) => "kill-worker",
            Self::SlowEdge(_) => "slow-edge",
            Self::SlowDependency(_) => "slow-dependency",
            Self::CutEdge(_) => "cut-edge",
            Self::ResetEdge(_) => "reset-edge",
            Self::FlashCrowd(_) => "flash-crowd",
            Self::Flood(_) => "flood",
            Self::Spike(_) => "spike",
        }
    }
}
