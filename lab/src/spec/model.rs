//! The types of a stage: what one YAML file in `stages/` means once it is parsed and valid.
//!
//! Every field here has one spelling in YAML (`snake_case` keys, `kebab-case` values), and
//! the JSON Schema of `lab schema` is generated from these types, limits included. Times are `_ms` in
//! YAML. Rules that need more than one field are in `validate`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::short;

pub use super::fault::*;

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
    #[schemars(range(min = 1))]
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
    #[schemars(extend("exclusiveMinimum" = 0))]
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
    /// The traffic that users send.
    pub traffic: Traffic,
    /// What users were promised.
    pub objectives: Objectives,
    /// What is broken on purpose, and what must hold.
    #[schemars(transform = short::experiment_names)]
    pub experiments: IndexMap<Name, Experiment>,
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
}

/// One box: nginx and the application in one container, with PostgreSQL in it or beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BoxKind {
    /// The `postgres` tier that the application uses; without it PostgreSQL runs in the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Name>,
    /// Habits of the application.
    pub habits: Habits,
}

/// Tasks of a container image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `app` for the demo application, or the name of any local image.
    #[serde(default = "app_image")]
    #[schemars(length(min = 1))]
    pub image: String,
    /// Port on which a task answers HTTP.
    #[serde(default = "service_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Path that answers 200 while the task is alive.
    #[serde(default = "health_path")]
    pub health: String,
    /// The `postgres` tier whose addresses the tasks receive, or the `database-proxy` before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Name>,
    /// The `redis` tier whose Sentinels the tasks ask for the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Name>,
    /// The `aws` tier whose endpoints the tasks receive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Name>,
    /// Where the demo application keeps carts.
    #[serde(default)]
    pub carts: Carts,
    /// Bucket of object storage in which the demo application keeps front end and product images;
    /// needs `aws` with `s3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub assets_bucket: Option<Name>,
    /// Further environment variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Habits of the demo application, each of which can be switched off.
    #[serde(default)]
    pub habits: Habits,
}

/// Where the demo application keeps carts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Carts {
    /// In the relational database.
    #[default]
    Database,
    /// In a key-value table; needs `aws` with `dynamodb`.
    Dynamodb,
}

/// The good habits of the application; switch one off to see what it was worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Habits {
    /// Retries of a failed database operation, with jitter, inside the budget below.
    pub retries: bool,
    /// Idempotency keys: a repeated write has one effect.
    pub idempotency: bool,
    /// Reads go to read replicas, where the database has some.
    pub read_split: bool,
    /// Nobody is shown less than they wrote or saw before.
    pub read_your_writes: bool,
    /// Sessions and results are cached, where there is a cache.
    pub cache: bool,
    /// Of many who miss the same cached value, one asks the database.
    pub stampede_protection: bool,
    /// A value that has run out is served where asking for a new one fails.
    pub serve_stale: bool,
    /// A part that fails again and again is left alone for a while.
    pub circuit_breaker: bool,
    /// How long one request may keep trying, in milliseconds.
    #[schemars(range(max = LONGEST_MS))]
    pub retry_budget_ms: u64,
    /// Longest wait for a connection to the database, in milliseconds.
    #[schemars(range(max = LONGEST_MS))]
    pub connect_timeout_ms: u64,
    /// Longest wait for one statement, in milliseconds.
    #[schemars(range(max = LONGEST_MS))]
    pub statement_timeout_ms: u64,
    /// Connections each task keeps to the database.
    #[schemars(range(min = 1))]
    pub pool_size: u16,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            retries: true,
            idempotency: true,
            read_split: true,
            read_your_writes: true,
            cache: true,
            stampede_protection: true,
            serve_stale: true,
            circuit_breaker: true,
            retry_budget_ms: 4000,
            connect_timeout_ms: 200,
            statement_timeout_ms: 1000,
            pool_size: 8,
        }
    }
}

/// A layer 7 load balancer. Defaults follow the documented health check of an application load
/// balancer (interval 30 s, time-out 5 s, healthy after 5, unhealthy after 2), shortened by the
/// stage where a stage says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// The tier that receives the requests.
    pub targets: Name,
    /// How targets are probed.
    #[serde(default)]
    pub health_check: HealthCheck,
}

/// How a load balancer decides that a target is dead. `interval_ms: 0` switches checks off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// Time between two probes of one target.
    #[schemars(range(max = LONGEST_MS))]
    pub interval_ms: u64,
    /// Longest wait for one answer.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub timeout_ms: u64,
    /// Successes in a row that bring a target back.
    #[schemars(range(min = 1))]
    pub healthy_after: u16,
    /// Failures in a row that take a target out.
    #[schemars(range(min = 1))]
    pub unhealthy_after: u16,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { interval_ms: 30_000, timeout_ms: 5_000, healthy_after: 5, unhealthy_after: 2 }
    }
}

