//! Faults: what a stage file and a user can ask for. Which nodes are hit is decided when the fault is
//! injected, from the roles of that moment and the run's seed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{LONGEST_MS, Name};
use super::short;

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
    /// Kills one node of a tier of kind `box` or `service` (`kill-web`, `kill-box`).
    KillTask(KillTask),
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
    /// Empties a `redis` tier: everything cached is cold at once.
    FlushCache(FlushCache),
    /// Cuts a `cdn` tier off from its origin for pages; what it has cached stays.
    OriginDown(OriginDown),
    /// A managed service of an `aws` tier answers nothing; its data stay.
    Outage(Outage),
    /// Adds latency to every call that crosses an edge.
    SlowEdge(SlowEdge),
    /// Cuts an edge: connections are closed, new ones are refused.
    CutEdge(CutEdge),
    /// Resets every connection that crosses an edge as soon as data flow.
    ResetEdge(CutEdge),
    /// Many clients ask for one object that is in no cache, all at the same moment.
    FlashCrowd(FlashCrowd),
}

impl Fault {
    /// The spelling in stage files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KillProcess(_) => "kill-process",
            Self::KillTask(_) => "kill-task",
            Self::KillPrimary(_) => "kill-primary",
            Self::PausePrimary(_) => "pause-primary",
            Self::CutReplication(_) => "cut-replication",
            Self::LoseZone(_) => "lose-zone",
            Self::KillReplica(_) => "kill-replica",
            Self::ReplicaLag(_) => "replica-lag",
            Self::ConnectionStorm(_) => "connection-storm",
            Self::KillCache(_) => "kill-cache",
            Self::FlushCache(_) => "flush-cache",
            Self::OriginDown(_) => "origin-down",
            Self::Outage(_) => "outage",
            Self::SlowEdge(_) => "slow-edge",
            Self::CutEdge(_) => "cut-edge",
            Self::ResetEdge(_) => "reset-edge",
            Self::FlashCrowd(_) => "flash-crowd",
        }
    }
}

/// Parameters of `kill-process`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KillProcess {
    /// A tier of kind `box`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Which process.
    pub process: BoxProcess,
}

/// A process in a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoxProcess {
    /// The web server.
    Nginx,
    /// The application.
    App,
    /// The database.
    Postgres,
}

/// How a node dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The process dies on a living host: connections are reset and refused.
    #[default]
    Crash,
    /// The host is gone: nothing answers any more.
    Silent,
}

/// Parameters of `kill-task`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillTask {
    /// A tier of kind `service` or `box`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Kill one in this zone; any when absent (chosen by the seed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost. Absent: the control plane may replace it at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-primary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillPrimary {
    /// A tier of kind `postgres`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `pause-primary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PausePrimary {
    /// A tier of kind `postgres`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long it stays frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `cut-replication`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CutReplication {
    /// A tier of kind `postgres` with at least two nodes; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long the link stays cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `lose-zone`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoseZone {
    /// The zone; the zone of the current primary, or the first one, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How long the zone stays dark.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-replica`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillReplica {
    /// A tier of kind `postgres` with replicas; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Kill one in this zone; any when absent (chosen by the seed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `replica-lag`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicaLag {
    /// A tier of kind `postgres` with replicas; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How far behind the primary its replicas then are (10 s when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub lag_ms: Option<u64>,
    /// How long that lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `connection-storm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionStorm {
    /// A tier of kind `postgres` or `database-proxy`: the one that applications connect to when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How many connections are opened (200 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub connections: Option<u16>,
    /// How long they are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillCache {
    /// A tier of kind `redis`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `flush-cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlushCache {
    /// A tier of kind `redis`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
}

/// Parameters of `origin-down`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OriginDown {
    /// A tier of kind `cdn`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long it stays cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `outage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// A tier of kind `aws`; the stage's only one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// The service, such as `s3`. Services of one emulator fail together.
    pub service: Name,
    /// How long it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `slow-edge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowEdge {
    /// The calling tier.
    pub from: Name,
    /// The called tier.
    pub to: Name,
    /// What every answer takes longer (200 ms when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub latency_ms: Option<u64>,
    /// How much that varies to either side.
    #[serde(default)]
    #[schemars(range(max = LONGEST_MS))]
    pub jitter_ms: u64,
    /// How long it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `cut-edge` and `reset-edge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CutEdge {
    /// The calling tier.
    pub from: Name,
    /// The called tier.
    pub to: Name,
    /// How long it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `flash-crowd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlashCrowd {
    /// How many clients ask (1000 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub requests: Option<u16>,
    /// The path they ask for (`/products/1` when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// They have a session, so that an edge cache passes each of them on, and what stands behind it
    /// takes the crowd.
    pub signed_in: bool,
}

/// What a network proxy can do to the connections of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Toxic {
    /// Every answer comes later, by the latency plus or minus the jitter.
    Latency {
        /// Milliseconds.
        latency_ms: u32,
        /// Milliseconds.
        jitter_ms: u32,
    },
    /// Open connections end, new ones are refused.
    Cut,
    /// Connections are reset as soon as an answer is due.
    Reset,
}

/// A route of a network proxy that a fault makes suffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoisonedRoute {
    /// The proxy's node.
    pub node: Name,
    /// Where its interface answers.
    pub api: std::net::SocketAddrV4,
    /// The route's name there.
    pub route: String,
    /// What it suffers.
    pub toxic: Toxic,
}
