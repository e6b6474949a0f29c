//! Anybody's container.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capability, GivenCapability, USER_PATTERN};
use crate::spec::short;

/// Containers of any image: a database of another make, a queue, a page in any language. The lab
/// knows nothing of them but what stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// The name of an image that is here, or that a registry has.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(min = 1))]
    pub image: String,
    /// A folder with a Dockerfile, in the place of `image`: seen from the stage file. The image is made when
    /// the lab starts and something in the folder has changed; the build argument `BASE` names the lab's own
    /// base image (Debian).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub build: Option<String>,
    /// What runs in the place of the image's own command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What runs in the place of the image's own entry point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The ports on which it serves; the first is the one that load balancers, users and probes mean. None
    /// for what only calls others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 1)))]
    pub ports: Vec<u16>,
    /// Path that answers 2xx on the first port while a node works. Without it a node works when the image's own
    /// health check (`HEALTHCHECK`) succeeds; if it has none, when that port takes connections, or when it runs
    /// and has no port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// A command in the container that succeeds while the node works, in the place of `health`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_command: Vec<String>,
    /// It runs once, to success, when the lab starts, and is done: a migration, a seed. Tiers that wait for
    /// it name it in `needs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub job: bool,
    /// Environment variables. `NODE_NAME` is there as well.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Files with lines `NAME=value`, seen from the stage file, whose variables `env` adds to and overrides. Of
    /// several the later one wins. Values may be quoted; nothing in them is replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "short::texts")]
    #[schemars(schema_with = "short::texts_schema")]
    pub env_file: Vec<String>,
    /// Files in each container: path to content.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub files: IndexMap<String, String>,
    /// Folders whose content each node keeps when its container is made anew. `name:folder` is one folder that
    /// all nodes share that say so, of whichever tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// How to ask a node what it is; `kill-primary`, `pause-primary` and `cut-replication` need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<RoleQuestion>,
    /// The user that it begins as; the image's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = USER_PATTERN))]
    pub user: Option<String>,
    /// Capabilities of Linux that it has besides those that Docker gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<Capability>,
    /// Capabilities that it does not have, though Docker gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<GivenCapability>,
}

/// A command in a node's container, and which of its answers mean what. An answer is everything that
/// it prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleQuestion {
    /// The command and its arguments.
    #[schemars(length(min = 1))]
    pub exec: Vec<String>,
    /// A regular expression that fits the answer of a primary, or leader. A command that fails has no
    /// answer.
    #[schemars(length(min = 1))]
    pub primary: String,
    /// One that fits the answer of everybody else; any other answer when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub replica: Option<String>,
}