/// PostgreSQL 17. With one node it is a single server; with more it is a cluster under Patroni.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The `etcd` tier that holds the leader lease; needed with more than one node, replicas included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordination: Option<Name>,
    /// How a standby follows.
    #[serde(default)]
    pub replication: Replication,
    /// Zone of the first primary; the first zone of the tier when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-one" = "a postgres tier has one primary"))]
    pub primary: Option<Name>,
    /// Zones of asynchronous read replicas, which are never promoted, beside the nodes in `zones`,
    /// which can be: zone name to number of replicas, or a list of zones. Needs `coordination`.
    #[serde(
        default,
        deserialize_with = "short::zones",
        skip_serializing_if = "IndexMap::is_empty"
    )]
    #[schemars(transform = short::zones_schema)]
    pub replicas: IndexMap<Name, u16>,
    /// Key ranges or hashes the data is split by (`stage-10m`); 1 means not sharded.
    #[serde(default = "one_shard")]
    pub shards: u16,
}

/// How a commit reaches the standby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// A commit is acknowledged only when the standby has it too.
    #[default]
    Synchronous,
    /// A commit is acknowledged when the primary has it.
    Asynchronous,
}

/// An etcd cluster; an odd number of members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Etcd {}

/// Redis: data servers in `zones`, the first of which begins as the primary, and Sentinels.
/// Replication is asynchronous: a fail-over may lose the last writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Zones of the Sentinels, each a node of its own: zone name to number of them, or a list of
    /// zones. An odd number, at least 3.
    #[serde(deserialize_with = "short::zones")]
    #[schemars(transform = short::zones_schema)]
    pub sentinels: IndexMap<Name, u16>,
    /// How long a server must be silent before a Sentinel takes it for dead, in milliseconds.
    #[serde(default = "down_after")]
    #[schemars(range(min = 100, max = LONGEST_MS))]
    pub down_after_ms: u64,
    /// Memory for data of each server in MiB; keys with an expiry are evicted when it is full.
    #[serde(default = "cache_memory")]
    #[schemars(range(min = 1, max = 65_536))]
    pub maxmemory_mib: u32,
}

/// Managed services of one region, emulated: one node for each emulator that is used. They belong to
/// no zone, so the loss of a zone does not stop them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// Which emulator stands for which service.
    pub services: AwsServices,
    /// The region; the stage's only one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
}

/// The emulator of each managed service; a service that is absent is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsServices {
    /// Object storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<Emulator>,
    /// Queues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqs: Option<Emulator>,
    /// Topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sns: Option<Emulator>,
    /// Mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ses: Option<Emulator>,
    /// The event bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eventbridge: Option<Emulator>,
    /// Metrics, alarms and logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloudwatch: Option<Emulator>,
    /// Names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route53: Option<Emulator>,
    /// Workflows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stepfunctions: Option<Emulator>,
    /// API gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apigateway: Option<Emulator>,
    /// Secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secretsmanager: Option<Emulator>,
    /// Key-value tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamodb: Option<Emulator>,
    /// Streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinesis: Option<Emulator>,
    /// Functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<Emulator>,
    /// Sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cognito: Option<Emulator>,
}

impl AwsServices {
    /// The services that are there, by their spelling in stage files, and their emulators.
    pub fn used(&self) -> Vec<(&'static str, Emulator)> {
        [
            ("s3", self.s3),
            ("sqs", self.sqs),
            ("sns", self.sns),
            ("ses", self.ses),
            ("eventbridge", self.eventbridge),
            ("cloudwatch", self.cloudwatch),
            ("route53", self.route53),
            ("stepfunctions", self.stepfunctions),
            ("apigateway", self.apigateway),
            ("secretsmanager", self.secretsmanager),
            ("dynamodb", self.dynamodb),
            ("kinesis", self.kinesis),
            ("lambda", self.lambda),
            ("cognito", self.cognito),
        ]
        .into_iter()
        .filter_map(|(name, emulator)| Some((name, emulator?)))
        .collect()
    }

    /// The emulators in use, each once.
    pub fn emulators(&self) -> Vec<Emulator> {
        let mut all: Vec<Emulator> = self.used().into_iter().map(|(_, e)| e).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A program that stands for managed services.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Emulator {
    /// LocalStack's free core. Its DynamoDB, Kinesis, Lambda and Cognito are not free or download
    /// their engines while they run, and so are not here.
    Localstack,
    /// MiniStack, which has all of them.
    Ministack,
}

impl Emulator {
    /// The spelling in stage files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Localstack => "localstack",
            Self::Ministack => "ministack",
        }
    }

