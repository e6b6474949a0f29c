//! The types of a stage: what one YAML file in `stages/` means once it is parsed and valid.
//!
//! Every field here has one spelling in YAML (`snake_case` keys, `kebab-case` values), and
//! the JSON Schema of `lab schema` is generated from these types, limits included. Times are `_ms` in
//! YAML. Rules that need more than one field are in `validate`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::short;
use super::workload::Workload;

mod aws;
mod balancing;
mod cache;
mod capacity;
mod cdn;
mod compute;
mod container;
mod database;
mod dns;
mod experiment;
mod front_door;
mod gateway;
mod messaging;
mod objectives;
mod observability;
mod release;
mod rights;
mod traffic;

pub use super::fault::*;
pub use aws::*;
pub use balancing::*;
pub use cache::*;
pub use capacity::*;
pub use cdn::*;
pub use compute::*;
pub use container::*;
pub use database::*;
pub use dns::*;
pub use experiment::*;
pub use front_door::*;
pub use gateway::*;
pub use messaging::*;
pub use objectives::*;
pub use observability::*;
pub use release::*;
pub use rights::*;
pub use traffic::*;

/// The name of a stage, tier, zone or region: lower-case letters, digits and `-`, starting
/// with a letter, at most 24 characters (it becomes part of container names).
pub type Name = String;

/// [`Name`] as a regular expression, for the JSON Schema.
pub const NAME_PATTERN: &str = "^[a-z][a-z0-9-]{0,23}$";

/// The pattern of experiment names: as [`NAME_PATTERN`] with up to 40 characters, because they are
/// sentences in short and never part of a container name.
pub const EXPERIMENT_PATTERN: &str = "^[a-z][a-z0-9-]{0,39}$";

/// Longest time that a stage file may ask for (10 minutes): a run that nobody waits for proves
/// nothing.
pub const LONGEST_MS: u64 = 600_000;

/// Most requests per second that one machine is asked for: where the load generator was measured to
/// collapse on two cores.
pub const MOST_PER_S: u32 = 20_000;

/// One architecture at one stage of growth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The stage's own name, such as `stage-1k`.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub stage: Name,
    /// One line for `lab list`.
    #[schemars(length(min = 1))]
    pub title: String,
    /// How many users the architecture is meant for; the derived peak follows from it.
    #[schemars(range(min = 1, max = 10_000_000_000_u64))]
    pub users: u64,
    /// What this stage adds and why, in a few sentences.
    #[schemars(length(min = 1))]
    pub intent: String,
    /// What the stage before could not do: the reason this stage exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Failure domains. At least one region with at least one zone.
    #[schemars(length(min = 1))]
    pub regions: Vec<Region>,
    /// Waiting times of emulated services are divided by this (1 = the provider's own clock).
    #[serde(default = "one")]
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
    pub time_scale: f64,
    /// The layers, in the order of a request's way through them.
    #[schemars(transform = short::tier_names)]
    pub tiers: IndexMap<Name, Tier>,
    /// Which tier calls which.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// Whether calls go through network proxies along every edge that can, unless the edge says
    /// otherwise.
    #[serde(default)]
    pub faultable_edges: bool,
    /// Functional split of the data (`stage-10m`): function name to the tier that holds it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub federation: IndexMap<Name, Name>,
    /// What the provider's own machinery does in this stage.
    #[serde(default)]
    pub control_plane: ControlPlane,
    /// Traces, and who else gets them.
    #[serde(default, skip_serializing_if = "Observability::is_default")]
    pub observability: Observability,
    /// The traffic that users send.
    pub traffic: Traffic,
    /// What clients do and what they were promised, or the path of a file beside this one that says it; the demo
    /// shop's own traffic when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "workload_schema")]
    pub workload: Option<Box<Workload>>,
    /// What users were promised.
    pub objectives: Objectives,
    /// What is broken on purpose, and what must hold. Nothing when absent.
    #[serde(default)]
    #[schemars(transform = short::experiment_names)]
    pub experiments: IndexMap<Name, Experiment>,
}

