//! Load balancers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_MS, Name};

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