    /// Whether it has a service.
    pub fn has(self, service: &str) -> bool {
        match self {
            Self::Localstack => !["dynamodb", "kinesis", "lambda", "cognito"].contains(&service),
            Self::Ministack => true,
        }
    }
}

/// pgbouncer in front of HAProxy, which asks Patroni who the primary is. Each connection to the
/// database serves many clients, one transaction at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseProxy {
    /// The `postgres` tier; one with `coordination`.
    pub database: Name,
    /// Connections that each proxy keeps to the primary.
    #[serde(default = "proxy_pool")]
    #[schemars(range(min = 1, max = 1000))]
    pub pool_size: u16,
    /// Connections that each proxy accepts.
    #[serde(default = "proxy_clients")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_clients: u16,
    /// How long a client waits for a connection of the pool before it is refused, in milliseconds.
    /// 120 s is the documented default of a managed database proxy: it waits rather than fails.
    #[serde(default = "borrow_timeout")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub borrow_timeout_ms: u64,
    /// Prepared statements that each connection keeps for all its clients.
    #[serde(default = "prepared_statements")]
    #[schemars(range(max = 10_000))]
    pub max_prepared_statements: u16,
}

/// nginx as an edge cache. What no rule names goes through to the pages uncached, and so does
/// everything but GET and HEAD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cdn {
    /// Where answers come from.
    pub origins: Origins,
    /// Bucket in which the objects of origin `assets` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub bucket: Option<Name>,
    /// What is kept, by path. The longest path that fits decides.
    #[serde(default)]
    pub rules: Vec<CacheRule>,
    /// Headers of a request that make it pass by the cache: its answer is meant for one client.
    #[serde(default = "personal_headers")]
    #[schemars(inner(length(min = 1)))]
    pub personal_headers: Vec<String>,
    /// How long an error of an origin is kept when there is nothing older to serve, in seconds;
    /// 0 keeps none.
    #[serde(default = "error_ttl")]
    #[schemars(range(max = MOST_TTL_S))]
    pub error_ttl_s: u32,
    /// Of many who ask for the same missing object, one is passed on to the origin and the others
    /// wait for what it brings.
    #[serde(default = "yes")]
    pub collapse: bool,
    /// Longest wait for a connection to an origin, in milliseconds.
    #[serde(default = "origin_connect")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub connect_timeout_ms: u64,
    /// Longest wait for an answer of an origin, in milliseconds.
    #[serde(default = "origin_answer")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub answer_timeout_ms: u64,
    /// Size of the cache in MiB.
    #[serde(default = "cache_memory")]
    #[schemars(range(min = 1, max = 65_536))]
    pub cache_mib: u32,
}

/// Longest time that an edge cache may be told to keep something: a year.
pub const MOST_TTL_S: u32 = 31_536_000;

/// The origins of a cdn. Together they are an origin group: what `assets` does not have, or cannot
/// say, is asked of `pages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origins {
    /// The tier that makes pages: a load balancer, service or box.
    pub pages: Name,
    /// The `aws` tier whose object storage holds static files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<Name>,
}

/// What an edge cache does with the paths that fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheRule {
    /// A path, or with `*` at its end everything that begins like it: `/assets/*`.
    pub path: String,
    /// Which origin is asked first.
    #[serde(default)]
    pub origin: OriginName,
    /// How long an answer is kept when it does not say so itself (`Cache-Control`), in seconds.
    #[serde(default = "day")]
    #[schemars(range(min = 1, max = MOST_TTL_S))]
    pub ttl_s: u32,
}

/// An origin of a cdn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OriginName {
    /// The tier that makes pages.
    #[default]
    Pages,
    /// Object storage.
    Assets,
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
    /// Cores, such as 0.25 or 2.
    #[schemars(range(max = 1024), extend("exclusiveMinimum" = 0))]
    pub cpus: f64,
    /// Memory limit in MiB.
    #[schemars(range(min = 32))]
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

/// The stage's traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The tier that users talk to.
    pub entry: Name,
    /// Requests per second that this machine sends during experiments.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub rate_per_s: u32,
    /// Requests of one user in a day (20 unless the stage knows better).
    #[serde(default = "twenty")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub requests_per_user_day: f64,
    /// Peak over mean (4 unless the stage knows better).
    #[serde(default = "four")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub peak_factor: f64,
    /// Share of requests that only read, in percent (70 unless the stage knows better).
    #[serde(default = "seventy")]
    #[schemars(range(max = 100))]
    pub read_percent: u8,
    /// Share of requests with which users write and read their own profile, in percent: by them
    /// it is judged whether anybody is shown less than they wrote or saw.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub profile_percent: u8,
    /// Longest a client waits for one answer.
    #[serde(default = "client_timeout")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub timeout_ms: u64,
}

