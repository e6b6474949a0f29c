//! API gateways.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_MS, MOST_PER_S, Name};

/// Lets through what clients may send, and refuses the rest with 429: token buckets in total and for
/// each client. Of `n` nodes each has an n-th of every bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiGateway {
    /// The `load-balancer` tier that receives what is let through.
    pub upstream: Name,
    /// What all clients together may send; the provider's documented default of 10,000 a second and
    /// 5,000 at once when absent.
    #[serde(default = "account")]
    pub total: Bucket,
    /// What one client may send who has no plan; without limit when absent. A client is who sends one
    /// session token, or, without a token, comes from one address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Bucket>,
    /// Usage plans by name: what one client may send who has an API key of the plan.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub plans: IndexMap<Name, UsagePlan>,
    /// Longest wait for an answer (29 s, the documented default).
    #[serde(default = "answer_timeout")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub timeout_ms: u64,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Tokens that are added each second; a request takes one.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub rate_per_s: u32,
    /// Tokens that the bucket holds: so many requests may come at once.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub burst: u32,
}

/// What a client with one of these API keys may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsagePlan {
    /// Tokens that are added each second.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub rate_per_s: u32,
    /// Tokens that the bucket holds.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub burst: u32,
    /// The API keys, sent as the header `X-Api-Key`. They name a client, and are no secrets: a key proves
    /// nothing about who sends it.
    #[schemars(length(min = 1))]
    pub keys: Vec<String>,
}

impl UsagePlan {
    /// Its bucket.
    pub fn bucket(&self) -> Bucket {
        Bucket { rate_per_s: self.rate_per_s, burst: self.burst }
    }
}

/// The provider's default for an account in a region.
fn account() -> Bucket {
    Bucket { rate_per_s: 10_000, burst: 5000 }
}

fn answer_timeout() -> u64 {
    29_000
}