fn workload_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let inline = generator.subschema_for::<Workload>();
    schemars::json_schema!({
        "description": "What clients do and what they were promised, or the path of a file beside this one that says it; the demo shop's own traffic when absent.",
        "anyOf": [inline, { "type": "string", "minLength": 1 }]
    })
}

/// A region and its zones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Such as `eu`.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: Name,
    /// Such as `[a, b, c]`; a zone name is unique across regions.
    #[schemars(length(min = 1), inner(regex(pattern = NAME_PATTERN)))]
    pub zones: Vec<Name>,
}

/// One layer of the architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = short::tier_schema)]
pub struct Tier {
    /// What the tier is; decides which further fields there are.
    #[serde(flatten)]
    pub kind: Kind,
    /// Zone name to number of nodes in it. A short list `[a, b]` means one node in each. Every kind
    /// needs it but `aws`, which is regional, and `cdn`, which is global without it.
    #[serde(
        default,
        deserialize_with = "short::zones",
        skip_serializing_if = "IndexMap::is_empty"
    )]
    #[schemars(transform = short::zones_schema)]
    pub zones: IndexMap<Name, u16>,
    /// CPU and memory of each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Port of 127.0.0.1 on which the first node answers; the n-th node answers on the n-th port
    /// from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub publish: Option<u16>,
    /// Tiers that must work before a node of this one begins; jobs must have ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Name>,
    /// What the tier is for, shown by `lab show`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a tier can be. The YAML field `kind` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Web server, application and, if asked for, database in one container.
    Box(BoxKind),
    /// Tasks of a container image that speak HTTP.
    Service(Service),
    /// nginx with health checks that take dead targets out.
    LoadBalancer(LoadBalancer),
    /// nginx that refuses what is more than clients may send.
    ApiGateway(ApiGateway),
    /// PostgreSQL: one server, or a cluster under Patroni.
    Postgres(Postgres),
    /// The coordination store that Patroni keeps its leader lease in.
    Etcd(Etcd),
    /// Redis with replicas, and Sentinels that decide which server is the primary.
    Redis(Redis),
    /// Managed services of a region, emulated.
    Aws(Aws),
    /// Pools connections to a database and follows its primary.
    DatabaseProxy(DatabaseProxy),
    /// nginx that keeps answers of its origins at the edge.
    Cdn(Cdn),
    /// PowerDNS that answers only what is healthy.
    Dns(Dns),
    /// Containers of any image.
    Container(Container),
}

/// "Tier `from` calls tier `to`".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The caller.
    pub from: Name,
    /// The called.
    pub to: Name,
    /// Whether latency, resets and the like can be injected here: the calls then go through a network
    /// proxy in the caller's zone. The stage's `faultable_edges` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faultable: Option<bool>,
}

/// CPU and memory of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Cores, such as 0.25 or 2; Docker does not divide one further than 0.01.
    #[schemars(range(min = 0.01, max = 1024))]
    pub cpus: f64,
    /// Memory limit in MiB.
    #[schemars(range(min = 32, max = 1_048_576))]
    pub memory_mib: u64,
}

/// What the control plane does in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ControlPlane {
    /// Starts failed tasks and nodes again.
    pub replace: bool,
    /// Fences a database node whose death is confirmed, which shortens the fail-over.
    pub fence: bool,
    /// How long a database node must be dead before it is fenced, in milliseconds.
    #[schemars(range(max = LONGEST_MS))]
    pub fence_after_ms: u64,
    /// Requests per second of the canary.
    #[schemars(range(max = MOST_PER_S))]
    pub canary_per_s: u32,
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self { replace: true, fence: true, fence_after_ms: 500, canary_per_s: 20 }
    }
}

fn one() -> f64 {
    1.0
}