impl Traffic {
    /// Peak requests per second that so many users cause: users x requests per day / 86 400 x
    /// peak factor.
    pub fn derived_peak_per_s(&self, users: u64) -> f64 {
        users as f64 * self.requests_per_user_day / 86_400.0 * self.peak_factor
    }
}

/// What users were promised, for the stage or for one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Least share of requests that succeed, in percent, over the whole experiment.
    #[schemars(range(min = 0, max = 100))]
    pub availability_percent: f64,
    /// 99th percentile of latency from the intended start, outside of the recovery time.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub p99_ms: u64,
    /// Longest time from the fault until service is back for good.
    #[schemars(range(max = LONGEST_MS))]
    pub rto_ms: u64,
    /// How many acknowledged writes may be lost.
    #[serde(default)]
    pub rpo_writes: u64,
    /// How long after its acknowledgement a post may be missing where it belongs, in milliseconds.
    /// Nobody is promised anything about it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub staleness_ms: Option<u64>,
}

/// Objectives of one experiment; what is absent is taken from the stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectivesOverride {
    /// Least share of requests that succeed, in percent; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub availability_percent: Option<f64>,
    /// 99th percentile of latency; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub p99_ms: Option<u64>,
    /// Longest time from the fault until service is back; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LONGEST_MS))]
    pub rto_ms: Option<u64>,
    /// How many acknowledged writes may be lost; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo_writes: Option<u64>,
    /// How long a post may be missing after its acknowledgement; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub staleness_ms: Option<u64>,
}

impl Objectives {
    /// These objectives with what one experiment says differently.
    pub fn with(&self, o: &ObjectivesOverride) -> Self {
        Self {
            availability_percent: o.availability_percent.unwrap_or(self.availability_percent),
            p99_ms: o.p99_ms.unwrap_or(self.p99_ms),
            rto_ms: o.rto_ms.unwrap_or(self.rto_ms),
            rpo_writes: o.rpo_writes.unwrap_or(self.rpo_writes),
            staleness_ms: o.staleness_ms.or(self.staleness_ms),
        }
    }
}

/// A fault, or a timed list of them, and what must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = short::experiment_schema)]
pub struct Experiment {
    /// The faults, each with its own start. `fault:` with one entry is the short form of a list of
    /// one; an entry that needs no parameters may be its bare name.
    #[serde(alias = "fault", deserialize_with = "short::faults")]
    #[schemars(length(min = 1))]
    pub faults: Vec<TimedFault>,
    /// `survives`, or `breaks` for a negative control.
    pub expect: Expectation,
    /// For a negative control: which promise breaks, and why that is worth knowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long traffic goes on after the last heal, in milliseconds.
    #[serde(default = "settle")]
    #[schemars(range(max = LONGEST_MS))]
    pub settle_ms: u64,
    /// Objectives that differ from the stage's.
    #[serde(default)]
    pub objectives: ObjectivesOverride,
}

/// What an experiment must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Every objective and invariant holds.
    Survives,
    /// At least one objective or invariant is violated; a survival is red.
    Breaks,
}

fn down_after() -> u64 {
    500
}
fn cache_memory() -> u32 {
    64
}
fn proxy_pool() -> u16 {
    20
}
fn proxy_clients() -> u16 {
    1000
}
fn borrow_timeout() -> u64 {
    120_000
}
fn prepared_statements() -> u16 {
    200
}
fn personal_headers() -> Vec<String> {
    ["Authorization", "Cookie", "X-Position"].map(str::to_owned).into()
}
fn error_ttl() -> u32 {
    10
}
fn yes() -> bool {
    true
}
fn origin_connect() -> u64 {
    200
}
fn origin_answer() -> u64 {
    6000
}
fn day() -> u32 {
    86_400
}
fn one() -> f64 {
    1.0
}
fn one_shard() -> u16 {
    1
}
fn twenty() -> f64 {
    20.0
}
fn four() -> f64 {
    4.0
}
fn seventy() -> u8 {
    70
}
fn client_timeout() -> u64 {
    6000
}
fn settle() -> u64 {
    3000
}
fn app_image() -> String {
    "app".into()
}
fn service_port() -> u16 {
    8080
}
fn health_path() -> String {
    "/healthz".into()
}
