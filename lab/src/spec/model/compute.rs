//! What runs the application: boxes and services, and their habits.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Capability, Deploy, Events, GivenCapability, LONGEST_MS, MOST_PER_S, Mail, NAME_PATTERN, Name,
    Release, USER_PATTERN, Worker,
};
use crate::spec::short;

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
    /// A folder with a Dockerfile, in the place of `image`, as containers have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub build: Option<String>,
    /// What runs in the place of the command of an image of one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What runs in the place of its entry point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
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
    /// The `aws` tier with queues, topics and the event bus, where it is not the one above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging: Option<Name>,
    /// Where the demo application puts the events of its orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Box<Events>>,
    /// The tasks take messages from a queue instead of answering users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<Box<Worker>>,
    /// Who sends the mails of orders, where no worker does.
    #[serde(default)]
    pub mail: Mail,
    /// Where the demo application keeps carts.
    #[serde(default)]
    pub carts: Carts,
    /// Bucket of object storage in which the demo application keeps front end and product images;
    /// needs `aws` with `s3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub assets_bucket: Option<Name>,
    /// The `load-balancer` or `api-gateway` tier in front of the application tier. The demo application
    /// is then a web tier without data of its own: it makes pages of what it is answered there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Name>,
    /// Orders that wait for the mail service may take only a quarter of a task's `request_slots`.
    #[serde(default = "on")]
    pub bulkhead: bool,
    /// Requests that a task serves at the same time where it sends mail inline (32 when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4, max = 1000))]
    pub request_slots: Option<u16>,
    /// Requests a second that one task can serve, however fast the machine is: a smaller copy of a
    /// site has smaller tasks. Two seconds' worth is served at once, what is beyond queues for up to a
    /// second and is then refused with 503. Unlimited when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub capacity_per_s: Option<u32>,
    /// Whether the number of tasks follows the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Box<Scaling>>,
    /// The release that runs when the stage is started; a later one is deployed with `lab deploy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub release: Option<Name>,
    /// The releases by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(transform = short::names)]
    pub releases: IndexMap<Name, Release>,
    /// How a release takes the place of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Box<Deploy>>,
    /// Further environment variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Files with lines `NAME=value`, seen from the stage file, whose variables `env` adds to and overrides. Of
    /// several the later one wins. Values may be quoted; nothing in them is replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "short::texts")]
    #[schemars(schema_with = "short::texts_schema")]
    pub env_file: Vec<String>,
    /// Files in each container of an image of one's own: path to content.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub files: IndexMap<String, String>,
    /// Folders that each task of an image of one's own keeps, or that all share, as containers have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// The user that an image of one's own begins as; the image's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = USER_PATTERN))]
    pub user: Option<String>,
    /// Capabilities of Linux that an image of one's own has besides those that Docker gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<Capability>,
    /// Capabilities that it does not have, though Docker gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<GivenCapability>,
    /// Habits of the demo application, each of which can be switched off.
    #[serde(default)]
    pub habits: Box<Habits>,
}

impl Service {
    /// Whether it is the demo application.
    pub fn is_ours(&self) -> bool {
        self.image == "app" && self.build.is_none()
    }
}

/// A scaling group: the control plane holds the requests of each task near a target (target
/// tracking). The tasks in `zones` are the least there are. Times are those of the provider and are
/// divided by the stage's `time_scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// The most tasks there are, spread evenly over the tier's zones.
    #[schemars(range(min = 1, max = 200))]
    pub max: u16,
    /// Requests per second that one task is to have.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub target_per_s: u32,
    /// Time between two points of the metric, in seconds.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 3600))]
    pub period_s: u32,
    /// So many points in a row above the target add tasks.
    #[serde(default = "points_out")]
    #[schemars(range(min = 1, max = 100))]
    pub points_out: u16,
    /// So many points in a row below 90 % of the target take tasks away.
    #[serde(default = "points_in")]
    #[schemars(range(min = 1, max = 100))]
    pub points_in: u16,
    /// After adding, only a larger addition passes for so long, in seconds.
    #[serde(default = "cooldown")]
    #[schemars(range(max = 86_400))]
    pub cooldown_out_s: u32,
    /// After taking away, nothing more is taken away for so long, in seconds; an addition ends it.
    #[serde(default = "cooldown")]
    #[schemars(range(max = 86_400))]
    pub cooldown_in_s: u32,
    /// How long a task that is to end fails its health checks and serves on, in milliseconds, so that
    /// load balancers stop sending to it. Not scaled: it covers their health checks of this stage.
    #[serde(default = "drain")]
    #[schemars(range(max = LONGEST_MS))]
    pub drain_ms: u64,
}

impl Scaling {
    /// How long a group may take after its load went down until it begins to take tasks away: its points
    /// below the target, and what is left of the cool-down of its last addition.
    pub fn shrinks_within(&self, time_scale: f64) -> std::time::Duration {
        let seconds = u32::from(self.points_in) * self.period_s + self.cooldown_out_s;
        std::time::Duration::from_secs_f64(f64::from(seconds) / time_scale)
    }
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

fn app_image() -> String {
    "app".into()
}

fn service_port() -> u16 {
    8080
}

fn on() -> bool {
    true
}

fn health_path() -> String {
    "/healthz".into()
}

/// Documented defaults of target tracking: one-minute points, out after 3 of 3, in after 15 of 15,
/// cool-downs of 300 s.
fn minute() -> u32 {
    60
}
fn points_out() -> u16 {
    3
}
fn points_in() -> u16 {
    15
}
fn cooldown() -> u32 {
    300
}
fn drain() -> u64 {
    3000
}
