//! The edge cache.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FrontDoor, LONGEST_MS, NAME_PATTERN, Name};

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
    /// What is let in, before the cache is asked; everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front_door: Option<FrontDoor>,
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

fn cache_memory() -> u32 {
    64
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
